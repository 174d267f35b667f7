--- GRE in UDP (RFC 8086).

local GRE = 47

local function decode(_, _, _, at, limit, stop)
  return "ip", GRE, at, limit, stop
end

return { decode = decode }
