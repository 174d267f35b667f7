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

local function compare(path, where)
  local found, count = judge.file(path, known)
  assert.same({}, found, where)
  return count
end

-- Compares all packets of a file, and gives their number.
local function judge_file(path)
  local cap = assert(pcap.open_offline(path))
  local linktype, count = cap:datalink(), 0
  local layers = decode.layers()
  for pkt in cap:packets() do
    count = count + 1
    layers(pkt)
  end
  cap:close()
  if UNREADABLE[linktype]
      or layers.error == ("link type %d is not decoded"):format(linktype) then
    return count
  end
  assert.equal(count, compare(path, path))
  return count
end

describe("the decoder agrees with tshark", function()
  local folder, remove
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  for title, kinds in pairs { ["each kind"] = frames.kinds(), ["each tunnel"] = tunnels.kinds() } do
    it("on " .. title, function()
      shell.needs "tshark"
      local records, order = { savefile.header() }, {}
      for name, bytes in pairs(kinds) do
        order[#order + 1] = name
        records[#records + 1] = savefile.record(bytes)
        assert.is_nil(decode.layers()(bytes).error, name)
      end
      local found = judge.file(shell.write(folder .. "/kinds.pcap", table.concat(records)), known)
      for i, text in ipairs(found) do
        found[i] = order[tonumber(text:match("^#(%d+)"))] .. text
      end
      assert.same({}, found)
    end)
  end

  for name, bytes in pairs(frames.misfits()) do
    it("on " .. name, function()
      local path = shell.write(folder .. "/misfit.pcap",
        savefile.header() .. savefile.record(bytes))
      assert.equal(1, compare(path))
      assert.is_string(decode.layers()(bytes).error)
    end)
  end

  local by_linktype = {}
  for _, list in ipairs { frames.links(), links.judged() } do
    for _, link in ipairs(list) do
      by_linktype[link[1]] = by_linktype[link[1]] or {}
      table.insert(by_linktype[link[1]], link)
    end
  end
  for linktype, list in pairs(by_linktype) do
    it("on " .. list[1][2] .. " and all of its link type", function()
      local records = { savefile.header { linktype = linktype } }
      for _, link in ipairs(list) do
        records[#records + 1] = savefile.record(link[3])
        assert.is_nil(decode.layers(linktype)(link[3]).error, link[2])
      end
      local path = shell.write(folder .. "/link.pcap", table.concat(records))
      assert.equal(#list, compare(path))
    end)
  end

  local real = savefile.real()
  for _, path in ipairs(real) do
    it("on " .. path:match("[^/]*$"), function()
      assert.is_true(judge_file(path) > 0)
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
