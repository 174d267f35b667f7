--- Link headers of which we read only the type of what follows.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16, u24, u32, u32le = view.u16, view.u24, view.u32, view.u32le
local ETHERTYPES = { [2] = 0x0800, [10] = 0x86dd, [24] = 0x86dd, [28] = 0x86dd, [30] = 0x86dd }

local function llc() return "llc", 0 end

-- A type at an offset.
local function ethertype(at)
  return function(data, start) return "ethertype", u16(data, start + at) end
end

-- OpenBSD's address family, in the byte order of the machine that captured.
local function enc(data, at)
  local family = u32(data, at)
  if family > 0xffff then
    family = u32le(data, at)
  end
  return "ethertype", ETHERTYPES[family] or 0
end

local function clip(data, at)
  if u24(data, at) == 0xaaaa03 then
    return "llc", 0
  end
  return "linktype", 101
end

-- LAN emulation has two bytes more before a frame of Ethernet.
local function sunatm(data, at)
  local kind = data[at] % 16
  if kind == 1 then
    return "linktype", 1, 2
  end
  return "llc", kind == 2 and 0 or -1
end

-- By link type: how many bytes come before what follows; how many of them are read; and a function
-- that gives the space and number of what follows, and how many more bytes come before it.
local KINDS = {
  [11] = { 0, 0, llc },
  [19] = { 0, 3, clip },
  [109] = { 12, 12, enc },
  [122] = { 16, 16, llc },
  [123] = { 4, 4, sunatm },
  [138] = { 18, 18, ethertype(16) },
  [242] = { 44, 44, ethertype(40) },
  [282] = { 4, 4, function() return "linktype", 1 end },
}

local function decode(layers, _, data, at, limit, stop, linktype)
  local kind = KINDS[linktype]
  if limit - at < kind[2] then
    return follow.fail(layers, "link header cut short", at, limit, stop)
  end
  local space, number, more = kind[3](data, at)
  at = at + kind[1] + (more or 0)
  if at > limit then
    return follow.fail(layers, "link header cut short", limit, limit, stop)
  end
  return space, number, at, limit, stop
end

return { decode = decode }
