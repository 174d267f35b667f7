--- Devices: what there is to capture on.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"

local band = require("bit").band

local devices = {}

-- Libpcap's PCAP_IF_CONNECTION_STATUS_*, as they stand in the flags.
local STATUS = {
  [0x00] = "unknown",
  [0x10] = "connected",
  [0x20] = "disconnected",
  [0x30] = "not applicable",
}

-- The shim's numbers.
local FAMILIES = { [4] = "inet", [6] = "inet6", [802] = "link" }

local PARTS = { "address", "netmask", "broadcast", "destination" }

local function read_addresses(item)
  local list, raw = {}, ffi.new("luapcap_address")
  while item ~= nil do
    item = shim.luapcap_address_read(item, raw)
    local entry = { family = FAMILIES[raw.family] }
    for _, part in ipairs(PARTS) do
      local text = ffi.string(raw[part])
      entry[part] = text ~= "" and text or nil
    end
    if entry.family then
      list[#list + 1] = entry
    end
  end
  return list
end

local function read_device(raw)
  local flags = raw.flags
  return {
    name = ffi.string(raw.name),
    description = raw.description ~= nil and ffi.string(raw.description) or nil,
    addresses = read_addresses(raw.addresses),
    loopback = band(flags, cdefs.IF_LOOPBACK) ~= 0,
    up = band(flags, cdefs.IF_UP) ~= 0,
    running = band(flags, cdefs.IF_RUNNING) ~= 0,
    wireless = band(flags, cdefs.IF_WIRELESS) ~= 0,
    status = STATUS[band(flags, cdefs.IF_CONNECTION_STATUS)],
  }
end

--- The devices that this process may try to open, the likeliest first.
---@return table|nil list  of {name =, description = (may be nil), addresses =, loopback =, up =,
--- running =, wireless = (booleans), status = "connected", "disconnected", "not applicable" or
--- "unknown"}; addresses is a list of {family = "inet", "inet6" or "link", address =, and, if there
--- is one, netmask =, broadcast =, destination =}, all text
---@return string|nil message
---pcap_findalldevs
function devices.devices()
  local head = ffi.new("luapcap_if *[1]")
  if shim.luapcap_findalldevs(head, failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  local owner = ffi.gc(head[0], shim.luapcap_freealldevs)
  local list, raw, item = {}, ffi.new("luapcap_device"), ffi.cast("const luapcap_if *", owner)
  while item ~= nil do
    item = shim.luapcap_device_read(item, raw)
    list[#list + 1] = read_device(raw)
  end
  shim.luapcap_freealldevs(ffi.gc(owner, nil))
  return list
end

--- The device that libpcap puts first, if it is not a loopback.
---@return string|nil name
---@return string|nil message
---pcap_findalldevs, in place of pcap_lookupdev
function devices.default_device()
  local list, message = devices.devices()
  if not list then
    return nil, message
  elseif not list[1] or list[1].loopback then
    return nil, "no suitable device found"
  end
  return list[1].name
end

local function net_text(net)
  local text = ffi.new("char[16]")
  shim.luapcap_net_text(net, text, 16)
  return ffi.string(text)
end

--- The IPv4 network of a device.
---@param device string
---@return string|nil net  such as "192.0.2.0"
---@return string mask     such as "255.255.255.0"; or why there is no net
---pcap_lookupnet
function devices.lookupnet(device)
  check.cstring(device, 1, "lookupnet")
  local net, mask = ffi.new("uint32_t[1]"), ffi.new("uint32_t[1]")
  if shim.luapcap_lookupnet(device, net, mask, failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  return net_text(net[0]), net_text(mask[0])
end

--- Whether a device can be put into monitor mode.
---@param device string
---@return boolean|nil can
---@return string|nil message
---pcap_can_set_rfmon
function devices.can_set_rfmon(device)
  check.cstring(device, 1, "can_set_rfmon")
  local handle = shim.luapcap_create(device, failure.clear())
  if handle == nil then
    return nil, device .. ": " .. failure.text()
  end
  local answer = shim.luapcap_can_set_rfmon(handle)
  local message = failure.of_status(handle, answer)
  shim.luapcap_discard(handle)
  if answer < 0 then
    return nil, device .. ": " .. message
  end
  return answer == 1
end

return devices
