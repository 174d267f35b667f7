--- What tshark says of a capture's packets, as tables of fields.

local shell = require "spec.support.shell"

local tshark = {}

-- Each packet by itself, as our decoder sees it: nothing reassembled, no numbers made relative,
-- every checksum verified.
local PREFERENCES = {
  "ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
  "tcp.relative_sequence_numbers:FALSE", "ip.check_checksum:TRUE", "tcp.check_checksum:TRUE",
  "udp.check_checksum:TRUE",
}

-- Tshark 4.4 prints booleans by these words.
local BOOLEANS = { True = "1", False = "0" }

--- The fields of every packet: a list of tables, by field the list of its values as text, in the
-- order of their layers.
function tshark.fields(path, fields)
  local command = { "tshark -n -T fields -E separator=/t -E occurrence=a -E aggregator=/s" }
  for _, preference in ipairs(PREFERENCES) do
    command[#command + 1] = "-o " .. preference
  end
  for _, field in ipairs(fields) do
    command[#command + 1] = "-e " .. field
  end
  local output = shell.run(table.concat(command, " ") .. " -r %s 2>/dev/null", path)
  local packets = {}
  for line in output:gmatch("([^\n]*)\n") do
    local packet, i = {}, 0
    for column in (line .. "\t"):gmatch("([^\t]*)\t") do
      i = i + 1
      packet[fields[i]] = {}
      for value in column:gmatch("%S+") do
        table.insert(packet[fields[i]], BOOLEANS[value] or value)
      end
    end
    packets[#packets + 1] = packet
  end
  return packets
end

return tshark
