--- Part of `make bench`: merging four files of 64-byte packets, by mergecap and by us.
--
-- As a program it is the merging itself: merge.lua TO FROM ...

local run = require "bench.run_one"
local stats = require "bench.stats"

local merge = {}

local FILES, PACKETS = 4, 500000

local function merging(to, paths)
  local pcap = require "pcap"
  local caps = {}
  for i, path in ipairs(paths) do
    caps[i] = assert(pcap.open_offline(path))
  end
  local merged = assert(pcap.merge(caps))
  local dumper, count = assert(merged:dump_open(to)), 0
  for pkt in merged:packets() do
    assert(dumper:dump(pkt))
    count = count + 1
  end
  assert(dumper:close())
  assert(merged:ending() == "closed", merged:ending())
  print(count)
end

-- Files whose times differ, so that their packets take turns.
local function make(folder)
  local pcap = require "pcap"
  local paths = {}
  os.execute(("%sgenerate %d 64 pcap > %smerged.pcap"):format(folder, PACKETS, folder))
  for i = 1, FILES do
    paths[i] = ("%smerged-%d.pcap"):format(folder, i)
    local cap = assert(pcap.open_offline(folder .. "merged.pcap"))
    local dumper, count = assert(cap:dump_open(paths[i])), 0
    for pkt in cap:packets() do
      pkt.sec, pkt.nsec = 1e9 + math.floor(count / 1e5), count % 1e5 * 1e4 + i * 2000
      assert(dumper:dump(pkt))
      count = count + 1
    end
    assert(dumper:close())
  end
  return paths
end

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  file:seek("set", 24) -- the headers tell different snapshot lengths
  local bytes = file:read "*a"
  file:close()
  os.remove(path)
  return bytes
end

--- Prints a line through `say`. Gives the median of mergecap's time over ours; nil if it was not
--- measured.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
---@return number? ratio
function merge.compare(say, folder, rounds)
  if os.execute "mergecap -v >/dev/null 2>&1" ~= 0 then
    say("Merging: not measured, which takes mergecap.")
    return
  end
  local paths = make(folder)
  local files = table.concat(paths, " ")
  local theirs, ours = "mergecap -F pcap -w %s " .. files, "luajit bench/merge.lua %s " .. files
  run(folder, theirs:format(folder .. "theirs.pcap"))
  run(folder, ours:format(folder .. "ours.pcap"))
  if bytes_of(folder .. "theirs.pcap") ~= bytes_of(folder .. "ours.pcap") then
    error "mergecap's result differs from ours"
  end
  local their_times, our_times = {}, {}
  for round = 1, rounds do
    their_times[round] = run(folder, theirs:format "/dev/null")
    our_times[round] = run(folder, ours:format "/dev/null")
  end
  for _, path in ipairs(paths) do os.remove(path) end
  os.remove(folder .. "merged.pcap")
  local ns, ratios = 1e9 / (FILES * PACKETS), stats.ratios(their_times, our_times)
  say("Merging %d files of 64-byte packets takes mergecap %.0f ns a packet and us %.0f, with the "
    .. "same result: its time / ours is %s, at least 2.", FILES, stats.median(their_times) * ns,
    stats.median(our_times) * ns, stats.spread(ratios))
  return stats.median(ratios)
end

if arg and arg[0] and arg[0]:find "merge%.lua$" then
  merging(arg[1], { unpack(arg, 2) })
end

return merge
