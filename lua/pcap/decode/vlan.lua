--- VLAN tags: IEEE 802.1Q, 802.1ad and stacks of them. One view has them all, the outermost first.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local append, fill, flag, u16 = view.append, view.fill, view.flag, view.u16
local LONGEST_LENGTH = follow.LONGEST_LENGTH
local SIZE = 4
local MOST = 16

-- The fields of the tag at an offset of bytes.
local function id(h, at) return (band(u16(h.bytes, at), 0xfff)) end
local function priority(h, at) return (rshift(h.bytes[at], 5)) end
local function drop_eligible(h, at) return (flag(h.bytes[at], 0x10)) end
local function type_of(h, at) return (u16(h.bytes, at + 2)) end

local fields = {
  id = function(h) return (id(h, 0)) end,
  priority = function(h) return (priority(h, 0)) end,
  drop_eligible = function(h) return (drop_eligible(h, 0)) end,
  type = function(h) return (type_of(h, 0)) end,

  -- All of them: a list of tables with the fields above.
  tags = function(h)
    local tags = {}
    for i = 1, h.count do
      local at = (i - 1) * SIZE
      tags[i] = { id = id(h, at), priority = priority(h, at),
        drop_eligible = drop_eligible(h, at), type = type_of(h, at) }
    end
    return tags
  end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "vlan: tag cut short", at, limit, stop)
  end
  if layers.vlan then
    if header.count == MOST then
      return follow.fail(layers, "vlan: more than 16 tags", at, limit, stop)
    end
    append(header, header.count * SIZE, data, at, SIZE)
    header.count = header.count + 1
  else
    fill(header, data, at, SIZE, stop)
    header.count = 1
    layers.vlan, layers.last = header, "vlan"
  end
  local ethertype = u16(data, at + 2)
  if ethertype > LONGEST_LENGTH then
    return "ethertype", ethertype, at + SIZE, limit, stop
  end
  return follow.length(header, ethertype, data, at + SIZE, limit, stop)
end

return {
  name = "vlan",
  view = view.type("vlan", MOST * SIZE, fields, { "int32_t count" }),
  decode = decode,
}
