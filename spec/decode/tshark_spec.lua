-- Every packet of every capture at hand, and one of each kind, against tshark's word.

local pcap = require "pcap"
local decode = require "pcap.decode"
local frames = require "spec.support.frames"
local judge = require "spec.support.judge"
local links = require "spec.support.links"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tunnels = require "spec.support.tunnels"

local function quotes(layers)
  for _, object in ipairs(judge.objects_of(layers, {})) do
    if object.is_quoted then return true end
  end
  return false
end

local function is_cut(layers)
  for _, object in ipairs(judge.objects_of(layers, {})) do
    if (object.layers.error or ""):find("cut short", 1, true) then return true end
  end
  return false
end

-- The known differences: a pattern of tshark's fields, and the packets that it is about.
local KNOWN = {
  { "what IPComp has compressed, tshark inflates", "^[it]", function(_, protocols)
    return protocols:find(":ipcomp:", 1, true)
  end },
  { "tshark puts in what it takes a length of 0 for", "^ip%.len$", function(layers)
    return layers.ip and layers.ip.total_length == 0
  end },
  { "tshark stops at a length that cannot be", "^udp%.checksum$", function(layers)
    return layers.error == "udp: length is less than the header's"
  end },
  { "of several fragment or routing headers, our view has the last", "^ipv6%.[fr]",
    function(_, protocols)
      return protocols:find("fraghdr.*fraghdr") or protocols:find("routing.*routing")
    end },
  { "of TCP that is quoted, tshark tells less, and judges no checksum", "^tcp%.", quotes },
  { "no checksum of what is quoted does tshark judge", "%.status$", function(_, _, object)
    return object and object.is_quoted
  end },
  { "GTP's own messages have more lengths for tshark", "^gtp%.length$", function(layers)
    return layers.gtp and layers.gtp.message_type < 255
  end },
  { "what a service of 802.1ah carries is a frame for us, more fields for tshark", "^eth%.",
    function(layers) return layers.pbb end },
  { "FabricPath's addresses are those of switches for tshark, not Ethernet's", "^eth%.",
    function(layers) return layers.fabricpath end },
  { "of an aggregate's frames tshark tells all addresses, and the receiver's as well", "^wlan%.da$",
    function(layers) return layers.wlan and layers.wlan.is_aggregate end },
  { "an EtherType is no family for tshark", "^null%.family$",
    function(layers) return layers.null and layers.null.family > 1500 end },
  { "of netlink's link layer tshark tells nothing", "^sll%.",
    function(layers) return layers.sll and layers.sll.hardware_type == 824 end },
  { "of a header that is cut, tshark tells the first fields", "", is_cut },
  { "tshark stops where an option is longer than its header", "^udp%.", function(layers, protocols)
    return layers.udp and protocols:find(":ipv6.dstopts$")
  end },
}

local function known(name, layers, protocols, object)
  for _, difference in ipairs(KNOWN) do
    if name:find(difference[2]) and difference[3](layers, protocols, object) then
      return true
    end
  end
  return false
end

-- The link types that tshark 4.0 cannot read: DSA_TAG_BRCM, DSA_TAG_DSA; and those that are not
-- decoded here.
local UNREADABLE = { [281] = true, [284] = true }

-- What is judged: tests with their packets, each a list of { linktype, bytes, wirelen, name }.
local tests = {}

local function add(title, packets, is_wrong)
  tests[#tests + 1] = { title = title, packets = packets, is_wrong = is_wrong }
end

for title, kinds in pairs { ["each kind"] = frames.kinds(), ["each tunnel"] = tunnels.kinds() } do
  local packets = {}
  for name, bytes in pairs(kinds) do
    packets[#packets + 1] = { 1, bytes, #bytes, name }
  end
  add(title, packets)
end

for name, bytes in pairs(frames.misfits()) do
  add(name, { { 1, bytes, #bytes, name } }, true)
end

local by_linktype = {}
for _, list in ipairs { frames.links(), links.judged() } do
  for _, link in ipairs(list) do
    by_linktype[link[1]] = by_linktype[link[1]] or {}
    table.insert(by_linktype[link[1]], { link[1], link[3], #link[3], link[2] })
  end
end
for _, packets in pairs(by_linktype) do
  add(packets[1][4] .. " and all of its link type", packets)
end

-- Those of a capture that can be judged; and whether there are any others.
local function read(path)
  local cap = assert(pcap.open_offline(path))
  local packets, layers, others = {}, decode.layers(), false
  for pkt in cap:packets() do
    local is_decoded = layers(pkt).error ~= ("link type %d is not decoded"):format(pkt.linktype)
    if is_decoded and not UNREADABLE[pkt.linktype] then
      packets[#packets + 1] = { pkt.linktype, pkt:bytes(), pkt.wirelen }
    else
      others = true
    end
  end
  cap:close()
  return packets, others
end

local real = savefile.real()
for _, path in ipairs(real) do
  local packets, others = read(path)
  if #packets > 0 or not others then
    add(path:match("[^/]*$"), packets)
  end
end

describe("the decoder agrees with tshark", function()
  local folder, remove, is_asked
  setup(function()
    if not shell.has "tshark" then return end
    local all = {}
    folder, remove = shell.folder()
    for _, test in ipairs(tests) do
      for _, packet in ipairs(test.packets) do
        all[#all + 1] = packet
      end
    end
    for i, verdict in ipairs(judge.verdicts(all, folder .. "/all.pcapng")) do
      all[i].verdict = verdict
    end
    is_asked = true
  end)
  teardown(function() if remove then remove() end end)

  for _, test in ipairs(tests) do
    it("on " .. test.title, function()
      if not is_asked then
        return shell.needs "tshark"
      end
      assert.is_true(#test.packets > 0)
      local found = {}
      for i, packet in ipairs(test.packets) do
        local layers = decode.layers(packet[1])(packet[2], packet[3])
        for _, text in ipairs(judge.differences(layers, packet.verdict, known)) do
          found[#found + 1] = ("%s: %s"):format(packet[4] or "#" .. i, text)
        end
        if packet[4] then
          assert.equal(test.is_wrong or false, layers.error ~= nil, packet[4])
        end
      end
      assert.same({}, found)
    end)
  end
  if #real == 0 then
    pending("on real captures: none found, see PCAP_CAPTURES")
  end
end)

describe("what tshark has no word for", function()
  for _, link in ipairs(links.unjudged()) do
    it("is decoded down to TCP: " .. link[2], function()
      local layers = decode.layers(link[1])(link[3])
      assert.same({ 80, "192.0.2.7", "hello", nil }, { layers.tcp and layers.tcp.dest_port,
        layers.ip and layers.ip.src, layers:payload(), layers.error })
      assert.is_true(layers:verify())
    end)
  end

  it("is told by its name: USB", function()
    for _, linktype in ipairs { 186, 189, 220, 249, 266, 288 } do
      local layers = decode.layers(linktype)(("u"):rep(64))
      assert.same({ "usb", 64, nil }, { layers.last, layers.payload_length, layers.error })
    end
  end)
end)
