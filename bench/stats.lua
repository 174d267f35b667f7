--- What the benchmarks make of the figures of several rounds: lists with a number a round.

local stats = {}

function stats.median(list)
  local copy = { unpack(list) }
  table.sort(copy)
  return copy[math.ceil(#copy / 2)]
end

--- What `times` are of `others`, round by round.
function stats.ratios(times, others)
  local ratios = {}
  for round, time in ipairs(times) do
    ratios[round] = time / others[round]
  end
  return ratios
end

--- A list as a report shows it: the median, the lowest and the highest, "**2.80** (2.71 to 2.92)".
function stats.spread(list)
  return ("**%.2f** (%.2f to %.2f)"):format(stats.median(list), math.min(unpack(list)),
    math.max(unpack(list)))
end

return stats
