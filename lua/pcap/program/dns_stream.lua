--- Cuts DNS messages out of TCP, where a length stands before each. A message may be in several
-- segments, if they come in their order. What is lost is left out.

local dns_stream = {}

-- So many connections may have a part of a message waiting, of 64 KB at the most each.
local MOST = 256

-- Takes whole messages off the bytes into `list`. Gives the rest.
local function cut(bytes, list)
  local at = 1
  while at + 1 <= #bytes do
    local size = bytes:byte(at) * 256 + bytes:byte(at + 1)
    if at + 1 + size > #bytes then
      break
    end
    list[#list + 1] = bytes:sub(at + 2, at + 1 + size)
    at = at + 2 + size
  end
  return bytes:sub(at)
end

-- Whether bytes are whole messages: only then may reading begin in the middle of a connection.
local function is_whole(bytes)
  return cut(bytes, {}) == ""
end

-- Whether a segment has been there already: it begins before what comes next.
local function is_old(stream, seq_num)
  local behind = (stream.next_seq - seq_num) % 2 ^ 32
  return behind > 0 and behind < 2 ^ 31
end

--- Makes a function that takes the segments of all connections.
---@return fun(layers: table): string[]  the messages that end in a segment
function dns_stream.new()
  -- By flow: what waits, and the sequence number that comes next.
  local streams, count = {}, 0
  local function forget(key)
    if streams[key] then
      streams[key], count = nil, count - 1
    end
  end
  local function wait(key, rest, next_seq)
    if count >= MOST then
      streams, count = {}, 0
    end
    if not streams[key] then
      count = count + 1
    end
    streams[key] = { rest = rest, next_seq = next_seq }
  end
  return function(layers)
    local list, tcp, key, bytes = {}, layers.tcp, layers:flow(), layers:payload()
    local stream = streams[key]
    if tcp.f_syn then
      wait(key, "", (tcp.seq_num + 1) % 2 ^ 32)
    elseif tcp.f_reset or tcp.f_fin and #bytes == 0 then
      forget(key)
    elseif #bytes == 0 or stream and is_old(stream, tcp.seq_num) then
      return list -- an acknowledgement, or sent again
    elseif #bytes < tcp.content_length then
      forget(key) -- not all of it was captured
    elseif stream and stream.next_seq == tcp.seq_num or is_whole(bytes) then
      local is_next = stream and stream.next_seq == tcp.seq_num
      wait(key, cut((is_next and stream.rest or "") .. bytes, list),
        (tcp.seq_num + #bytes) % 2 ^ 32)
    else
      forget(key) -- something is missing
    end
    return list
  end
end

return dns_stream
