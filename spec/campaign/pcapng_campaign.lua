--- Compares what is read of damaged pcapng files with libpcap: whole and in pieces.
-- Usage: luajit spec/campaign/pcapng_campaign.lua COUNT SEED FILE...

package.path = "./?.lua;" .. package.path
local pcapng_file = require "spec.support.pcapng_file"
local mutants = require "spec.support.pcapng_mutants"
local reader = require "spec.support.reader"
local shell = require "spec.support.shell"

local BATCH = 1000

local count, seed = tonumber(arg[1]), tonumber(arg[2])
local texts = {}
for _, linktype in ipairs { 1, 101, 113, 189, 220, 239 } do
  texts[#texts + 1] = pcapng_file.every_kind(false, linktype)
  texts[#texts + 1] = pcapng_file.every_kind(true, linktype)
end
for i = 3, #arg do
  local file = assert(io.open(arg[i], "rb"))
  texts[#texts + 1] = file:read("*a")
  file:close()
end
math.randomseed(seed)
local folder, remove = shell.folder()
local libpcap = reader.libpcap(folder)
for done = 0, count - 1, BATCH do
  local batch = {}
  for i = 1, math.min(BATCH, count - done) do
    batch[i] = mutants.make(texts, math.random)
  end
  local message = mutants.compare(libpcap, folder, batch, math.random)
  if message then
    print(message)
    os.exit(1)
  end
end
remove()
print(("%d damaged files are read as libpcap reads them"):format(count))
