--- pcap replay: sends the packets of files on a device, with the timing that was recorded, or
-- another. The letters are tcpreplay's.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local pcap = require "pcap"
local progress = require "pcap.program.progress"
local reading = require "pcap.program.reading"
local stop = require "pcap.program.stop"

local replay = { summary = "Sends the packets of files, with their timing or another" }

function replay.options(parser)
  options.files(parser)
  parser:option("-i --interface", "The device to send on."):argname "DEVICE":count(1)
  local positive = options.positive "a number more than 0"
  parser:mutex(
    parser:option("-x --multiplier", "Send so many times as fast as recorded; default: 1.")
      :target "speed":argname "SPEED":convert(positive),
    parser:option("-p --pps", "Send so many packets a second."):target "packets"
      :argname "PACKETS":convert(positive),
    parser:option("-M --mbps", "Send so many megabits a second."):target "megabits"
      :argname "MEGABITS":convert(positive),
    parser:flag("-t --topspeed", "Send as fast as possible."))
  parser:option("-l --loop", "Send all files so many times; 0: until it is stopped.")
    :argname "N":convert(options.whole(0)):default "1"
  parser:option("-L --limit", "Stop after so many packets."):argname "N"
    :convert(options.whole(1))
end

-- Packets that are sent with one call, at the most.
local BATCH = 256
-- The kernel wakes a program up so much late, in seconds. The rest is waited for awake.
local LATE = 0.0001

local now = reading.clock

-- Makes the function that tells when a packet is due, by how many packets and bytes have been taken
-- before. begin() begins a file: the recorded times count from its first packet.
local function timing(args, taken)
  local start, first_time, begun = now(), nil, nil
  local function due(pkt)
    if args.topspeed then
      return 0
    elseif args.packets then
      return start + taken.packets / args.packets
    elseif args.megabits then
      return start + taken.bytes * 8 / (args.megabits * 1e6)
    end
    local time = pkt:timestamp()
    if not first_time then
      first_time, begun = time, now()
    end
    return begun + (time - first_time) / (args.speed or 1)
  end
  return due, function() first_time = nil end
end

-- Waits until a moment. Returns false if the program is to end.
local function wait_until(device, moment)
  local time = moment - now()
  if time > LATE then
    device:wait(time - LATE)
  end
  while not stop.is_asked() and now() < moment do end
  return not stop.is_asked()
end

-- Sends a list of packets. One that cannot be sent is counted.
local function send(device, list, sent)
  while #list > 0 do
    local done, message, before = device:inject_all(list)
    local count = done or before
    for i = 1, count do sent.bytes = sent.bytes + #list[i] end
    sent.packets = sent.packets + count
    if done then
      return
    end
    sent.failed, sent.problem = sent.failed + 1, message
    local rest = {}
    for i = count + 2, #list do rest[#rest + 1] = list[i] end
    list = rest
  end
end

-- Opens the device. It is only sent on: without packets to read, a wait on it is a sleep.
local function open_device(name)
  local device = check.done(pcap.open_live(name))
  check.done(device:set_filter "len < 1")
  return device
end

-- Whether some packets of a file may be sent on a device.
local function have_linktype(cap, linktype)
  for _, interface in ipairs(cap:interfaces()) do
    if interface.linktype == linktype then
      return true
    end
  end
  return false
end

local function open_file(path, args, device)
  local cap, linktype = input.file(path), device:datalink()
  if not have_linktype(cap, linktype) then
    check.fail(("%s: its link type is %s, and that of %s is %s"):format(path,
      pcap.datalink_name(cap:datalink()), args.interface, pcap.datalink_name(linktype)))
  end
  input.set_filter(cap, { args.filter })
  return cap
end

-- Takes a packet into a list. A pcapng file may have some that are not for this device.
local function take(pkt, list, job)
  local taken, sent = job.taken, job.sent
  taken.packets, taken.bytes = taken.packets + 1, taken.bytes + pkt.caplen
  if pkt.linktype ~= job.linktype then
    sent.failed = sent.failed + 1
    sent.problem = ("the link type is %s"):format(pcap.datalink_name(pkt.linktype))
    return
  end
  list[#list + 1] = pkt:bytes()
  taken.cut = taken.cut + (pkt.caplen < pkt.wirelen and 1 or 0)
end

-- Sends one file. Packets that are due at the same time go together. Returns why it could not be
-- read to its end, or nil.
local function send_file(cap, job)
  local taken, most = job.taken, job.most
  job.begin()
  local pkt, reason = cap:next_packet()
  while pkt and taken.packets < most and wait_until(job.device, job.due(pkt)) do
    local list, moment = {}, now()
    repeat
      take(pkt, list, job)
      pkt, reason = cap:next_packet()
    until not pkt or taken.packets >= most or #list == BATCH or job.due(pkt) > moment
    send(job.device, list, job.sent)
    job.show()
  end
  if not pkt and reason ~= "closed" and reason ~= "break" then
    return input.about(cap, reason)
  end
end

local function tell(taken, sent, seconds)
  io.stderr:write(("%s (%.0f bytes) sent in %.2f seconds: %.0f packets, %.2f megabits a second\n")
    :format(output.number(sent.packets, "packet"), sent.bytes, seconds, sent.packets / seconds,
      sent.bytes * 8 / seconds / 1e6))
  if taken.cut > 0 then
    io.stderr:write(taken.cut, " of them were not recorded whole\n")
  end
  if sent.failed > 0 then
    io.stderr:write(("%s could not be sent: %s\n"):format(output.number(sent.failed, "packet"),
      sent.problem))
  end
end

function replay.run(args)
  if input.check_files(args) and args.loop ~= 1 then
    check.misuse("'-' is stdin, which can be read once only", args.usage)
  end
  local device = open_device(args.interface)
  for _, path in ipairs(args.files) do -- so that what is wrong is told before anything is sent
    if path ~= "-" then
      open_file(path, args, device):close()
    end
  end
  local reads = {} -- the file that is being read
  stop.on_signal { breakloop = function()
    device:breakloop()
    if reads[1] then
      reads[1]:breakloop()
    end
  end }
  local taken = { packets = 0, bytes = 0, cut = 0 } -- so far, sent or not
  local sent = { packets = 0, bytes = 0, failed = 0, problem = nil }
  local due, begin = timing(args, taken)
  local job = { device = device, linktype = device:datalink(), taken = taken, sent = sent,
    most = args.limit or math.huge, due = due, begin = begin, show = progress.new(reads, false, 1) }
  local start, loops, problems = now(), 0, {}
  repeat
    loops = loops + 1
    for _, path in ipairs(args.files) do
      if not stop.is_asked() and taken.packets < job.most then
        local cap = open_file(path, args, device)
        reads[1] = cap
        local problem = send_file(cap, job)
        if problem and not problems[path] then
          problems[path] = problem
          check.warn(args, problem)
        end
        reads[1] = nil
        cap:close()
      end
    end
  until stop.is_asked() or taken.packets >= job.most or loops == args.loop or taken.packets == 0
  progress.clear()
  tell(taken, sent, math.max(now() - start, 1e-6))
  device:close()
  if sent.problem or next(problems) then
    check.fail()
  end
end

return replay
