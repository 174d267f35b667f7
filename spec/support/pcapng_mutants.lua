--- Damaged pcapng files, and what the C program and the format make of each.

local pcap = require "pcap"
local reader = require "spec.support.reader"
local shell = require "spec.support.shell"

local mutants = {}

-- Messages of libpcap about what it cannot read and we can. What came before has to be the same.
local REFUSED = { "different from the type of the first interface", "different from the snapshot "
  .. "length of the first interface", "sections with different byte orders" }

-- Numbers that often decide something.
local VALUES = { "\0", "\1", "\2", "\3", "\4", "\5", "\6", "\9", "\10", "\14", "\127", "\128",
  "\255", "\0\0\0\0", "\255\255\255\255", "\1\0\0\0", "\6\0\0\0", "\3\0\0\0", "\2\0\0\0",
  "\10\13\13\10", "\77\60\43\26", "\26\43\60\77", "\12\0\0\0", "\0\0\0\1", "\32\0\0\0",
  "\0\0\255\255", "\255\255\255\127", "\9\0\1\0", "\14\0\8\0" }

local changes = {
  function(text, at, random)   -- a value written over what is there
    local value = VALUES[random(#VALUES)]
    return text:sub(1, at - 1) .. value .. text:sub(at + #value)
  end,
  function(text, at, random)   -- a byte
    return text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + 1)
  end,
  function(text, at)           -- the end cut off
    return text:sub(1, at)
  end,
  function(text, at, random)   -- something left out
    return text:sub(1, at - 1) .. text:sub(at + 4 * random(8))
  end,
  function(text, at, random)   -- something twice
    return text:sub(1, at + 4 * random(8)) .. text:sub(at)
  end,
}

--- A mutant of one of the texts. `random` is like math.random with one argument.
function mutants.make(texts, random)
  local text = texts[random(#texts)]
  for _ = 1, random(3) do
    local at = random(math.max(#text, 1))
    if random(3) > 1 then
      at = at - (at - 1) % 4
    end
    text = changes[random(#changes)](text, at, random)
  end
  return text
end

-- Libpcap leaves undefined what an interface is whose block is wrong: nothing behind that message
-- is compared.
local function defined(text)
  for _, words in ipairs { "end: block of type 1 ", "end: Interface Description Block " } do
    local _, last = text:find(words .. "[^\n]*\n")
    text = last and text:sub(1, last) or text
  end
  return text
end

--- What differs between what libpcap and we read, or nil.
function mutants.difference(expected, ours)
  expected, ours = defined(expected), defined(ours)
  if expected:find "\nend: broken\n$" or expected == "end: broken\n" then
    return nil
  end
  local first = math.huge -- libpcap may refuse a file for several reasons, one after the other
  for _, refused in ipairs(REFUSED) do
    local from = expected:find("end: an?[^\n]*" .. refused .. "[^\n]*\n")
      or expected:find("end: the file has " .. refused .. "\n")
    first = math.min(first, from or math.huge)
  end
  if first < math.huge then
    return ours:sub(1, first - 1) ~= expected:sub(1, first - 1) and "differs before it is refused"
  end
  return ours ~= expected and "differs"
end

-- Asks all that may be asked of a file and its packets, which must neither raise nor break down.
local function ask(path)
  local cap = pcap.open_offline(path, { blocks = true })
  while cap do
    for pkt in cap:packets() do
      for _, it in ipairs { pkt, pkt:copy() } do
        assert(#it:comments() <= #it:options() and (it.direction or it:comment() or true))
        assert(it:dropped() or it:id() or it:verdict() or it:hash() or true)
      end
    end
    assert(cap:interfaces() and cap:section() and cap:names() and cap:secrets() and cap:blocks())
    cap = cap:ending() ~= "closed" and not cap:ending():find "^truncated" and cap
  end
end

local function told_of(pkt)
  return table.concat({ pkt:bytes(), pkt.sec, pkt.nsec, pkt.wirelen, pkt.linktype,
    tostring(pkt.direction), tostring(pkt:dropped()), tostring(pkt:id()),
    unpack(pkt:comments(), 1, math.min(#pkt:comments(), 100)) }, "\0")
end

-- Copies a file, reading on after errors. The copy must be whole, and its packets the same.
local function copy_differs(path)
  local cap, list = pcap.open_offline(path, { precision = "nano", blocks = true }), {}
  if not cap then
    return false
  end
  local dumper = assert(cap:dump_open(path .. ".copy", { format = "pcapng" }))
  for _ = 1, 3 do
    for pkt in cap:packets() do
      if dumper:dump(pkt) then
        list[#list + 1] = told_of(pkt)
      end
    end
  end
  assert(dumper:close())
  local copy = assert(pcap.open_offline(path .. ".copy", { precision = "nano" }))
  local count = 0
  for pkt in copy:packets() do
    count = count + 1
    if list[count] ~= told_of(pkt) then
      return true
    end
  end
  return count ~= #list or copy:ending() ~= "closed"
end

--- Compares texts, in a folder that exists: as files, and in pieces. `libpcap` is what
-- reader.libpcap gives.
---@return string? message  about the first that differs
function mutants.compare(libpcap, folder, texts, random)
  local jobs = {}
  for i, text in ipairs(texts) do
    jobs[i] = { path = shell.write(("%s/mutant%d"):format(folder, i), text),
      precision = random(2) == 1 and "nano" or "micro" }
  end
  for i, expected in ipairs(libpcap(jobs)) do
    local job = jobs[i]
    local ours = reader.ours(pcap, job)
    ask(job.path)
    local pieces = reader.ours(pcap, { path = job.path, precision = job.precision,
      pieces = random(100) })
    local problem = pieces ~= ours and "differs in pieces" or mutants.difference(expected, ours)
      or copy_differs(job.path) and "differs in a copy"
    if problem then
      return ("%s: %s (%s)\nlibpcap: %s\nours: %s\npieces: %s"):format(job.path, problem,
        job.precision, expected, ours, pieces)
    end
  end
end

return mutants
