--- Packets in GRE that WCCP has redirected. In WCCP's version 2, four bytes come before the packet.

local bit = require "bit"

local REDIRECT_SIZE = 4
local IPV4 = 0x0800

local function decode(_, _, data, at, limit, stop)
  if limit - at >= REDIRECT_SIZE and bit.rshift(data[at], 4) ~= 4 then
    at = at + REDIRECT_SIZE
  end
  return "inner_ethertype", IPV4, at, limit, stop
end

return { decode = decode }
