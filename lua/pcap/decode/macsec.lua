--- MACsec (IEEE 802.1AE): the tag of a frame that is protected, and what follows unless it is
-- encrypted.

local bit = require "bit"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, flag, u16 = bit.band, view.flag, view.u16
local SIZE, SCI_SIZE, CHECK_SIZE = 6, 8, 16
local VERSION, HAS_SCI, ENCRYPTED, CHANGED = 0x80, 0x20, 0x08, 0x04

local fields = {
  flags = function(h) return (bit.rshift(h.bytes[0], 2)) end,
  is_encrypted = function(h) return (flag(h.bytes[0], ENCRYPTED)) end,
  association = function(h) return (band(h.bytes[0], 3)) end,
  short_length = function(h) return h.bytes[1] end,
  packet_number = function(h) return (view.u32(h.bytes, 2)) end,
  system = function(h) return flag(h.bytes[0], HAS_SCI) and address.mac(h.bytes, 6) or nil end,
  port = function(h) return flag(h.bytes[0], HAS_SCI) and u16(h.bytes, 12) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "macsec: header cut short", at, limit, stop)
  elseif flag(data[at], VERSION) then
    return follow.fail(layers, "macsec: version is not 0", at, limit, stop)
  end
  local size = SIZE + (flag(data[at], HAS_SCI) and SCI_SIZE or 0)
  if limit - at < size then
    return follow.fail(layers, "macsec: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  layers.macsec, layers.last = header, "macsec"
  local length = stop - at - size - CHECK_SIZE
  if flag(data[at], ENCRYPTED + CHANGED) or length < 2 or limit - at < size + 2 then
    return nil, nil, at + size, limit, stop
  end
  stop = at + size + length
  return "ethertype", u16(data, at + size), at + size + 2, limit < stop and limit or stop, stop
end

return { name = "macsec", view = view.type("macsec", SIZE + SCI_SIZE, fields), decode = decode }
