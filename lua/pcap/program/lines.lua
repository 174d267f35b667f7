--- Prints packets, a line each, as `tcpdump -n -q` does.

local decode = require "pcap.decode"
local output = require "pcap.program.output"

local lines = {}

--- How the lines look. The letters are tcpdump's.
function lines.options(parser)
  parser:flag("-t", "Print no times; -tt: seconds since 1970; -ttt: since the packet before;"
    .. " -tttt: date and time; -ttttt: since the first packet."):count "0-5"
  parser:flag("--nano", "Capture, print and write nanoseconds.")
  parser:flag("-# --number", "Print the packets' numbers.")
  parser:flag("-q", "Taken for tcpdump's sake: the lines are always short.")
end

-- A difference of two times, as tcpdump prints it: `units` of a fraction of so many digits.
local function since(pkt, sec, units, digits)
  local scale, now, nsec = 10 ^ digits, output.time(pkt)
  local difference = (now - sec) * scale + math.floor(nsec / 10 ^ (9 - digits)) - units
  local sign = difference < 0 and "-" or " "
  local seconds = math.floor(math.abs(difference) / scale)
  return ("%s%02d:%02d:%02d.%0" .. digits .. "d "):format(sign, seconds / 3600, seconds / 60 % 60,
    seconds % 60, math.abs(difference) % scale)
end

-- Gives the function that makes the time of a packet's line, by the number of -t.
local function time_format(count, digits)
  local fraction, scale = ".%0" .. digits .. "d", 10 ^ (9 - digits)
  local from_sec, from_units
  local function note(pkt)
    local sec, nsec = output.time(pkt)
    from_sec, from_units = sec, math.floor(nsec / scale)
  end
  return ({
    [0] = function(pkt) return output.time_of_day(pkt, digits) .. " " end,
    function() return "" end,
    function(pkt)
      local sec, nsec = output.time(pkt)
      return ("%d" .. fraction .. " "):format(sec, nsec / scale)
    end,
    function(pkt)
      if not from_sec then note(pkt) end
      local text = since(pkt, from_sec, from_units, digits)
      note(pkt)
      return text
    end,
    function(pkt)
      return os.date("%Y-%m-%d ", (output.time(pkt))) .. output.time_of_day(pkt, digits) .. " "
    end,
    function(pkt)
      if not from_sec then note(pkt) end
      return since(pkt, from_sec, from_units, digits)
    end,
  })[count]
end

--- Makes the function that prints a packet, as the options say.
---@param args table  argparse's
---@return fun(pkt: luapcap_packet, number: integer)
function lines.printer(args)
  local time = time_format(args.t, args.nano and 9 or 6)
  return function(pkt, number)
    local head = args.number and ("%5d  "):format(number) or ""
    output.line(head, time(pkt), decode.summary(pkt))
  end
end

return lines
