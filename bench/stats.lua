--- What the benchmarks make of the figures of several rounds.

local stats = {}

--- The median, of a list that is sorted by this.
function stats.median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

--- The median of ratios as a report shows it, with the lowest and the highest: "**2.80** (2.71 to
--- 2.92)".
function stats.spread(list)
  local median = stats.median(list)
  return ("**%.2f** (%.2f to %.2f)"):format(median, list[1], list[#list])
end

return stats
