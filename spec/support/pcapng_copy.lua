--- Copies a pcapng file as a source of pcapng would have a dumper do it: packet by packet, with the
-- blocks between them. The blocks are found here; the packets are read by the format.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local opening = require "pcap.sink.opening"
local pcapng = require "pcap.format.pcapng"
local place = require "pcap.core.place"
local packet = require "pcap.packet"
local shell = require "spec.support.shell"

local SECTION, PACKETS = 0x0a0d0d0a, { [2] = true, [3] = true, [6] = true }

-- The blocks of a file: { kind, body, swapped, whole }. Sections say their byte order.
local function blocks_of(text)
  local list, at, swapped = {}, 1, false
  local function number(from)
    local bytes = text:sub(from, from + 3)
    local a, b, c, d = (swapped and bytes:reverse() or bytes):byte(1, 4)
    return a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
  end
  while at + 11 <= #text do
    if number(at) == SECTION then
      swapped = text:sub(at + 8, at + 11) == "\26\43\60\77"
    end
    local length = number(at + 4)
    if length < 12 or at + length - 1 > #text then
      break
    end
    list[#list + 1] = { kind = number(at), body = text:sub(at + 8, at + length - 5),
      swapped = swapped, whole = text:sub(at, at + length - 1) }
    at = at + length
  end
  return list
end

local function window_of(text)
  local window, bytes = ffi.new("luapcap_window"), ffi.new("uint8_t[?]", #text)
  ffi.copy(bytes, text, #text)
  window.bytes, window.len, window.size = bytes, #text, #text
  return window, bytes
end

local function take(state, window, pkt)
  if pcapng.take(state.interfaces, window, pkt) then
    return "packet"
  end
  return state:step(window, pkt)
end

--- Copies a file in nanoseconds, as far as it is read.
---@param from string
---@param to string
---@param opts? table  more options of the dumper
---@return string ending  how the first dump failed, or else how reading ended
return function(from, to, opts)
  local text = shell.read(from)
  local list = blocks_of(text)
  local window, keep = window_of(text)
  local state, pkt = pcapng.new(1), packet.new(0)
  local index, write = 1, nil
  local so_far = {}
  -- A source is open when it has its first interface.
  repeat
    local outcome, detail = take(state, window, pkt)
    if outcome == "error" then
      return detail
    end
    so_far[index] = list[index]
    index = index + 1
  until state:first_interface() or index > #list
  local linktype, snaplen = state:first_interface()
  local options = { format = opening.FORMATS.pcapng, origin = {
    own = function() return {} end, section = function() end, statistics = function() end,
    interface = function(number) return state:interfaces_read()[number] end,
    blocks = function() return so_far end,
    follow = function(carry) write = carry end,
  } }
  for key, value in pairs(opts or {}) do
    options[key] = value
  end
  local dumper = assert(opening.open(place.of(to), { linktype = linktype, snaplen = snaplen,
    precision = cdefs.TSTAMP_PRECISION_NANO }, options))
  local ending = "closed"
  for i = index, #list do
    local outcome, detail = take(state, window, pkt)
    local done = true
    if outcome == "packet" then
      done, detail = dumper:dump(pkt)
    elseif outcome == "skipped" and not PACKETS[list[i].kind] then
      write(list[i])
    end
    if not done or outcome == "error" then
      ending = detail
      break
    end
  end
  assert(keep and dumper:close())
  return ending
end
