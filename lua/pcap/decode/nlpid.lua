--- The byte after LLC by which ISO names network layer protocols, its own and others (RFC 2684,
-- RFC 2364). In ISO's own protocols it is part of their header.

local function decode(layers, _, data, at, limit, stop)
  if limit > at and layers.spaces.nlpid[data[at]] then
    return "nlpid", data[at], at + 1, limit, stop
  end
  return nil, nil, at, limit, stop
end

return { decode = decode }
