--- Part of `make bench`: reading the end of a large file by an index that is kept beside it.
--
-- As a program it is the reading itself: seek.lua FILE PACKET.

local run = require "bench.run_one"
local stats = require "bench.stats"

local seek = {}

local PACKETS, LAST = 26000000, 10000

local function seeking(path, packet)
  local pcap = require "pcap"
  local cap = assert(pcap.open_offline(path, { index = true }))
  assert(cap:seek { packet = packet })
  local time = cap:next_packet():timestamp()
  assert(cap:seek { time = time })
  local count = 0
  for _ in cap:packets() do count = count + 1 end
  print(count)
end

--- Prints a line through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function seek.compare(say, folder, rounds)
  local path = folder .. "large.pcap"
  os.execute(("%sgenerate %d 64 pcap > %s"):format(folder, PACKETS, path))
  local file = assert(io.open(path))
  local size = file:seek "end"
  file:close()
  local command = ("luajit bench/seek.lua %s %d"):format(path, PACKETS - LAST + 1)
  os.execute("cat " .. path .. " > /dev/null") -- into the page cache
  local first, times = run(folder, command), {}
  local whole = run(folder, "luajit bench/ours.lua packets " .. path)
  for round = 1, rounds do
    local wall, _, saw = run(folder, command)
    times[round] = wall
    if saw ~= tostring(LAST) then
      error("seeking saw " .. saw)
    end
  end
  os.remove(path)
  os.remove(path .. ".index")
  say("The last %d packets of a file of %.1f GB: the first program that seeks them takes %.2f s "
    .. "and keeps an index. Later ones take **%.1f ms**, their start included. Reading the whole "
    .. "file takes %.2f s.", LAST, size / 1e9, first, stats.median(times) * 1000, whole)
end

if arg and arg[0] and arg[0]:find "seek%.lua$" then
  seeking(arg[1], tonumber(arg[2]))
end

return seek
