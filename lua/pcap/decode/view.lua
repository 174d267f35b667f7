--- Views: a header's bytes, copied out of the packet, and its fields, read when asked for.
--
-- A copy of 20 bytes costs about a nanosecond and makes a view good until the next packet is
-- decoded, whatever became of the capture. A view is a C struct, so a protocol's every view has
-- one type, which is what compiled code is made for.

local bit = require "bit"
local ffi = require "ffi"

local bor, lshift = bit.bor, bit.lshift
local copy = ffi.copy

local view = {}

-- `begin` is the header's first byte in the packet, counted from 1; `content_length` how many
-- bytes follow the header by what the headers say, captured or not.
-- They and the bytes are at the same places in all views: each place that a trace meets counts
-- against what it may have of constants.
-- The name makes every text different: busted's ffi.typeof gives one type for equal ones.
local STRUCT = "struct { /* %s */ int32_t begin, content_length; uint8_t bytes[%d]; %s }"

-- C members as fields, by name. One text a name: the key in it has to be a constant.
local member_fields = {}

local function member_field(name)
  member_fields[name] = member_fields[name]
    or assert(loadstring(("return function(h) return h.%s end"):format(name), "=field"))()
  return member_fields[name]
end

--- Makes a type of views.
---@param name string      the protocol's
---@param size integer     bytes of the longest header
---@param fields table     by name: a function that is given the view and returns the field
---@param members? table   more C members, such as "int32_t count", for what decoding finds out
--- beside the header; they are fields as well
---@return ffi.ctype*
function view.type(name, size, fields, members)
  -- LuaJIT reads a member by itself, but for a variable key compiled code may come to __index.
  fields.begin, fields.content_length = member_field("begin"), member_field("content_length")
  local declarations = ""
  for _, member in ipairs(members or {}) do
    local key = member:match("[%w_]+$")
    fields[key] = member_field(key)
    declarations = declarations .. member .. "; "
  end
  return ffi.metatype(ffi.typeof(STRUCT:format(name, size, declarations)), {
    __index = function(self, key)
      local field = fields[key]
      return field and field(self)
    end,
  })
end

--- Copies a header into its view. The caller has seen that all of it was captured. Ethernet, IPv4
-- and TCP do this by themselves: called several times for each packet, this would be compiled for
-- itself, and in vain four times together with whatever follows it, before the caller's loop is.
---@param stop integer  where the header and its content end by what the headers say
function view.fill(header, data, at, size, stop)
  copy(header.bytes, data + at, size)
  header.begin = at + 1
  header.content_length = stop - at - size
end

--- Adds bytes that follow a header to its view, where `size` bytes of it are already.
function view.append(header, size, data, at, more)
  copy(header.bytes + size, data + at, more)
  header.content_length = header.content_length - more
end

--- Copies as much of a header as was captured, and makes the rest zeros: for one whose options are
-- cut short.
function view.fill_cut(header, data, at, size, limit, stop)
  copy(header.bytes, data + at, limit - at)
  ffi.fill(header.bytes + (limit - at), size - (limit - at))
  header.begin = at + 1
  header.content_length = stop - at > size and stop - at - size or 0
end

-- Numbers in network byte order at an offset of bytes that the caller has checked. Parentheses
-- around a call that is returned make it no tail call, here and in every field: a trace with more
-- than fifteen tail calls is given up. Decoders of what is common do without for the same reason.

function view.u16(bytes, at)
  return (bor(lshift(bytes[at], 8), bytes[at + 1]))
end

function view.u24(bytes, at)
  return (bor(lshift(bytes[at], 16), lshift(bytes[at + 1], 8), bytes[at + 2]))
end

function view.u32(bytes, at)
  return bytes[at] * 16777216
    + bor(lshift(bytes[at + 1], 16), lshift(bytes[at + 2], 8), bytes[at + 3])
end

-- The same in the other order, which radio headers, USB's and WireGuard's have.

function view.u16le(bytes, at)
  return (bor(bytes[at], lshift(bytes[at + 1], 8)))
end

function view.u32le(bytes, at)
  return bytes[at + 3] * 16777216
    + bor(bytes[at], lshift(bytes[at + 1], 8), lshift(bytes[at + 2], 16))
end

--- Bits of a number as a truth value.
function view.flag(number, mask)
  return bit.band(number, mask) ~= 0
end

return view
