--- ARP (RFC 826) and RARP (RFC 903).

local ffi = require "ffi"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8
local LONGEST = 32 -- InfiniBand's hardware address has 20 bytes, IPv6's protocol address 16

local function hardware(h, at)
  return (address.hex(h.bytes, at, h.bytes[4]))
end

local function protocol(h, at)
  if h.bytes[5] == 4 then
    return (address.ipv4(h.bytes, at))
  end
  return (address.hex(h.bytes, at, h.bytes[5]))
end

-- Where the four addresses begin.
local function src_hw(_) return SIZE end
local function src(h) return SIZE + h.bytes[4] end
local function dst_hw(h) return SIZE + h.bytes[4] + h.bytes[5] end
local function dst(h) return SIZE + 2 * h.bytes[4] + h.bytes[5] end

local fields = {
  hardware_type = function(h) return (u16(h.bytes, 0)) end,
  protocol_type = function(h) return (u16(h.bytes, 2)) end,
  hardware_size = function(h) return h.bytes[4] end,
  protocol_size = function(h) return h.bytes[5] end,
  opcode = function(h) return (u16(h.bytes, 6)) end,
  src_hw = function(h) return (hardware(h, src_hw(h))) end,
  src = function(h) return (protocol(h, src(h))) end,
  dst_hw = function(h) return (hardware(h, dst_hw(h))) end,
  dst = function(h) return (protocol(h, dst(h))) end,
  src_hw_bytes = function(h) return (ffi.string(h.bytes + src_hw(h), h.bytes[4])) end,
  src_bytes = function(h) return (ffi.string(h.bytes + src(h), h.bytes[5])) end,
  dst_hw_bytes = function(h) return (ffi.string(h.bytes + dst_hw(h), h.bytes[4])) end,
  dst_bytes = function(h) return (ffi.string(h.bytes + dst(h), h.bytes[5])) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "arp: header cut short", at, limit, stop)
  end
  local hardware_size, protocol_size = data[at + 4], data[at + 5]
  local size = SIZE + 2 * hardware_size + 2 * protocol_size
  if hardware_size > LONGEST or protocol_size > LONGEST then
    return follow.fail(layers, "arp: addresses of more than 32 bytes", at, limit, stop)
  elseif limit - at < size then
    return follow.fail(layers, "arp: addresses cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  layers.arp, layers.last = header, "arp"
  return nil, nil, at + size, limit, stop
end

return { name = "arp", view = view.type("arp", SIZE + 4 * LONGEST, fields), decode = decode }
