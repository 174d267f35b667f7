--- ESP in UDP (RFC 3948), on the port that it shares with IKE and keepalives.

local view = require "pcap.decode.view"

local ESP = 50

local function decode(_, _, data, at, limit, stop)
  if limit - at < 4 or view.u32(data, at) == 0 then
    return nil, nil, at, limit, stop -- a keepalive, or the mark that IKE begins with
  end
  return "ip", ESP, at, limit, stop
end

return { decode = decode }
