--- For a file that is no savefile: libpcap refuses it, in its own words.

local judgement = require "pcap.format.judgement"
local none = require "pcap.source.none"

local through_libpcap = { MAGIC_SIZE = 0, HEADER_SIZE = 4 }

function through_libpcap.matches()
  return true
end

local function is_short(_, window)
  return window.pos == window.len
end

--- As classic.open(). If libpcap knows another format, it reads the file by itself.
function through_libpcap.open(window, file)
  local handle, message = judgement.open(window, file.input, file.precision)
  if not handle then
    return nil, message
  end
  return handle, { state = { handle = handle }, take = none.take, is_short = is_short,
    judge = judgement.judge }
end

return through_libpcap
