--- Sends packets through a capture: one, or many with few system calls.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local object = require "pcap.capture.object"
local check = require "pcap.core.check"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"

local Capture, methods = object.class, {}
local is_packet = packet.is

local function send(self, handle, bytes, length)
  if length == 0 then
    return nil, self._name .. ": an empty packet cannot be sent"
  end
  local sent = shim.luapcap_inject(handle, bytes, length)
  if sent < 0 then
    return nil, self._name .. ": " .. failure.message(handle)
  end
  return sent
end

--- Sends a packet as it is, link-layer header included.
---@param bytes string
---@return integer|nil sent  bytes
---@return string|nil message
---pcap_inject
function methods:inject(bytes)
  local handle = check.open(self, Capture, "inject")
  check.bytes(bytes, 1, "inject")
  local sent, message = send(self, handle, bytes, #bytes)
  return sent, message
end

--- Sends a packet as it is, link-layer header included.
---@param bytes string
---@return table|nil capture  itself
---@return string|nil message
---pcap_sendpacket
function methods:sendpacket(bytes)
  local handle = check.open(self, Capture, "sendpacket")
  check.bytes(bytes, 1, "sendpacket")
  local sent, message = send(self, handle, bytes, #bytes)
  return sent and self, message
end

-- The most packets that one call into the kernel takes, and the most bytes of all of them together.
local BATCH_PACKETS, BATCH_BYTES = 256, 262144

local function new_batch()
  return {
    bytes = ffi.new("uint8_t[?]", BATCH_BYTES),
    lengths = ffi.new("uint32_t[?]", BATCH_PACKETS),
    count = 0,
    used = 0,
  }
end

-- Sends what the batch holds and empties it. Returns how many were sent, and why not all were.
local function flush(self, handle, batch)
  local count = batch.count
  batch.count, batch.used = 0, 0
  if count == 0 then
    return 0
  end
  local sent = shim.luapcap_inject_all(handle, batch.bytes, batch.lengths, count)
  if sent < count then
    return sent, self._name .. ": " .. failure.message(handle)
  end
  return sent
end

-- Adds a packet to the batch, which has room. A packet that comes from a read is copied here,
-- before the next read.
local function add(batch, item, length)
  ffi.copy(batch.bytes + batch.used, is_packet(item) and item.data or item, length)
  batch.lengths[batch.count] = length
  batch.count, batch.used = batch.count + 1, batch.used + length
end

-- Why an item cannot go into any batch.
local function refuse(self, length)
  if length == 0 then
    return self._name .. ": an empty packet cannot be sent"
  elseif length > BATCH_BYTES then
    return ("%s: a packet of %d bytes cannot be sent"):format(self._name, length)
  end
end

local function length_of(item)
  if is_packet(item) then
    return item.caplen
  end
  return type(item) == "string" and #item
end

-- How many packets a list has, or nil and what is wrong with its keys. If the list has a field `n`,
-- that is the number, as in the result of table.pack(). Without `n`, a hole at the end cannot be
-- seen.
local function count_of(list)
  local n, count = list.n, 0
  if n ~= nil then
    if type(n) == "number" and n >= 0 and n % 1 == 0 and n < math.huge then
      return n
    end
    return nil, "its n is not a whole number: " .. tostring(n)
  end
  while list[count + 1] ~= nil do
    count = count + 1
  end
  local odd
  for key in pairs(list) do
    if type(key) == "number" and key > count then
      return nil, "packet or string expected in it, got nil at " .. count + 1
    elseif type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
      odd = key
    end
  end
  if odd ~= nil then
    return nil, "list or iterator expected, got a table with the key " .. tostring(odd)
  end
  return count
end

-- What is wrong with a list. All of it is checked before any of it is sent.
local function problem_of(list, count)
  for i = 1, count do
    if not length_of(list[i]) then
      return "packet or string expected in it, got " .. type(list[i])
        .. (list[i] == nil and " at " .. i or "")
    end
  end
end

-- An iterator over a list, or nil and what is wrong with the list.
local function each(list)
  local class = getmetatable(list)
  if type(class) == "table" and class.__name then
    return nil, ("list or iterator expected, got %s%s"):format(class.__name,
      list.packets and ", whose packets() is one" or "")
  end
  local count, problem = count_of(list)
  problem = problem or problem_of(list, count)
  if problem then
    return nil, problem
  end
  local index = 0
  return function()
    index = index + 1
    return index <= count and list[index] or nil
  end
end

--- Sends many packets, in their order.
--
--     cap:inject_all { bytes, bytes }
--     cap:inject_all(savefile:packets())
--
---@param packets table|function  a list of strings or packets, or an iterator over them. If a list
--- has anything else or a hole in it, nothing is sent. If an iterator gives anything else, what
--- came before is sent
---@param state? any              the iterator's state and first control value, as `for` takes them
---@param control? any
---@return integer|nil sent   packets
---@return string|nil message  why it ended early
---@return integer|nil sent    with a message: how many packets were sent before
---sendmmsg(2) on Linux, elsewhere pcap_inject
function methods:inject_all(packets, state, control)
  check.open(self, Capture, "inject_all")
  if type(packets) == "table" then
    local problem
    packets, problem = each(packets)
    if not packets then
      check.fail(1, "inject_all", problem)
    end
  elseif type(packets) ~= "function" then
    check.fail(1, "inject_all", "list or iterator expected, got " .. type(packets))
  end
  local batch, total = new_batch(), 0
  for item in packets, state, control do
    local length = length_of(item)
    local problem = length and refuse(self, length)
    if not length or problem or batch.count == BATCH_PACKETS
      or batch.used + length > BATCH_BYTES then
      local sent, message = flush(self, check.open(self, Capture, "inject_all"), batch)
      total = total + sent
      if message or problem then
        return nil, message or problem, total
      end
    end
    if not length then
      check.fail(1, "inject_all", "packet or string expected in it, got " .. type(item))
    end
    add(batch, item, length)
  end
  local sent, message = flush(self, check.open(self, Capture, "inject_all"), batch)
  if message then
    return nil, message, total + sent
  end
  return total + sent
end

return methods
