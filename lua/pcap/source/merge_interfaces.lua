--- The interfaces of captures that are merged: their numbers over all of them.

local interfaces = {}

--- Makes an empty list. An entry is one interface of a lane (see merge.lua): `lane`, `number` (the
-- one that the lane's capture gives it), `known` (what is known of it), and `file`, which counts
-- the files that the capture has read.
function interfaces.new()
  return { kinds = {} }
end

local function now(entry)
  local cap = entry.lane.capture
  if cap._handle and entry.file == entry.lane.file then
    entry.known = cap._source.interfaces(cap)[entry.number] or entry.known
  end
  return entry.known
end

--- Gives an interface of a lane the next number.
---@return integer
function interfaces.add(list, lane, number)
  local entry = { lane = lane, number = number, file = lane.file, known = {} }
  list[#list + 1] = entry
  list.kinds[now(entry).linktype or lane.packet.linktype] = true
  lane.numbers[number] = #list
  return #list
end

--- Learns the interfaces of the file or device that a lane's capture reads now.
function interfaces.learn(list, lane)
  local cap = lane.capture
  lane.file, lane.numbers = (lane.file or 0) + 1, {}
  for number in ipairs(cap._source.interfaces(cap)) do
    interfaces.add(list, lane, number)
  end
  if not cap._source.metadata(cap) then -- its one number never changes
    cap._packet.interface, lane.numbers = #list, false
  end
end

--- The link types met so far.
---@return integer[]
function interfaces.linktypes(list)
  local linktypes = {}
  for kind in pairs(list.kinds) do
    linktypes[#linktypes + 1] = kind
  end
  table.sort(linktypes)
  return linktypes
end

--- All interfaces, as cap:interfaces() gives them.
---@return pcap.Interface[]
function interfaces.list(list)
  local all = {}
  for number, entry in ipairs(list) do
    local copy = {}
    for key, value in pairs(now(entry)) do
      copy[key] = value
    end
    copy.number, copy.capture = number, entry.lane.index
    all[number] = copy
  end
  return all
end

return interfaces
