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

-- Where the module reads a job from: the capture, and a function that cleans up. Or nil, what
-- stands before the message, and the message.
local sources = {}

function sources.file(pcap, job)
  local cap, message = pcap.open_offline(job.path, { precision = job.precision })
  return cap, cap and function() end or job.path, message
end

function sources.pipe(pcap, job)
  local pipe = io.popen(("cat %s 2>/dev/null"):format(shell.quote(job.path)))
  local cap, message = pcap.open_offline(pipe, { precision = job.precision })
  return cap, cap and function() pipe:close() end or tostring(pipe), message
end

-- A compressed file beside the job's.
function sources.gzip(pcap, job)
  local name = job.path .. ".gz"
  shell.run("gzip -1 -c %s > %s", job.path, name)
  local cap, message = pcap.open_offline(name, { precision = job.precision })
  return cap, cap and function() end or name, message
end

-- Reads with the module through a capture that is there already.
local function read(cap, job)
  local parts = {}
  local function add(part)
    parts[#parts + 1] = part
  end
  add(("link type %d, snaplen %d\n"):format(cap:datalink(), cap:snapshot()))
  local set, problem = true, nil
  if job.filter then
    set, problem = cap:set_filter(job.filter)
  end
  if not set then
    add("filter: " .. problem .. "\n")
    return table.concat(parts)
  end
  local ended = 0
  while ended < 3 do
    local ending = ways[job.way or "packets"](cap, add)
    if ending ~= "more" then
      add("end: " .. ending .. "\n")
      ended = ended + 1
    elseif not job.more() then
      job.reader:finish()
    end
  end
  return table.concat(parts)
end

-- A reader that is fed with pieces of `job.pieces` bytes.
local function in_pieces(pcap, job)
  local bytes, from = shell.read(job.path), 1
  local fed = pcap.reader { precision = job.precision }
  local function more()
    if from > #bytes then
      return false
    end
    assert(fed:feed(bytes:sub(from, from + job.pieces - 1)))
    from = from + job.pieces
    return true
  end
  local cap, message = fed:capture()
  while message == "more" do
    if not more() then fed:finish() end
    cap, message = fed:capture()
  end
  if not cap then
    return "open: " .. message .. "\n"
  end
  local text = read(cap, { way = job.way, filter = job.filter, more = more, reader = fed })
  fed:close()
  return text
end

--- Reads a savefile with the module. A job has `path`, and may have `precision`, `filter`, `way`
-- ("next", "packets" or "mixed"), and `source` ("file", "pipe" or "gzip") or `pieces`, the bytes
-- that a reader is fed with at a time.
function reader.ours(pcap, job)
  if job.pieces then
    return in_pieces(pcap, job)
  end
  local cap, done, message = sources[job.source or "file"](pcap, job)
  if not cap then
    return "open: " .. without(message, done .. ": ") .. "\n"
  end
  local text = read(cap, job)
  cap:close()
  done()
  return text
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
