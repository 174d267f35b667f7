--- Views: a header's bytes, copied out of the packet, and its fields, which are read on demand.
--
-- A copy of 20 bytes costs about a nanosecond. It keeps a view good until the next packet is
-- decoded, whatever happens to the capture. A view is a C struct, so all views of a protocol have
-- one type. LuaJIT compiles code for one type.

local bit = require "bit"
local ffi = require "ffi"

local bor, lshift = bit.bor, bit.lshift
local copy = ffi.copy

local view = {}

-- `begin` is the position of the header's first byte in the packet, counted from 1.
-- `content_length` is how many bytes follow the header, captured or not, by what the headers say.
-- These two and the bytes are at the same offsets in all views. Each offset that a trace meets uses
-- up some of the constants that the trace may have.
-- The name makes every text different: for equal texts, busted's ffi.typeof gives one type.
local STRUCT = "struct { /* %s */ int32_t begin, content_length; uint8_t bytes[%d]; %s }"

-- C members as fields, by name. Each name has its own text, because the key in it must be constant.
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
--- besides the header; they are fields as well
---@return ffi.ctype*
function view.type(name, size, fields, members)
  -- LuaJIT reads a member by itself. But if the key is a variable, compiled code may ask __index.
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

--- Copies a header into its view. The caller has checked that all of it was captured. Ethernet,
-- IPv4 and TCP do this by themselves. If this were called several times for each packet, LuaJIT
-- would compile it before the caller's loop: by itself, and in vain four times together with
-- whatever follows it.
---@param stop integer  where the header and its content end by what the headers say
function view.fill(header, data, at, size, stop)
  copy(header.bytes, data + at, size)
  header.begin = at + 1
  header.content_length = stop - at - size
end

--- Adds bytes that follow a header to its view, which has `size` bytes of it already.
function view.append(header, size, data, at, more)
  copy(header.bytes + size, data + at, more)
  header.content_length = header.content_length - more
end

--- Copies as much of a header as was captured, and makes the rest zeros. This is for a header whose
-- options are cut short.
function view.fill_cut(header, data, at, size, limit, stop)
  copy(header.bytes, data + at, limit - at)
  ffi.fill(header.bytes + (limit - at), size - (limit - at))
  header.begin = at + 1
  header.content_length = stop - at > size and stop - at - size or 0
end

-- Numbers in network byte order, at an offset of bytes that the caller has checked. Parentheses
-- around a returned call make it no tail call, here and in every field: LuaJIT gives up a trace
-- with more than fifteen tail calls. So decoders of common headers use no tail calls either.

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

-- The same in the other byte order, which the headers of radio, USB and WireGuard have.

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
