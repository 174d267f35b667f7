--- The names of a rotation's files: strftime's fields and a counter.

local series_name = {}

-- The conversions of C's strftime(). Glibc and the BSDs have %s too, the seconds since 1970.
local FIELDS = "[aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%%]"

-- The parts of a name that begin with "%": fields are functions of the time and the counter.
local function field_of(width, letter)
  if letter == "i" and #width <= 2 then -- more digits than string.format() takes
    local format = "%0" .. (width ~= "" and width or "1") .. "d"
    return function(_, number)
      return format:format(number)
    end, "counter"
  elseif width == "" and letter == "%" then
    return function() return "%" end
  elseif width == "" and letter == "s" then -- which strftime() gets wrong for UTC
    return function(time) return ("%.0f"):format(time) end, "time"
  elseif width == "" and letter:match(FIELDS) then
    return function(time, _, zone)
      return os.date(zone .. "%" .. letter, time)
    end, "time"
  end
end

--- Reads a name with fields.
---@param text string
---@return table|nil pattern  { has_counter =, has_time =, and the parts }
---@return string|nil problem
function series_name.read(text)
  local pattern, at = { has_counter = false, has_time = false }, 1
  repeat
    local start, stop, width, letter = text:find("%%(%d*)(.?)", at)
    pattern[#pattern + 1] = text:sub(at, (start or 0) - 1)
    if start then
      local field, kind = field_of(width, letter)
      if not field then
        return nil, ("%q is no field of a name"):format(text:sub(start, stop))
      end
      pattern[#pattern + 1] = field
      pattern.has_counter = pattern.has_counter or kind == "counter"
      pattern.has_time = pattern.has_time or kind == "time"
      at = stop + 1
    end
  until not start
  return pattern
end

--- The name of a file.
---@param pattern table  of read()
---@param time number    seconds
---@param number integer  the counter's
---@param zone string    "!" for UTC, "" for local time
---@return string
function series_name.of(pattern, time, number, zone)
  local parts = {}
  for i, part in ipairs(pattern) do
    parts[i] = type(part) == "function" and part(time, number, zone) or part
  end
  return table.concat(parts)
end

-- Any round time will do.
local SOME_TIME = 1e9

--- Whether files that end by time have names that differ from one to the next.
---@param seconds integer
---@return boolean
function series_name.differ(pattern, seconds)
  local before
  for i = 0, 3 do
    local start = SOME_TIME - SOME_TIME % seconds + i * seconds
    local name = series_name.of(pattern, start, 0, "!")
    if name == before then
      return false
    end
    before = name
  end
  return true
end

local DAY = 86400

-- After so many seconds, fields of the time may be the same again.
local CYCLES = { { 60, "a minute" }, { 3600, "an hour" }, { DAY / 2, "half a day" },
  { DAY, "a day" }, { 7 * DAY, "a week" },
  { 28 * DAY, "a month" }, { 29 * DAY, "a month" }, { 30 * DAY, "a month" },
  { 31 * DAY, "a month" }, { 364 * DAY, "a year" }, { 365 * DAY, "a year" },
  { 366 * DAY, "a year" }, { 371 * DAY, "a year" } }
local LONGEST = 371 * DAY

local function multiple_of_both(a, b)
  local x, y = a, b
  while y > 0 do
    x, y = y, x % y
  end
  return a / x * b
end

--- After what time files that end by time have the names of earlier ones.
---@param seconds integer
---@return string|nil  nil if they do not within a year
function series_name.cycle(pattern, seconds)
  for _, cycle in ipairs(CYCLES) do
    local later = multiple_of_both(cycle[1], seconds)
    for month = 0, later <= LONGEST and 11 or -1 do
      local start = SOME_TIME + month * 30 * DAY
      start = start - start % seconds
      local name = series_name.of(pattern, start, 0, "!")
      if series_name.of(pattern, start + later, 0, "!") == name then
        return cycle[2]
      end
    end
  end
end

-- The first second that has another offset from UTC than `before`, up to `after`, which has it.
local function change_between(before, after)
  local offset = os.date("%z", before)
  while after - before > 1 do
    local middle = math.floor((before + after) / 2)
    if os.date("%z", middle) == offset then
      before = middle
    else
      after = middle
    end
  end
  return after
end

local function minutes(offset)
  local sign, hours, rest = offset:match "^([+-])(%d%d)(%d%d)$"
  return sign and (hours * 60 + rest) * (sign == "-" and -1 or 1) or 0
end

-- Whether names repeat when local time goes back by some seconds.
local function repeats_at(pattern, seconds, change, back)
  local known = {}
  local step = back % seconds == 0 and back or seconds
  local from = change - math.max(back, seconds)
  for time = math.ceil(from / seconds) * seconds, change + math.max(back, seconds), step do
    local name = series_name.of(pattern, time, 0, "")
    if known[name] then
      return true
    end
    known[name] = true
  end
  return false
end

--- The next day on which files that end by time have the names of earlier ones, because local time
-- goes back.
---@param seconds integer
---@param now number  the system's time
---@return string|nil date  nil if there is none within a year
function series_name.day_of_repetition(pattern, seconds, now)
  for day = now, now + 366 * DAY, DAY do
    local offset, later = os.date("%z", day), os.date("%z", day + DAY)
    local back = (minutes(offset) - minutes(later)) * 60
    local change = back > 0 and change_between(day, day + DAY)
    if change and repeats_at(pattern, seconds, change, back) then
      return os.date("%Y-%m-%d", change)
    end
  end
end

return series_name
