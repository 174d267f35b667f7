--- The same work with this library: ours packets|next|copy|copy-pcapng|copy-file|rotate|function|
-- record|layers|inner FILE [EXPRESSION], ours pieces FILE, ours live DEVICE. And with the binding
-- in C that is built beside it: ours binding FILE.

local pcap = require "pcap"

local work, source, expression = arg[1], arg[2], arg[3]
local cap
if work == "live" then
  cap = assert(pcap.open_live(source, 65535, false, 1))
elseif work == "binding" then
  cap = assert(package.loadlib("build/bench/binding.so", "luaopen_binding"))()(source)
elseif work == "pieces" then
  cap = pcap.reader()
else
  cap = assert(pcap.open_offline(source))
end
if expression then
  assert(cap:set_filter(expression))
end

local packets, sum = 0, 0
if work == "packets" then
  for pkt in cap:packets() do
    packets = packets + 1
    sum = sum + pkt.caplen + pkt.data[0]
  end
elseif work == "next" or work == "binding" then
  for data in cap.next, cap do
    packets = packets + 1
    sum = sum + #data + data:byte()
  end
elseif work == "layers" then
  local layers = require("pcap.decode").layers(cap:datalink())
  for pkt in cap:packets() do
    local tcp = layers(pkt).tcp
    packets = packets + 1
    sum = sum + tcp.dest_port
  end
elseif work == "inner" then -- TCP in a tunnel, or without one
  local layers = require("pcap.decode").layers(cap:datalink())
  for pkt in cap:packets() do
    local inner = layers(pkt).inner
    local tcp = inner and inner.tcp or layers.tcp
    packets = packets + 1
    sum = sum + tcp.dest_port
  end
elseif work == "live" then
  io.write("ready\n")
  io.flush()
  local before = os.clock()
  repeat
    for pkt in cap:packets() do
      packets = packets + 1
      sum = sum + pkt.caplen + pkt.data[0]
    end
  until packets > 0
  print(packets, os.clock() - before)
  return
elseif work == "pieces" then -- of 64 KB
  local file = assert(io.open(source, "rb"))
  for bytes in function() return file:read(65536) end do
    assert(cap:feed(bytes))
    for pkt in cap:packets() do
      packets = packets + 1
      sum = sum + pkt.caplen + pkt.data[0]
    end
  end
  assert(cap:close())
else
  local made = os.tmpname()
  local files = { made }
  local open = {
    ["copy"] = function() return cap:dump_open "/dev/null" end,
    ["copy-pcapng"] = function() return cap:dump_open("/dev/null", { format = "pcapng" }) end,
    ["copy-file"] = function() return cap:dump_open(made) end,
    ["rotate"] = function()
      return cap:dump_open(made .. "-%i", { rotate = { bytes = 20000000, seconds = 3600,
        on_close = function(path) files[#files + 1] = path end } })
    end,
    ["function"] = function() return cap:dump_open(function() end) end,
    ["record"] = function() return pcap.recorder { seconds = 30, bytes = 2 ^ 26 } end,
  }
  local dumper = assert(open[work]())
  for pkt in cap:packets() do
    assert(dumper:dump(pkt))
  end
  assert(dumper:close())
  for _, path in ipairs(files) do
    os.remove(path)
  end
end
print(("%d %d"):format(packets, sum))
