--- AYIYA (draft-massar-v6ops-ayiya): IP in UDP, with an identity and a signature.

local bit = require "bit"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, lshift, rshift = bit.band, bit.lshift, bit.rshift
local SIZE = 8
local ROOM = 64 -- for the identity
local FORWARD = 1

local function identity_size(first) return (lshift(1, rshift(first, 4))) end

local fields = {
  identity_type = function(h) return (band(h.bytes[0], 15)) end,
  hash_method = function(h) return (band(h.bytes[1], 15)) end,
  auth_method = function(h) return (rshift(h.bytes[2], 4)) end,
  opcode = function(h) return (band(h.bytes[2], 15)) end,
  next_header = function(h) return h.bytes[3] end,
  epoch = function(h) return (view.u32(h.bytes, 4)) end,
  identity = function(h)
    local size = identity_size(h.bytes[0])
    return size <= ROOM and ffi.string(h.bytes + SIZE, size) or nil
  end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ayiya: header cut short", at, limit, stop)
  end
  local identity = identity_size(data[at])
  local size = SIZE + identity + rshift(data[at + 1], 4) * 4
  if limit - at < size then
    return follow.fail(layers, "ayiya: signature cut short", at, limit, stop)
  end
  view.fill(header, data, at, identity <= ROOM and SIZE + identity or SIZE, stop)
  header.content_length = stop - at - size
  layers.ayiya, layers.last = header, "ayiya"
  if band(data[at + 2], 15) ~= FORWARD then
    return nil, nil, at + size, limit, stop
  end
  return "inner_ip", data[at + 3], at + size, limit, stop
end

return { name = "ayiya", view = view.type("ayiya", SIZE + ROOM, fields), decode = decode }
