--- Lanes: one capture of those that a merge reads, and its next packet.
--
-- A lane has its `index` and `capture`, the functions that read that (`take`, `search`, `fetch`),
-- the `packet` that they fill, `copies` (whether the packet has to be copied), `numbers` (what
-- merge_interfaces.lua knows of its interfaces), and `came` (when its packet was read).

local capture = require "pcap.capture"
local interfaces = require "pcap.source.merge_interfaces"
local none = require "pcap.source.none"

local merge_lane = {}

-- What the capture's own reads call.
local function refuse()
  error("a merge reads this capture: read from the merged one", 3)
end

--- Learns how the lane's capture is read, now that it reads this file or device.
function merge_lane.learn(self, lane)
  local take = capture.hand_over_take(lane.capture)
  lane.take = lane.copies and none.take or take
  interfaces.learn(self._interfaces, lane)
end

--- Makes a lane of a capture, which the merged capture reads from here on.
---@return table lane
function merge_lane.new(self, index, cap)
  local lane = { index = index, capture = cap, packet = cap._packet,
    copies = cap._source.moves_bytes }
  lane.fetch, lane.search = capture.hand_over(cap, self, refuse)
  merge_lane.learn(self, lane)
  return lane
end

--- Reads the next packet of a lane, without waiting.
---@return table|nil packet
---@return string|nil reason
function merge_lane.read(lane)
  local cap = lane.capture
  if not cap._handle then
    return nil, "closed"
  end
  local pkt, reason = cap._packet, nil
  if lane.take(cap._window, pkt) then
    local match = cap._match
    if match and not match(pkt.data, pkt.caplen, pkt.wirelen, cap) then
      pkt, reason = lane.search(cap)
    end
  else
    pkt, reason = lane.fetch(cap, 0)
  end
  if pkt and lane.copies then -- feeding the reader moves its bytes
    lane.packet = pkt:copy()
    pkt = lane.packet
  end
  return pkt, reason
end

return merge_lane
