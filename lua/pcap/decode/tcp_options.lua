--- The options of a TCP header as a table.

local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32

-- By kind: the length it must have, and what it adds to the table.
local KINDS = {
  [2] = { 4, function(options, bytes, at) options.mss = u16(bytes, at) end },
  [3] = { 3, function(options, bytes, at) options.window_scale = bytes[at] end },
  [4] = { 2, function(options) options.sack_permitted = true end },
  [8] = { 10, function(options, bytes, at)
    options.tsval, options.tsecr = u32(bytes, at), u32(bytes, at + 4)
  end },
}

local function read_sack(options, bytes, at, length)
  options.sack = {}
  for edge = at, at + length - 10, 8 do
    table.insert(options.sack, { u32(bytes, edge), u32(bytes, edge + 4) })
  end
end

--- Reads options up to their end, or up to the first one whose length is wrong.
---@param bytes ffi.cdata*  the header
---@param at integer        where the options begin
---@param limit integer     where they end
---@return table options  mss, window_scale, sack_permitted, tsval, tsecr, sack (a list of left and
--- right edges), each if it is there; and the kinds in their order, as a list
return function(bytes, at, limit)
  local options = {}
  while at < limit and bytes[at] ~= 0 do
    local kind, length = bytes[at], 1
    if kind ~= 1 then
      length = at + 1 < limit and bytes[at + 1] or 0
      if length < 2 or length > limit - at then
        break
      end
      if KINDS[kind] and KINDS[kind][1] == length then
        KINDS[kind][2](options, bytes, at + 2)
      elseif kind == 5 then
        read_sack(options, bytes, at + 2, length)
      end
    end
    options[#options + 1] = kind
    at = at + length
  end
  return options
end
