local odd = require "spec.support.odd"
local pcap = require "pcap"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local FILTERS = { false, "len >= 60", "ip", "greater 5 and not tcp", "len == 3" }
local WAYS = { "next", "packets", "mixed" }

local folder, remove, libpcap

-- Every way of reading a path, in both precisions, with and without filters.
local function every_job(path, jobs)
  for _, precision in ipairs { "micro", "nano" } do
    for _, filter in ipairs(FILTERS) do
      for _, way in ipairs(WAYS) do
        jobs[#jobs + 1] = { path = path, precision = precision, filter = filter or nil, way = way }
      end
    end
  end
end

local function shown(text)
  return (#text > 4000 and text:sub(-4000) or text):gsub("[^%g\n ]", "?")
end

-- Asserts that we read what libpcap reads, and gives how many packets that were.
local function compare(jobs)
  local packets = 0
  for i, text in ipairs(libpcap(jobs)) do
    local job = jobs[i]
    local ours = reader.ours(pcap, job)
    if ours ~= text then
      error(("%s (%s, %s, filter %s) differs.\nlibpcap:\n%s\nours:\n%s"):format(
        job.name or job.path, job.precision, job.way, tostring(job.filter), shown(text),
        shown(ours)), 0)
    end
    packets = packets + select(2, text:gsub("\npacket ", ""))
  end
  return packets
end

describe("What we read of a savefile", function()
  setup(function()
    folder, remove = shell.folder()
    libpcap = reader.libpcap(folder)
  end)
  teardown(function() remove() end)

  it("is what libpcap reads, for every real capture at hand", function()
    local paths, jobs = savefile.real(), {}
    if #paths == 0 then
      return pending("no captures in ../shared/captures or PCAP_CAPTURES")
    end
    for _, path in ipairs(paths) do
      every_job(path, jobs)
    end
    assert.is_true(compare(jobs) > 1000)
  end)

  it("is what libpcap reads, for odd files made by hand", function()
    local jobs, count = {}, 0
    for name, bytes in pairs(odd) do
      count = count + 1
      local first = #jobs + 1
      every_job(shell.write(folder .. "/odd" .. count, bytes), jobs)
      for i = first, #jobs do
        jobs[i].name = name
      end
    end
    assert.is_true(compare(jobs) > 1000)
  end)

  it("is what libpcap reads, for the same files from a pipe", function()
    local paths, jobs, count = savefile.real(), {}, 0
    for _, bytes in pairs(odd) do
      count = count + 1
      paths[#paths + 1] = shell.write(folder .. "/piped" .. count, bytes)
    end
    for _, path in ipairs(paths) do
      for _, filter in ipairs { false, "ip", "len >= 60" } do
        jobs[#jobs + 1] = { path = path, precision = "micro", filter = filter or nil,
          way = "packets", pipe = true }
      end
    end
    compare(jobs)
  end)

  it("is what libpcap reads, for real captures cut off anywhere", function()
    local jobs = {}
    for number, path in ipairs(savefile.real()) do
      local bytes = shell.read(path)
      for cut = 1, math.min(#bytes, 4000), 61 do
        local name = ("%s/cut%d-%d"):format(folder, number, cut)
        jobs[#jobs + 1] = { path = shell.write(name, bytes:sub(1, -1 - cut)), name = path
          .. " without " .. cut, way = WAYS[cut % 3 + 1], precision = "micro" }
      end
    end
    if #jobs == 0 then
      return pending("no captures in ../shared/captures or PCAP_CAPTURES")
    end
    compare(jobs)
  end)
end)

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

describe("What we read of a mutated savefile", function()
  setup(function()
    folder, remove = shell.folder()
    libpcap = reader.libpcap(folder)
  end)
  teardown(function() remove() end)

  it("is what libpcap reads, for some thousands of mutations", function()
    local sources, names = {}, {}
    for _, path in ipairs(savefile.real()) do
      sources[#sources + 1] = shell.read(path)
    end
    for name in pairs(odd) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      if #odd[name] > 24 and #odd[name] < 10000 then sources[#sources + 1] = odd[name] end
    end
    math.randomseed(20240229)
    for round = 1, 10 do
      local jobs = {}
      for i = 1, 400 do
        local bytes = sources[math.random(#sources)]
        for _ = 1, math.random(3) do
          bytes = #bytes > 0 and MUTATIONS[math.random(#MUTATIONS)](bytes) or bytes
        end
        local path = shell.write(("%s/mutation%d"):format(folder, i), bytes)
        for _ = 1, 2 do
          jobs[#jobs + 1] = { path = path, name = ("mutation %d.%d"):format(round, i),
            way = WAYS[math.random(3)], filter = FILTERS[math.random(#FILTERS)] or nil,
            precision = math.random(2) == 1 and "micro" or "nano" }
        end
      end
      assert.is_true(compare(jobs) > 100)
    end
  end)
end)
