--- What `make demo` runs. It writes a capture, reads it back with a filter, and, if this process
-- may, captures its own traffic live on loopback.

local bit = require "bit"
local pcap = require "pcap"
local decode = require "pcap.decode"

local function word16(value)
  return string.char(bit.rshift(value, 8), bit.band(value, 255))
end

local function word32(value)
  return word16(bit.rshift(value, 16)) .. word16(bit.band(value, 0xffff))
end

local function address(text)
  return (text:gsub("(%d+)%.?", function(byte) return string.char(byte) end))
end

-- The Internet checksum, RFC 1071.
local function checksum(bytes)
  local sum = 0
  for i = 1, #bytes, 2 do
    sum = sum + bytes:byte(i) * 256 + (bytes:byte(i + 1) or 0)
  end
  while sum > 0xffff do
    sum = sum % 0x10000 + math.floor(sum / 0x10000)
  end
  return word16(0xffff - sum)
end

local function ethernet_ipv4(protocol, source, destination, payload)
  local before = "\x45\0" .. word16(20 + #payload) .. "\0\1\64\0\64" .. string.char(protocol)
  local after = address(source) .. address(destination)
  return ("\2\0\0\0\0\2\2\0\0\0\0\1\8\0") .. before .. checksum(before .. after) .. after .. payload
end

local function udp(source, from, destination, to, payload)
  return ethernet_ipv4(17, source, destination,
    word16(from) .. word16(to) .. word16(8 + #payload) .. "\0\0" .. payload)
end

local function tcp(source, from, destination, to, seq, flags, payload)
  local header = word16(from) .. word16(to) .. word32(seq) .. word32(0)
    .. "\x50" .. string.char(flags) .. "\xff\xff"
  local segment = header .. "\0\0\0\0" .. payload
  local pseudo = address(source) .. address(destination) .. "\0\6" .. word16(#segment)
  return ethernet_ipv4(6, source, destination,
    header .. checksum(pseudo .. segment) .. "\0\0" .. payload)
end

local SYN, ACK, PUSH_ACK, FIN_ACK = 0x02, 0x10, 0x18, 0x11
local client, server = "192.0.2.10", "198.51.100.80"
local conversation = {
  udp(client, 40000, "192.0.2.1", 53, "\1\2\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"),
  tcp(client, 40001, server, 80, 1000, SYN, ""),
  tcp(server, 80, client, 40001, 5000, SYN + ACK, ""),
  tcp(client, 40001, server, 80, 1001, PUSH_ACK, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
  tcp(server, 80, client, 40001, 5001, PUSH_ACK, "HTTP/1.1 204 No Content\r\n\r\n"),
  tcp(client, 40001, server, 80, 1040, FIN_ACK, ""),
}

local function show(cap, limit)
  local linktype = cap:datalink()
  for pkt in cap:packets(limit) do
    print("  " .. decode.summary(pkt, linktype))
  end
end

print(pcap._LIB_VERSION)

-- Pcapng can say more of each packet than pcap can.
local fname = os.tmpname()
local dumper = assert(pcap.dumper { file = fname, format = "pcapng",
  section = { comment = "a conversation made up" }, interface = { name = "demo" } })
for i, packet in ipairs(conversation) do
  local time, is_from_client = 1700000000 + i / 1000, packet:sub(27, 30) == address(client)
  assert(dumper:dump(packet, time, #packet, { direction = is_from_client and "out" or "in" }))
end
assert(dumper:close())
print(("\nWrote %d packets to %s, as pcapng. Those of 'tcp port 80' in it:")
  :format(#conversation, fname))

local cap = assert(pcap.open_offline(fname))
assert(cap:set_filter "tcp port 80")
show(cap)
cap:close()
os.remove(fname)

local device = jit.os == "Linux" and "lo" or "lo0"
local live, message = pcap.open_live(device, 0, false, 1)
if not live then
  print("\nNo live capture here: " .. message)
  return
end
assert(live:set_filter "net 192.0.2.0/24")
print("\nThe same packets, sent and captured live on " .. device .. ":")
for _, packet in ipairs(conversation) do
  assert(live:inject(packet))
end
show(live, #conversation)
live:close()
