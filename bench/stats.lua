--- What the benchmarks make of their figures.

local stats = {}

--- The median, of a list that is sorted by this.
function stats.median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

return stats
