--- The times of a pcapng interface: what its packets' 64-bit counts mean.
--
-- The hot step divides a count in two steps: first its upper 48 bits, then the remainder together
-- with the lower 16 bits. Each number is then below 2^50. To divide, it adds half a unit,
-- multiplies by the inverse and rounds down. The half is larger than the product's rounding errors,
-- and too small to reach the next whole number. So the quotient is exact.

local bit = require "bit"
local ffi = require "ffi"

local time = {}

local LIMIT = 2 ^ 34

--- Prepares an interface's times.
---@param interface ffi.cdata*  luapcap_interface
---@param resolution ffi.cdata* uint64_t, units in a second
---@param binary boolean        whether that is a power of two
---@param offset ffi.cdata*     int64_t, seconds to add
---@param precision integer     nanoseconds to cut to: 1 or 1000
---@return boolean plain        whether doubles are enough, so that the hot step can be used
function time.prepare(interface, resolution, binary, offset, precision)
  local units, wanted = tonumber(resolution), 1e9 / precision
  interface.exact_resolution = resolution
  interface.exact_offset = offset
  interface.binary = binary and 1 or 0
  interface.unit = precision
  interface.resolution = units
  interface.inverse = 1 / units
  interface.scale = wanted / units
  interface.bias = (not binary and units > wanted) and 0.5 * wanted / units or 0
  interface.offset = tonumber(offset)
  local shift = math.abs(interface.offset)
  return units <= LIMIT and (not binary or units * wanted <= 2 ^ 53)
    and (shift == 0 or units >= 2048 and shift < 2 ^ 51)
end

--- Seconds and nanoseconds of a count of any size, at any resolution. They are computed as libpcap
-- does, in 64 bits that wrap around. (With a power of two above 2^34 libpcap overflows; so do we.)
---@param interface ffi.cdata*  luapcap_interface
---@param high integer          the upper 32 bits
---@param low integer           the lower 32 bits
---@return number seconds
---@return number nanoseconds
function time.convert(interface, high, low)
  local count = bit.bor(bit.lshift(ffi.cast("uint64_t", high), 32), ffi.cast("uint64_t", low))
  local resolution = interface.exact_resolution
  local wanted = ffi.cast("uint64_t", 1e9 / interface.unit)
  local sec = count / resolution + ffi.cast("uint64_t", interface.exact_offset)
  local fraction = count % resolution
  if interface.binary ~= 0 then
    if resolution ~= wanted then
      fraction = fraction * wanted / resolution
    end
  elseif resolution > wanted then
    fraction = fraction / (resolution / wanted)
  else
    fraction = fraction * (wanted / resolution)
  end
  return tonumber(ffi.cast("int64_t", sec)), tonumber(fraction) * interface.unit
end

return time
