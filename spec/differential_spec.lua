local campaign = require "spec.campaign.savefile_campaign"
local odd = require "spec.support.odd"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local FILTERS, WAYS = campaign.FILTERS, campaign.WAYS
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

local function compare(jobs)
  return campaign.compare(libpcap, jobs)
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
          way = "packets", source = "pipe" }
      end
    end
    compare(jobs)
  end)

  -- What changes in the other byte order, or does not fit into a record, goes through libpcap.
  it("is what libpcap reads, for the same files in pieces, compressed, and turned round", function()
    local jobs, count = {}, 0
    for name, bytes in pairs(odd) do
      for _, variant in ipairs { bytes, campaign.swapped(bytes) } do
        count = count + 1
        local path = shell.write(folder .. "/variant" .. count, variant)
        for i, fields in ipairs { { pieces = 1 }, { pieces = 31 }, { pieces = 4097 },
          { pieces = 70000 }, { source = "gzip" }, {} } do
          if #bytes < 3000 or fields.pieces ~= 1 then
            fields.path, fields.name, fields.precision = path, name, "micro"
            fields.way = WAYS[(count + i) % 3 + 1]
            jobs[#jobs + 1] = fields
          end
        end
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

describe("What we read of a mutated savefile", function()
  setup(function()
    folder, remove = shell.folder()
    libpcap = reader.libpcap(folder)
  end)
  teardown(function() remove() end)

  it("is what libpcap reads, for some thousands of mutations", function()
    campaign.run(folder, libpcap, 3200, 20240229, function(packets)
      assert.is_true(packets > 100)
    end)
  end)
end)
