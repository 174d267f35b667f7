--- What a savefile holds, as text: read by us, and by a C program that uses libpcap directly.

local shell = require "spec.support.shell"

local reader = {}

local function packet_line(pkt)
  return ("packet %.0f %.0f %.0f %.0f "):format(pkt.sec, pkt.nsec, pkt.caplen, pkt.wirelen)
    .. pkt:bytes() .. "\n"
end

-- A text without the words at its start, or with others there: libpcap names the file in some
-- messages only.
local function without(text, words, others)
  return text:sub(1, #words) == words and (others or "") .. text:sub(#words + 1) or text
end

-- Ways to read: each adds what comes until the capture ends once, and gives the ending.
local ways = {}

function ways.next(cap, add)
  while true do
    local capdata, timestamp, wirelen = cap:next()
    if not capdata then
      return timestamp
    end
    add(("packet %.17g %d %.0f "):format(timestamp, #capdata, wirelen) .. capdata .. "\n")
  end
end

function ways.packets(cap, add)
  for pkt in cap:packets() do
    add(packet_line(pkt))
  end
  return cap:ending()
end

function ways.mixed(cap, add)
  while true do
    local pkt, reason = cap:next_packet()
    if not pkt then
      return reason
    end
    add(packet_line(pkt))
    for more in cap:packets(2) do
      add(packet_line(more))
    end
    if cap:ending() ~= "limit" then
      return cap:ending()
    end
  end
end

--- Reads a savefile with the module. A job has `path`, and may have `precision`, `filter`, `way`
-- ("next", "packets" or "mixed") and `pipe`: whether to read it from one.
function reader.ours(pcap, job)
  local parts = {}
  local function add(part)
    parts[#parts + 1] = part
  end
  local command = ("cat %s 2>/dev/null"):format(shell.quote(job.path))
  local source = job.pipe and io.popen(command) or job.path
  local cap, message = pcap.open_offline(source, { precision = job.precision })
  if not cap then
    return "open: " .. without(message, tostring(source) .. ": ") .. "\n"
  end
  add(("link type %d, snaplen %d\n"):format(cap:datalink(), cap:snapshot()))
  local set, problem = true, nil
  if job.filter then
    set, problem = cap:set_filter(job.filter)
  end
  if set then
    for _ = 1, 3 do
      add("end: " .. ways[job.way or "packets"](cap, add) .. "\n")
    end
  else
    add("filter: " .. problem .. "\n")
  end
  cap:close()
  if job.pipe then
    source:close()
  end
  return table.concat(parts)
end

--- Compiles the C program into a folder, and gives a function: of jobs, what each read.
function reader.libpcap(folder)
  local program = folder .. "/read"
  -- On 32 bits C would calculate with more digits than LuaJIT does.
  local sse = jit.arch == "x86" and "-msse2 -mfpmath=sse" or ""
  shell.run("${CC:-cc} -O2 " .. sse .. " -o %s spec/support/read.c -lpcap", program)
  return function(jobs)
    local lines = {}
    for i, job in ipairs(jobs) do
      lines[i] = ("%s\t%s\t%s\t%s\n"):format(job.precision or "micro",
        job.way == "next" and "seconds" or "fields", job.filter or "", job.path)
    end
    local list = shell.write(folder .. "/jobs", table.concat(lines))
    local pipe = io.popen(("%s < %s"):format(program, list), "r")
    local texts = {}
    for i, job in ipairs(jobs) do
      local size = assert(pipe:read("*n"), "the C program broke down at " .. job.path)
      assert(pipe:read(1) == "\n")
      texts[i] = size == 0 and "" or pipe:read(size)
      texts[i] = without(texts[i], "open: " .. job.path .. ": ", "open: ")
    end
    pipe:close()
    return texts
  end
end

return reader
