-- Compares what the module reads of mutated savefiles with what libpcap reads. The suite runs a
-- short form; the full one is
--   luajit [-joff] spec/campaign/savefile_campaign.lua [mutants] [seed]

local mutants = require "spec.support.pcapng_mutants"
local odd = require "spec.support.odd"
local pcap = require "pcap"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local campaign = {}

campaign.FILTERS = { false, "len >= 60", "ip", "greater 5 and not tcp", "len == 3" }
campaign.WAYS = { "next", "packets", "mixed" }

local function shown(text)
  return (#text > 4000 and text:sub(-4000) or text):gsub("[^%g\n ]", "?")
end

--- Asserts that we read what libpcap reads, and gives how many packets that were.
function campaign.compare(libpcap, jobs)
  local packets = 0
  for i, text in ipairs(libpcap(jobs)) do
    local job = jobs[i]
    local ours = reader.ours(pcap, job)
    if mutants.difference(text, ours) then
      error(("%s (%s, %s, filter %s, %s) differs.\nlibpcap:\n%s\nours:\n%s"):format(
        job.name or job.path, job.precision, job.way, tostring(job.filter),
        job.pieces or job.source or "file", shown(text), shown(ours)), 0)
    end
    packets = packets + select(2, text:gsub("\npacket ", ""))
  end
  return packets
end

-- Mutations: a function of the bytes each. What they do is the same in every run.
local WORDS = { "\0\0\0\0", "\1\0\0\0", "\255\255\255\127", "\0\0\0\128", "\255\255\255\255",
  "\0\0\4\0", "\1\0\4\0", "\255\255\0\0", "\0\0\1\0", "\64\66\15\0", "\0\202\154\59" }

local function replace(bytes, at, piece, length)
  return bytes:sub(1, at - 1) .. piece .. bytes:sub(at + (length or #piece))
end

local MUTATIONS = {
  function(bytes) return replace(bytes, math.random(#bytes), string.char(math.random(0, 255))) end,
  function(bytes) return replace(bytes, math.random(#bytes), WORDS[math.random(#WORDS)]) end,
  -- a field of the file's header, or of the first record's
  function(bytes) return replace(bytes, 4 * math.random(0, 9) + 1, WORDS[math.random(#WORDS)]) end,
  function(bytes) return bytes:sub(1, math.random(#bytes)) end,
  function(bytes) return replace(bytes, math.random(#bytes), "", math.random(40)) end,
  function(bytes) -- some of it again, elsewhere
    local from = math.random(#bytes)
    return replace(bytes, math.random(#bytes), bytes:sub(from, from + math.random(80)), 0)
  end,
}

-- A field of a record in the middle of a classic file.
MUTATIONS[#MUTATIONS + 1] = function(bytes)
  local position, fields = 25, {}
  while position + 16 <= #bytes do
    local a, b, c = bytes:byte(position + 8, position + 10)
    fields[#fields + 1] = position + 4 * math.random(0, 3)
    position = position + 16 + a + 256 * b + 65536 * c
  end
  return #fields == 0 and bytes
    or replace(bytes, fields[math.random(#fields)], WORDS[math.random(#WORDS)])
end


--- A classic file in the other byte order, or nil for any other bytes: its headers' fields are
-- turned round as far as there are records.
function campaign.swapped(bytes)
  if #bytes < 24 or bytes:sub(2, 4) ~= "\195\178\161" and bytes:sub(2, 4) ~= "\60\178\161" then
    return nil
  end
  local parts = { bytes:sub(1, 4):reverse(), bytes:sub(5, 6):reverse(), bytes:sub(7, 8):reverse() }
  for at = 9, 21, 4 do
    parts[#parts + 1] = bytes:sub(at, at + 3):reverse()
  end
  local position = 25
  while position + 15 <= #bytes do
    for at = position, position + 12, 4 do
      parts[#parts + 1] = bytes:sub(at, at + 3):reverse()
    end
    local a, b, c = bytes:byte(position + 8, position + 10)
    local length = a + 256 * b + 65536 * c
    parts[#parts + 1] = bytes:sub(position + 16, position + 15 + length)
    position = position + 16 + length
  end
  return table.concat(parts) .. bytes:sub(position)
end

-- Files to mutate: real ones and odd ones, and each in the other byte order.
local function originals()
  local sources, names = {}, {}
  for _, path in ipairs(savefile.real()) do
    sources[#sources + 1] = shell.read(path)
  end
  for name in pairs(odd) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if #odd[name] > 24 and #odd[name] < 10000 then sources[#sources + 1] = odd[name] end
  end
  for i = 1, #sources do
    sources[#sources + 1] = campaign.swapped(sources[i])
  end
  return sources
end

local PIECES = { 1, 7, 16, 100, 1000, 70000 }

local function any(list)
  return list[math.random(#list)]
end

-- Jobs that read one mutant: whole, and in one other way.
local function add_jobs(jobs, path, name)
  local function add(fields)
    fields.path, fields.name, fields.way = path, name, any(campaign.WAYS)
    fields.filter = any(campaign.FILTERS) or nil
    fields.precision = any { "micro", "nano" }
    jobs[#jobs + 1] = fields
  end
  add {}
  local other = math.random(40)
  if other <= 2 then
    add { source = other == 1 and "gzip" or "pipe" }
  else
    add { pieces = any(PIECES) }
  end
end

local BATCH = 400

--- Reads so many mutants, and asserts that libpcap reads the same. Calls `progress(packets)` after
-- each few hundred, with how many packets those were.
function campaign.run(folder, libpcap, count, seed, progress)
  local sources = originals()
  math.randomseed(seed)
  for first = 1, count, BATCH do
    local jobs = {}
    for i = first, math.min(first + BATCH - 1, count) do
      local bytes = any(sources)
      for _ = 1, math.random(3) do
        bytes = #bytes > 0 and any(MUTATIONS)(bytes) or bytes
      end
      local path = shell.write(("%s/mutation%d"):format(folder, i % BATCH), bytes)
      add_jobs(jobs, path, "mutation " .. i)
    end
    progress(campaign.compare(libpcap, jobs))
  end
end

if arg and arg[0] and arg[0]:find "savefile_campaign" then
  local count, seed = tonumber(arg[1]) or 100000, tonumber(arg[2]) or 1
  local folder, remove = shell.folder()
  local packets = 0
  local done, problem = pcall(campaign.run, folder, reader.libpcap(folder), count, seed,
    function(some) packets = packets + some end)
  remove()
  print(("%d mutants of seed %d, %d packets"):format(count, seed, packets))
  if not done then
    print(problem)
    os.exit(1)
  end
end

return campaign
