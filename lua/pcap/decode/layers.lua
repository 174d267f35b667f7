--- The layers object. The table of dispatch fills it again from each packet, header by header.
--
-- Ownership: a view holds a copy of its header, and stays as it is until the object's next
-- packet. payload() and verify() read the packet itself, so call them only as long as the packet
-- is valid. After that they may see another packet, but never memory that is not the capture's.

local bit = require "bit"
local ffi = require "ffi"
local apart = require "pcap.decode.apart"
local check = require "pcap.core.check"
local checksum = require "pcap.decode.checksum"
local flow = require "pcap.decode.flow"
local packet = require "pcap.packet"
local registry = require "pcap.decode.registry"
local walk = require "pcap.decode.walk"

local tobit = bit.tobit
local istype, new_packet = ffi.istype, packet.new
local rawset, getmetatable = rawset, getmetatable
local decode_headers = walk.walk
local bytes_pointer = ffi.typeof("const uint8_t *")
local packet_type = ffi.typeof("luapcap_packet")

local layers = {}

-- Positions are signed whole numbers of 32 bits. A length on the wire may be longer.
local LONGEST = 2 ^ 31 - 1

local Layers = { __name = "pcap layers" }
Layers.__index = Layers

local function check_self(self, name)
  if getmetatable(self) ~= Layers then
    error(("calling '%s' on bad self (%s expected, got %s)"):format(name, Layers.__name,
      type(self)), 3)
  end
end

-- `depth` is the number of tunnels around the packets that this object is for.
local function new(linktype, depth, spaces, made, keys)
  local self = {
    linktype = linktype or 1, spaces = spaces, made = made,
    payload_begin = 1, payload_end = 0, payload_length = 0,
    _follows = not linktype, _pkt = new_packet(0), _scratch = new_packet(0), _string = "",
    _depth = depth, _inside = false, _noted = false, _number = 0,
  }
  keys = keys or {}
  for _, list in ipairs { walk.RESULTS, walk.COMMON } do
    for _, key in ipairs(list) do
      keys[key] = true
    end
  end
  for key in pairs(keys) do
    self[key] = false -- makes the key now: a new key would move the others later
  end
  for key in pairs(keys) do
    self[key] = nil
  end
  return setmetatable(self, Layers)
end

-- Makes the object for what is inside, when a packet first needs it. A stranger may send thousands
-- of levels: deep down an object has only the protocols that it meets.
local make_inside = apart(function(self)
  if self._depth == 0 then
    self._inside = new(self.linktype, 1, registry.resolve())
  else
    self._inside = new(self.linktype, self._depth + 1, registry.resolve_lazily())
  end
  return self._inside
end)

-- Decodes what a tunnel carries, from the payload of the object around it.
local function enter(self, pkt)
  local inside = self._inside or make_inside(self)
  inside._pkt = pkt
  local at = self.payload_begin - 1
  decode_headers(inside, pkt.data, self._space, self._number, at, self.payload_end,
    at + self.payload_length)
  rawset(self, "inner", inside)
  return inside
end

-- Tunnels in a tunnel.
local enter_deeper = apart(function(self, pkt)
  repeat
    self = enter(self, pkt)
  until not self._space
end)

local function packet_of(self, bytes, wirelen)
  local pkt = self._scratch
  self._string = bytes -- keeps alive what the packet points to
  pkt.data = ffi.cast(bytes_pointer, bytes)
  pkt.caplen = #bytes
  pkt.wirelen = wirelen
  return pkt
end

local function decode_all(self, pkt, linktype)
  self._pkt = pkt
  local limit, stop = tobit(pkt.caplen), tobit(pkt.wirelen)
  if stop < 0 then stop = LONGEST end
  if stop < limit then stop = limit end
  decode_headers(self, pkt.data, "linktype", linktype, 0, limit, stop)
  if self._space then
    local inside = enter(self, pkt)
    if inside._space then
      enter_deeper(inside, pkt)
    end
  end
  return self
end

function Layers:__call(pkt, wirelen)
  if istype(packet_type, pkt) then
    if self._follows then
      self.linktype = pkt.linktype
    end
  else
    if type(pkt) ~= "string" then
      check.fail(1, "layers", "packet or string expected, got " .. type(pkt))
    end
    wirelen = wirelen == nil and #pkt or check.integer(wirelen, 2, "layers", 0, 2 ^ 32 - 1)
    pkt = packet_of(self, pkt, wirelen)
    if self._follows then
      self.linktype = 1
    end
  end
  return decode_all(self, pkt, self.linktype)
end

--- What comes after the last decoded header, as far as it was captured.
---@return string|nil bytes   nil if the packet is no longer there
function Layers:payload()
  check_self(self, "payload")
  local first, last, pkt = self.payload_begin, self.payload_end, self._pkt
  if pkt.data == nil or last > pkt.caplen then
    return nil
  end
  return ffi.string(pkt.data + (first - 1), last - first + 1)
end

--- A key for a Lua table that is the same for all packets of a flow: the addresses, the ports (0 if
-- there are none) and the protocol, as bytes.
---@param either? boolean  true: the same key for both directions
---@return string|nil key  nil if there is no IP
function Layers:flow(either)
  check_self(self, "flow")
  return (flow(self, either))
end

--- Verifies the checksum of "ip", "tcp", "udp", "icmp" or "icmpv6", or all that the packet has.
---@param name? string
---@return boolean|nil right  nil: it cannot be told
---@return string|nil which   without `name`, the layer that is wrong; or why it cannot be told
function Layers:verify(name)
  check_self(self, "verify")
  if name ~= nil and not checksum.is_known(name) then
    check.fail(1, "verify", checksum.KNOWN .. " expected, got " .. tostring(name))
  end
  if self._pkt.data == nil or self.payload_end > self._pkt.caplen then
    return nil, "the packet is no longer there"
  end
  return checksum.verify(self, self._pkt, name)
end

-- Where a header begins. False for other cdata, which a protocol of a user's may have put there.
local function begin_of(value)
  local is_view, begin = pcall(function() return value.begin end)
  return is_view and begin
end

-- The names of the headers in the packet's order, those in a tunnel in brackets.
local function names(self)
  local found, begins = {}, {}
  for key, value in pairs(self) do
    begins[key] = type(value) == "cdata" and not key:find "^_" and begin_of(value) or nil
    found[#found + 1] = begins[key] and key
  end
  table.sort(found, function(a, b) return begins[a] < begins[b] end)
  local inner = self.inner
  return table.concat(found, ", ") .. (inner and (" (%s)"):format(names(inner)) or "")
end

function Layers:__tostring()
  return ("%s: %s"):format(Layers.__name, names(self))
end

--- Makes an object that decodes packets.
---
---     local layers = decode.layers(cap:datalink())
---     for pkt in cap:packets() do
---       local tcp = layers(pkt).tcp
---       if tcp and tcp.dest_port == 80 then ... end
---     end
---
---@param linktype? integer  a DLT number (default: each packet's own, EN10MB for a string)
---@return table layers      call it with a packet, or with a string of bytes and how many there
--- were on the wire; it returns itself
function layers.layers(linktype)
  if linktype ~= nil then
    check.integer(linktype, 1, "layers", 0, 2 ^ 31 - 1)
  end
  return new(linktype, 0, registry.resolve())
end

--- Decodes a packet that another packet quotes. It begins at a space and a number of the table of
-- dispatch.
---@param object table|nil  what an earlier call made, to use again
---@param instead table  by space and number: protocols that replace those in the table of dispatch
---@param pkt luapcap_packet
---@return table layers
function layers.quoted(object, instead, pkt, space, number)
  object = object or new(1, 1, registry.resolve_lazily(instead))
  object._pkt = pkt
  decode_headers(object, pkt.data, space, number, 0, tobit(pkt.caplen), LONGEST)
  if object._space then
    enter_deeper(object, pkt)
  end
  return object
end

return layers
