--- Compares what the decoder says of packets with tshark's word, field by field.

local pcapng_file = require "spec.support.pcapng_file"
local shell = require "spec.support.shell"
local tshark = require "spec.support.tshark"

local judge = {}

-- What a savefile has for libpcap's numbers of RAW.
local SAVED_AS = { [12] = 101, [14] = 101 }

-- Of a list of tables, one value of each.
local function each(list, key)
  return function(view)
    local values = {}
    for i, item in ipairs(view[list] or {}) do
      values[i] = item[key]
    end
    return values
  end
end

-- By layer: tshark's field, and what of a view it is. A field is compared as a number where both
-- are one: tshark writes some in hexadecimal. A function may give a list.
local FIELDS = {
  eth = {
    ["eth.src"] = "src", ["eth.dst"] = "dst",
    ["eth.type"] = function(h) return h.type >= 1536 and h.type end,
  },
  mpls = {
    ["mpls.label"] = each("labels", "label"), ["mpls.exp"] = each("labels", "traffic_class"),
    ["mpls.bottom"] = each("labels", "bottom"), ["mpls.ttl"] = each("labels", "ttl"),
  },
  pbb = {
    ["ieee8021ah.isid"] = "isid", ["ieee8021ah.priority"] = "priority",
    ["ieee8021ah.drop"] = "drop_eligible", ["ieee8021ah.nca"] = "nca",
    ["ieee8021ah.cdst"] = "dst", ["ieee8021ah.csrc"] = "src",
  },
  vntag = {
    ["vntag.dir"] = "direction", ["vntag.ptr"] = "pointer", ["vntag.dst"] = "dst_vif",
    ["vntag.looped"] = "looped", ["vntag.version"] = "version", ["vntag.src"] = "src_vif",
    ["vntag.etype"] = function(h) return h.type >= 1536 and h.type end,
  },
  arp = {
    ["arp.opcode"] = "opcode", ["arp.hw.type"] = "hardware_type",
    ["arp.proto.type"] = "protocol_type", ["arp.hw.size"] = "hardware_size",
    ["arp.proto.size"] = "protocol_size",
    ["arp.src.hw_mac"] = function(h) return h.hardware_size == 6 and h.src_hw end,
    ["arp.dst.hw_mac"] = function(h) return h.hardware_size == 6 and h.dst_hw end,
    ["arp.src.proto_ipv4"] = "src", ["arp.dst.proto_ipv4"] = "dst",
  },
  ip4 = {
    ["ip.version"] = "version", ["ip.hdr_len"] = "header_size", ["ip.dsfield"] = "ToS",
    ["ip.len"] = "total_length", ["ip.id"] = "id", ["ip.flags.df"] = "dont_fragment",
    ["ip.flags.mf"] = "more_fragments", ["ip.ttl"] = "ttl", ["ip.proto"] = "proto",
    ["ip.checksum"] = "checksum", ["ip.src"] = "src",
    ["ip.dst"] = function(ip) return ip.final_dst or ip.dst end, -- tshark tells the last hop
    ["ip.frag_offset"] = "fragment_offset",
  },
  ip6 = {
    ["ipv6.version"] = "version", ["ip.version"] = "version", ["ipv6.tclass"] = "ToS",
    ["ipv6.flow"] = "flow_label",
    ["ipv6.plen"] = "payload_length", ["ipv6.nxt"] = "next_header", ["ipv6.hlim"] = "ttl",
    ["ipv6.src"] = "src", ["ipv6.dst"] = "dst", ["ipv6.fraghdr.ident"] = "id",
    ["ipv6.fraghdr.offset"] = function(ip) return ip.id and ip.fragment_offset end,
    ["ipv6.fraghdr.more"] = function(ip) return ip.id and (ip.more_fragments and 1 or 0) end,
    ["ipv6.routing.type"] = "routing_type", ["ipv6.routing.segleft"] = "segments_left",
    ["ipv6.opt.mipv6.home_address"] = "home_address",
  },
  tcp = {
    ["tcp.srcport"] = "source_port", ["tcp.dstport"] = "dest_port", ["tcp.seq_raw"] = "seq_num",
    ["tcp.ack_raw"] = "ack", ["tcp.hdr_len"] = "offset", ["tcp.flags"] = "flags",
    ["tcp.flags.fin"] = "f_fin", ["tcp.flags.syn"] = "f_syn", ["tcp.flags.reset"] = "f_reset",
    ["tcp.flags.push"] = "f_push", ["tcp.flags.ack"] = "f_ack", ["tcp.flags.urg"] = "f_urg",
    ["tcp.window_size_value"] = "window", ["tcp.checksum"] = "checksum",
    ["tcp.urgent_pointer"] = "urgent_pointer",
    ["tcp.len"] = function(tcp) return tcp.offset and tcp.content_length end,
    ["tcp.options.mss_val"] = function(tcp) return tcp.options and tcp.options.mss end,
    ["tcp.options.wscale.shift"] = function(tcp)
      return tcp.options and tcp.options.window_scale
    end,
    ["tcp.options.timestamp.tsval"] = function(tcp) return tcp.options and tcp.options.tsval end,
    ["tcp.options.timestamp.tsecr"] = function(tcp) return tcp.options and tcp.options.tsecr end,
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
    ["icmp.seq"] = "seq", ["icmp.mtu"] = "mtu", ["icmp.redir_gw"] = "gateway",
  },
  icmpv6 = {
    ["icmpv6.type"] = "type", ["icmpv6.code"] = "code", ["icmpv6.checksum"] = "checksum",
    ["icmpv6.echo.identifier"] = "id", ["icmpv6.echo.sequence_number"] = "seq",
    ["icmpv6.mtu"] = function(h) return h.type == 2 and h.mtu end,
    ["icmpv6.opt.mtu"] = function(h) return h.type ~= 2 and h.mtu end,
    ["icmpv6.nd.ns.target_address"] = function(h) return h.type == 135 and h.target end,
    ["icmpv6.nd.na.target_address"] = function(h) return h.type == 136 and h.target end,
    ["icmpv6.nd.rd.target_address"] = function(h) return h.type == 137 and h.target end,
    ["icmpv6.rd.na.destination_address"] = "destination",
    ["icmpv6.nd.na.flag.r"] = "f_router", ["icmpv6.nd.na.flag.s"] = "f_solicited",
    ["icmpv6.nd.na.flag.o"] = "f_override", ["icmpv6.nd.ra.cur_hop_limit"] = "hop_limit",
    ["icmpv6.nd.ra.flag.m"] = "f_managed", ["icmpv6.nd.ra.flag.o"] = "f_other",
    ["icmpv6.nd.ra.router_lifetime"] = "router_lifetime",
    ["icmpv6.nd.ra.reachable_time"] = "reachable_time",
    ["icmpv6.nd.ra.retrans_timer"] = "retrans_timer",
    ["icmpv6.opt.src_linkaddr"] = "source_link_address",
    ["icmpv6.opt.target_linkaddr"] = "target_link_address",
    ["icmpv6.opt.prefix"] = each("prefixes", "prefix"),
    ["icmpv6.opt.prefix.length"] = each("prefixes", "length"),
    ["icmpv6.opt.prefix.flag.l"] = each("prefixes", "on_link"),
    ["icmpv6.opt.prefix.flag.a"] = each("prefixes", "autonomous"),
    ["icmpv6.opt.prefix.valid_lifetime"] = each("prefixes", "valid_lifetime"),
    ["icmpv6.opt.prefix.preferred_lifetime"] = each("prefixes", "preferred_lifetime"),
    ["icmpv6.mld.multicast_address"] = "group",
  },
  igmp = {
    ["igmp.type"] = "type", ["igmp.version"] = "version", ["igmp.checksum"] = "checksum",
    ["igmp.maddr"] = function(h)
      return h.type == 0x22 and each("records", "group")(h) or h.group
    end,
    ["igmp.record_type"] = each("records", "type"),
    ["igmp.saddr"] = function(h)
      local list = h.sources or {}
      for _, record in ipairs(h.records or {}) do
        for _, source in ipairs(record.sources) do
          list[#list + 1] = source
        end
      end
      return list
    end,
    ["igmp.s"] = "suppress", ["igmp.qrv"] = "qrv", ["igmp.qqic"] = "qqic",
  },
  mobility = {
    ["mip6.mhtype"] = "type", ["mip6.csum"] = "checksum", ["mip6.proto"] = "next_header",
    ["mip6.bu.seqnr"] = function(h) return h.type == 5 and h.seq_num end,
    ["mip6.ba.seqnr"] = function(h) return h.type == 6 and h.seq_num end,
    ["mip6.ba.status"] = "status",
    ["mip6.bu.lifetime"] = function(h) return h.type == 5 and h.lifetime end,
    ["mip6.ba.lifetime"] = function(h) return h.type == 6 and h.lifetime end,
  },
  gre = {
    ["gre.proto"] = "type", ["gre.key"] = "key", ["gre.key.call_id"] = "call_id",
    ["gre.sequence_number"] = "seq_num", ["gre.ack_number"] = "ack_num",
    ["gre.checksum"] = "checksum",
  },
  erspan = {
    ["erspan.version"] = "version", ["erspan.vlan"] = "vlan", ["erspan.cos"] = "cos",
    ["erspan.truncated"] = "truncated", ["erspan.spanid"] = "session",
    ["erspan.index"] = "index", ["erspan.timestamp"] = "timestamp", ["erspan.sgt"] = "sgt",
    ["erspan.ft"] = "frame_type", ["erspan.hw"] = "hardware_id",
    ["erspan.direction"] = "direction",
  },
  vxlan = { ["vxlan.vni"] = "vni" },
  nsh = {
    ["nsh.version"] = "version", ["nsh.Obit"] = "is_oam", ["nsh.ttl"] = "ttl",
    ["nsh.length"] = function(h) return h.length / 4 end, ["nsh.mdtype"] = "md_type",
    ["nsh.nextproto"] = "next_protocol", ["nsh.spi"] = "path", ["nsh.si"] = "index",
  },
  lisp = {
    ["lisp-data.flags"] = "flags", ["lisp-data.nonce"] = "nonce", ["lisp-data.iid"] = "instance",
  },
  pim = { ["pim.version"] = "version", ["pim.type"] = "type", ["pim.cksum"] = "checksum" },
  trill = {
    ["trill.version"] = "version", ["trill.multi_dst"] = "is_multicast",
    ["trill.hop_cnt"] = "hop_count", ["trill.egress_nick"] = "egress",
    ["trill.ingress_nick"] = "ingress",
  },
  fabricpath = { ["cfp.ftag"] = "ftag", ["cfp.ttl"] = "ttl" },
  cmd = {
    ["cmd.version"] = "version", ["cmd.length"] = "length", ["cmd.options"] = "options",
    ["cmd.sgt"] = "sgt", ["cmd.type"] = function(h) return h.type >= 1536 and h.type end,
  },
  macsec = {
    ["macsec.TCI"] = "flags", ["macsec.AN"] = "association", ["macsec.SL"] = "short_length",
    ["macsec.PN"] = "packet_number", ["macsec.SCI.system_identifier"] = "system",
    ["macsec.SCI.port_identifier"] = "port",
  },
  geneve = { ["geneve.vni"] = "vni", ["geneve.proto_type"] = "type" },
  gtp = {
    ["gtp.flags"] = "flags", ["gtp.message"] = "message_type", ["gtp.length"] = "length",
    ["gtp.teid"] = "teid", ["gtp.ext_hdr.pdu_ses_con.qos_flow_id"] = "qfi",
    ["gtp.ext_hdr.pdu_ses_con.pdu_type"] = "pdu_type",
    ["gtp.npdu_number"] = "npdu", ["gtp.seq_number"] = "seq_num",
  },
  teredo = {
    ["teredo.orig.addr"] = "origin_address", ["teredo.orig.port"] = "origin_port",
  },
  ayiya = {
    ["ayiya.opcode"] = "opcode", ["ayiya.nextheader"] = "next_header",
    ["ayiya.idtype"] = "identity_type", ["ayiya.hashmethod"] = "hash_method",
    ["ayiya.authmethod"] = "auth_method",
  },
  l2tp = {
    ["l2tp.type"] = "is_control", ["l2tp.version"] = "version", ["l2tp.tunnel"] = "tunnel",
    ["l2tp.session"] = function(h) return h.version == 2 and h.session end,
    ["l2tp.sid"] = function(h) return h.version == 3 and h.session end,
    ["l2tp.ccid"] = "ccid", ["l2tp.Ns"] = "ns", ["l2tp.Nr"] = "nr",
    ["l2tp.length"] = "length",
  },
  wireguard = {
    ["wg.type"] = "type", ["wg.sender"] = "sender", ["wg.receiver"] = "receiver",
    ["wg.counter"] = "counter",
  },
  esp = { ["esp.spi"] = "spi", ["esp.sequence"] = "seq_num" },
  pppoe = {
    ["pppoe.session_id"] = "session", ["pppoe.payload_length"] = "length",
    ["pppoe.code"] = "code",
  },
  ppp = { ["ppp.protocol"] = "proto" },
  llc = { ["llc.dsap"] = "dsap", ["llc.ssap"] = "ssap" },
  etherip = { ["etherip.ver"] = "version" },
  ah = { ["ah.spi"] = "spi", ["ah.sequence"] = "seq_num" },
  sll = {
    ["sll.pkttype"] = "packet_type", ["sll.hatype"] = "hardware_type",
    ["sll.halen"] = "address_length",
    ["sll.src.eth"] = function(h) return h.address_length == 6 and h.src end,
    ["sll.src.ipv4"] = function(h) return h.address_length == 4 and h.src end,
    ["sll.ifindex"] = "interface",
  },
  null = { ["null.family"] = "family" },
  chdlc = { ["chdlc.address"] = "address", ["chdlc.protocol"] = "type" },
  slarp = {
    ["slarp.ptype"] = "type", ["slarp.address"] = "address", ["slarp.mysequence"] = "seq_num",
    ["slarp.yoursequence"] = "seen",
  },
  radiotap = { ["radiotap.length"] = "length", ["radiotap.version"] = "version" },
  ppi = { ["ppi.length"] = "length", ["ppi.dlt"] = "linktype", ["ppi.version"] = "version" },
  wlan = {
    ["wlan.fc.type"] = "type", ["wlan.fc.subtype"] = "subtype", ["wlan.ra"] = "receiver",
    ["wlan.ta"] = "transmitter", ["wlan.sa"] = "src", ["wlan.da"] = "dst",
    ["wlan.bssid"] = "bssid", ["wlan.seq"] = "seq_num", ["wlan.frag"] = "fragment_number",
    ["wlan.fc.protected"] = "protected", ["wlan.fc.retry"] = "retry", ["wlan.qos.tid"] = "tid",
    ["wlan.fc.moredata"] = "more_data", ["wlan.fc.pwrmgt"] = "power_management",
    ["wlan.fc.frag"] = "more_fragments", ["wlan.duration"] = "duration", ["wlan.flags"] = "flags",
  },
  fddi = { ["fddi.fc"] = "frame_control" },
  token_ring = {
    ["tr.dst"] = "dst", ["tr.sr"] = "is_routed",
    ["tr.ac"] = "access_control", ["tr.fc"] = "frame_control",
  },
  arcnet = {
    ["arcnet.src"] = "src", ["arcnet.dst"] = "dst", ["arcnet.protID"] = "type",
    ["arcnet.sequence"] = "seq_num",
  },
  frame_relay = {
    ["fr.dlci"] = "dlci", ["fr.fecn"] = "fecn", ["fr.becn"] = "becn", ["fr.de"] = "de",
    ["fr.cr"] = "cr",
  },
  docsis = {
    ["docsis.fctype"] = "type", ["docsis.len"] = "length", ["docsis.exthdr"] = "has_extension",
  },
  nflog = {
    ["nflog.family"] = "family", ["nflog.res_id"] = "resource_id", ["nflog.prefix"] = "prefix",
    ["nflog.hook"] = "hook", ["nflog.protocol"] = "protocol",
    ["nflog.ifindex_indev"] = "input_interface", ["nflog.ifindex_outdev"] = "output_interface",
    ["nflog.uid"] = "uid", ["nflog.gid"] = "gid",
    ["nflog.version"] = "version",
  },
  ipnet = {
    ["ipnet.family"] = "family", ["ipnet.ifindex"] = "interface",
    ["ipnet.grifindex"] = "group_interface", ["ipnet.zsrc"] = "src_zone",
    ["ipnet.zdst"] = "dst_zone",
    ["ipnet.version"] = "version", ["ipnet.htype"] = "hook", ["ipnet.pktlen"] = "length",
  },
  pktap = {
    ["pktap.hdrlen"] = "length", ["pktap.dlt"] = "linktype", ["pktap.ifname"] = "interface",
    ["pktap.pid"] = "pid", ["pktap.pfamily"] = "family",
    ["pktap.flags"] = "flags", ["pktap.cmdname"] = "command", ["pktap.rectype"] = "record_type",
    ["pktap.svc_class"] = "service_class", ["pktap.iftype"] = "interface_type",
    ["pktap.ifunit"] = "interface_unit", ["pktap.epid"] = "effective_pid",
    ["pktap.ecmdname"] = "effective_command",
  },
}

-- What tshark says of checksums: 0 is wrong, 1 right; else it did not judge.
local SUMS = {
  ip = "ip.checksum.status", tcp = "tcp.checksum.status", udp = "udp.checksum.status",
  icmp = "icmp.checksum.status", icmpv6 = "icmpv6.checksum.status",
  igmp = "igmp.checksum.status",
}

local names = { "frame.protocols", "vlan.id", "ieee8021ad.id", "vlan.priority" }
local seen = {}
for _, fields in pairs(FIELDS) do
  for field in pairs(fields) do
    if not seen[field] then
      names[#names + 1] = field
      seen[field] = true
    end
  end
end
for _, field in pairs(SUMS) do
  names[#names + 1] = field
end
table.sort(names)

local function plain(value)
  if type(value) == "boolean" then
    return value and 1 or 0
  elseif value == "True" or value == "False" then -- tshark 4.4's
    return value == "True" and 1 or 0
  end
  return tonumber(value) or value
end

-- A packet's objects in the order in which tshark tells of them: what is quoted, then tunnels.
local function objects_of(layers, list, is_quoted)
  list[#list + 1] = { layers = layers, is_quoted = is_quoted }
  local icmp = layers.icmp or layers.icmpv6
  local quoted = icmp and icmp.quoted
  if quoted then
    objects_of(quoted, list, true)
  end
  if layers.inner then
    objects_of(layers.inner, list, is_quoted)
  end
  return list
end

local function add(list, value)
  if type(value) == "table" then
    for _, item in ipairs(value) do
      list[#list + 1] = plain(item)
    end
  elseif value ~= nil then
    list[#list + 1] = plain(value)
  end
end

-- By tshark's field: our values, of all objects in their order.
local function values_of(objects)
  local values = {}
  for _, name in ipairs(names) do
    values[name] = {}
  end
  for _, object in ipairs(objects) do
    local layers = object.layers
    for layer, fields in pairs(FIELDS) do
      local view = layers[layer]
      if layer == "ip4" or layer == "ip6" then
        view = layers.ip and layers.ip.version == tonumber(layer:sub(3)) and layers.ip
      end
      for field, key in pairs(view and fields or {}) do
        local value
        if type(key) == "function" then value = key(view) or nil else value = view[key] end
        add(values[field], value)
      end
    end
    local before = layers.eth or layers.sll -- what has the type of the tag that follows
    for _, tag in ipairs(layers.vlan and layers.vlan.tags or {}) do
      local is_outer = before and before.type == 0x88a8
      add(values[is_outer and "ieee8021ad.id" or "vlan.id"], tag.id)
      if not is_outer then add(values["vlan.priority"], tag.priority) end
      before = tag
    end
  end
  return values
end

local function join(list)
  local texts = {}
  for i, value in ipairs(list) do
    texts[i] = tostring(plain(value))
  end
  return table.concat(texts, " ")
end

judge.objects_of = objects_of

--- What differs in one packet: a list of texts. `known(name, layers, protocols)` says whether a
-- difference in a field is one that is meant.
function judge.differences(layers, theirs, known)
  local protocols = table.concat(theirs["frame.protocols"])
  local objects, found = objects_of(layers, {}), {}
  local values = values_of(objects)
  for _, name in ipairs(names) do
    local is_empty = theirs[name][1] == nil and values[name][1] == nil
    local is_field = name ~= "frame.protocols" and not name:find("status", 1, true)
    local a, b
    if is_field and not is_empty then
      a, b = join(theirs[name]), join(values[name])
    end
    if a ~= b and not known(name, layers, protocols) then
      found[#found + 1] = ("%s: tshark %s, ours %s (%s)"):format(name, a, b, protocols)
    end
  end
  for layer, field in pairs(SUMS) do
    local position = 0
    for _, object in ipairs(objects) do
      local view = object.layers[layer]
      if view and not (layer == "ip" and view.version == 6) then
        position = position + 1
        local status, right = theirs[field][position], object.layers:verify(layer)
        status = status == "Good" and "1" or status == "Bad" and "0" or status
        local expected
        if status == "0" or status == "1" then expected = status == "1" end
        if expected ~= right and not known(field, layers, protocols, object) then
          found[#found + 1] = ("%s: tshark %s, ours %s (%s)"):format(field, tostring(status),
            tostring(right), protocols)
        end
      end
    end
  end
  return found
end

--- What tshark says of each of these packets, a list of { linktype, bytes, wirelen }. They go to it
-- in one file, whatever their link types: it takes longer to start than to read them all.
function judge.verdicts(packets, path)
  local writer = pcapng_file.writer()
  local blocks, interfaces, count = { writer:section() }, {}, 0
  for _, packet in ipairs(packets) do
    local linktype, bytes, wirelen = packet[1], packet[2], packet[3]
    linktype = SAVED_AS[linktype] or linktype
    if not interfaces[linktype] then
      interfaces[linktype], count = count, count + 1
      blocks[#blocks + 1] = writer:interface(linktype, 262144)
    end
    blocks[#blocks + 1] = writer:packet(bytes, { interface = interfaces[linktype],
      wirelen = wirelen })
  end
  local theirs = tshark.fields(shell.write(path, table.concat(blocks)), names)
  assert(#theirs == #packets, ("tshark sees %d packets of %d"):format(#theirs, #packets))
  return theirs
end

return judge
