-- Every packet of every capture at hand, and one of each kind, against tshark's word.

local pcap = require "pcap"
local decode = require "pcap.decode"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tshark = require "spec.support.tshark"

-- By layer: tshark's field, and what of a view it is. A field is compared as a number where both
-- are one: tshark writes some in hexadecimal.
local FIELDS = {
  eth = {
    ["eth.src"] = "src", ["eth.dst"] = "dst",
  },
  arp = {
    ["arp.opcode"] = "opcode", ["arp.src.hw_mac"] = "src_hw", ["arp.dst.hw_mac"] = "dst_hw",
    ["arp.src.proto_ipv4"] = "src", ["arp.dst.proto_ipv4"] = "dst",
  },
  ip4 = {
    ["ip.version"] = "version", ["ip.hdr_len"] = "header_size", ["ip.dsfield"] = "ToS",
    ["ip.len"] = "total_length", ["ip.id"] = "id", ["ip.flags.df"] = "dont_fragment",
    ["ip.flags.mf"] = "more_fragments", ["ip.ttl"] = "ttl", ["ip.proto"] = "proto",
    ["ip.checksum"] = "checksum", ["ip.src"] = "src", ["ip.dst"] = "dst",
    ["ip.frag_offset"] = "fragment_offset",
  },
  ip6 = {
    ["ipv6.version"] = "version", ["ip.version"] = "version", ["ipv6.tclass"] = "ToS",
    ["ipv6.flow"] = "flow_label",
    ["ipv6.plen"] = "payload_length", ["ipv6.nxt"] = "next_header", ["ipv6.hlim"] = "ttl",
    ["ipv6.src"] = "src", ["ipv6.dst"] = "dst", ["ipv6.fraghdr.ident"] = "id",
    ["ipv6.fraghdr.offset"] = function(ip) return ip.id and ip.fragment_offset end,
    ["ipv6.fraghdr.more"] = function(ip) return ip.id and ip.more_fragments end,
  },
  tcp = {
    ["tcp.srcport"] = "source_port", ["tcp.dstport"] = "dest_port", ["tcp.seq_raw"] = "seq_num",
    ["tcp.ack_raw"] = "ack", ["tcp.hdr_len"] = "offset", ["tcp.flags"] = "flags",
    ["tcp.flags.fin"] = "f_fin", ["tcp.flags.syn"] = "f_syn", ["tcp.flags.reset"] = "f_reset",
    ["tcp.flags.push"] = "f_push", ["tcp.flags.ack"] = "f_ack", ["tcp.flags.urg"] = "f_urg",
    ["tcp.window_size_value"] = "window", ["tcp.checksum"] = "checksum",
    ["tcp.urgent_pointer"] = "urgent_pointer", ["tcp.len"] = "content_length",
    ["tcp.options.mss_val"] = function(tcp) return tcp.options.mss end,
    ["tcp.options.wscale.shift"] = function(tcp) return tcp.options.window_scale end,
    ["tcp.options.timestamp.tsval"] = function(tcp) return tcp.options.tsval end,
    ["tcp.options.timestamp.tsecr"] = function(tcp) return tcp.options.tsecr end,
  },
  udp = {
    ["udp.srcport"] = "source_port", ["udp.dstport"] = "dest_port", ["udp.length"] = "length",
    ["udp.checksum"] = "checksum",
  },
  sctp = {
    ["sctp.srcport"] = "source_port", ["sctp.dstport"] = "dest_port",
    ["sctp.verification_tag"] = "tag", ["sctp.checksum"] = "checksum",
  },
  icmp = {
    ["icmp.type"] = "type", ["icmp.code"] = "code", ["icmp.checksum"] = "checksum",
    ["icmp.seq"] = "seq",
  },
  icmpv6 = {
    ["icmpv6.type"] = "type", ["icmpv6.code"] = "code", ["icmpv6.checksum"] = "checksum",
    ["icmpv6.echo.identifier"] = "id", ["icmpv6.echo.sequence_number"] = "seq",
  },
  gre = {
    ["gre.proto"] = "type", ["gre.key"] = "key", ["gre.key.call_id"] = "call_id",
    ["gre.sequence_number"] = "seq_num",
  },
  vxlan = { ["vxlan.vni"] = "vni" },
  geneve = { ["geneve.vni"] = "vni" },
  pppoe = { ["pppoe.session_id"] = "session", ["pppoe.payload_length"] = "length" },
  ah = { ["ah.spi"] = "spi", ["ah.sequence"] = "seq_num" },
  sll = {
    ["sll.pkttype"] = "packet_type", ["sll.hatype"] = "hardware_type", ["sll.src.eth"] = "src",
    ["sll.ifindex"] = "interface",
  },
  null = { ["null.family"] = "family" },
  chdlc = { ["chdlc.address"] = "address", ["chdlc.protocol"] = "type" },
}

-- What tshark says of checksums: 0 is wrong, 1 right; else it did not judge.
local SUMS = {
  ip = "ip.checksum.status", tcp = "tcp.checksum.status", udp = "udp.checksum.status",
  icmp = "icmp.checksum.status", icmpv6 = "icmpv6.checksum.status",
}

local names = { "frame.protocols", "vlan.id", "ieee8021ad.id", "vlan.priority" }
for _, fields in pairs(FIELDS) do
  for field in pairs(fields) do
    names[#names + 1] = field
  end
end
for _, field in pairs(SUMS) do
  names[#names + 1] = field
end
table.sort(names)

local function plain(value)
  if type(value) == "boolean" then
    return value and 1 or 0
  end
  return tonumber(value) or value
end

local function add(list, value)
  if value ~= nil and value ~= false then
    list[#list + 1] = plain(value)
  end
end

-- By tshark's field: our values, of the packet and of what is in its tunnel, in their order.
local function ours(layers)
  local values = {}
  for _, name in ipairs(names) do
    values[name] = {}
  end
  for _, object in ipairs { layers, layers.inner } do
    for layer, fields in pairs(FIELDS) do
      local view = object[layer]
      if layer == "ip4" or layer == "ip6" then
        view = object.ip and object.ip.version == tonumber(layer:sub(3)) and object.ip
      end
      for field, key in pairs(view and fields or {}) do
        local value
        if type(key) == "function" then value = key(view) else value = view[key] end
        if value ~= nil then
          table.insert(values[field], plain(value))
        end
      end
    end
    for i, tag in ipairs(object.vlan and object.vlan.tags or {}) do
      local outer = i == 1 and object.eth and object.eth.type == 0x88a8
      add(values[outer and "ieee8021ad.id" or "vlan.id"], tag.id)
      if not outer then add(values["vlan.priority"], tag.priority) end
    end
  end
  return values
end

local function join(list, count)
  local texts = {}
  for i = 1, math.min(count or #list, #list) do
    texts[i] = tostring(plain(list[i]))
  end
  return table.concat(texts, " ")
end

local function is_error_message(layers)
  local icmp, icmpv6 = layers.icmp, layers.icmpv6
  return icmp and (icmp.type == 3 or icmp.type == 5 or icmp.type == 11 or icmp.type == 12)
    or icmpv6 and icmpv6.type < 5
end

-- The known differences, each with the packets that it is about. What tshark has more of there,
-- at the end of a field's list, is not for us.
local DEEPER = {
  ["an ICMP error quotes a packet, which tshark decodes as if it were one"] = function(layers)
    return is_error_message(layers) or layers.inner and is_error_message(layers.inner)
  end,
  ["tshark decodes tunnels in tunnels, we one level in"] = function(layers)
    local inner = layers.inner
    return inner and (inner.gre or inner.vxlan or inner.geneve or inner.ip
      and (inner.ip.proto == 4 or inner.ip.proto == 41))
  end,
  ["tshark inflates what IPComp has compressed"] = function(_, protocols)
    return protocols:find(":ipcomp:", 1, true)
  end,
}

-- And those about one field.
local OTHERWISE = {
  ["ip.len"] = function(layers) -- tshark puts in what it takes a length of 0 for
    return layers.ip and layers.ip.total_length == 0
  end,
  ["udp.checksum"] = function(layers) -- tshark stops at a length that cannot be
    return layers.error == "udp: length is less than the header's"
  end,
  ["ipv6.fraghdr.ident"] = function(_, protocols) -- of several, our view has the last
    return protocols:find("fraghdr.*fraghdr")
  end,
}
OTHERWISE["ipv6.fraghdr.offset"] = OTHERWISE["ipv6.fraghdr.ident"]
OTHERWISE["ipv6.fraghdr.more"] = OTHERWISE["ipv6.fraghdr.ident"]

-- And the link types that tshark 4.0 cannot read: DSA_TAG_BRCM, DSA_TAG_DSA.
local UNREADABLE = { [281] = true, [284] = true }

local function goes_deeper(layers, protocols)
  for _, applies in pairs(DEEPER) do
    if applies(layers, protocols) then
      return true
    end
  end
  return false
end

local function is_otherwise(name, layers, protocols)
  return OTHERWISE[name] and OTHERWISE[name](layers, protocols)
end

local function compare_sum(object, layer, status, where)
  local right = object:verify(layer)
  if status == "0" or status == "1" then
    assert.equal(status == "1", right, where)
  else
    assert.is_nil(right, where .. ": not judged by tshark, " .. tostring(status))
  end
end

local function compare_sums(layers, theirs, where)
  for layer, field in pairs(SUMS) do
    local position = 0
    for _, object in ipairs { layers, layers.inner } do
      local view = object[layer]
      if view and not (layer == "ip" and view.version == 6) then
        position = position + 1
        compare_sum(object, layer, theirs[field][position], where .. field)
      end
    end
  end
end

local function compare(layers, theirs, where)
  local protocols = table.concat(theirs["frame.protocols"])
  local values, deeper = ours(layers), goes_deeper(layers, protocols)
  for _, name in ipairs(names) do
    local is_ours = name ~= "frame.protocols" and not name:find("status", 1, true)
    if is_ours and not is_otherwise(name, layers, protocols) then
      assert.equal(join(theirs[name], deeper and #values[name]), join(values[name]),
        ("%s%s (%s)"):format(where, name, protocols))
    end
  end
  compare_sums(layers, theirs, where)
end

-- Compares all packets of a file, and gives their number.
local function judge(path)
  local cap = assert(pcap.open_offline(path))
  local linktype = cap:datalink()
  local layers = decode.layers(linktype)
  local theirs = not UNREADABLE[linktype] and tshark.fields(path, names)
  local count = 0
  for pkt in cap:packets() do
    count = count + 1
    layers(pkt)
    if layers.error == ("link type %d is not decoded"):format(linktype) then
      assert.is_nil(layers.last)
    else
      compare(layers, theirs[count], ("#%d: "):format(count))
    end
  end
  cap:close()
  assert.equal(theirs and #theirs or count, count)
  return count
end

describe("the decoder agrees with tshark", function()
  local folder, remove
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  describe("on", function()
    local kinds, records, theirs, order = frames.kinds(), {}, nil, {}
    for name, bytes in pairs(kinds) do
      order[#order + 1] = name
      records[#order] = savefile.record(bytes)
    end
    setup(function()
      local path = shell.write(folder .. "/kinds.pcap", savefile.header() .. table.concat(records))
      theirs = shell.has "tshark" and tshark.fields(path, names)
    end)
    for i, name in ipairs(order) do
      it(name, function()
        shell.needs "tshark"
        local layers = decode.layers()(kinds[name])
        assert.is_nil(layers.error)
        compare(layers, theirs[i], "")
      end)
    end
  end)

  for name, bytes in pairs(frames.misfits()) do
    it("on " .. name, function()
      local path = shell.write(folder .. "/misfit.pcap",
        savefile.header() .. savefile.record(bytes))
      assert.equal(1, judge(path))
      assert.is_string(decode.layers()(bytes).error)
    end)
  end

  for i, link in ipairs(frames.links()) do
    it("on " .. link[2], function()
      local path = shell.write(folder .. "/link" .. i .. ".pcap",
        savefile.header { linktype = link[1] } .. savefile.record(link[3]))
      assert.equal(1, judge(path))
    end)
  end

  local real = savefile.real()
  for _, path in ipairs(real) do
    it("on " .. path:match("[^/]*$"), function()
      assert.is_true(judge(path) > 0)
    end)
  end
  if #real == 0 then
    pending("on real captures: none found, see PCAP_CAPTURES")
  end
end)
