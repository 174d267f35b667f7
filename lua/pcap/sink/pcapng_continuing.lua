--- Begins a pcapng file of a rotation with what the file before it had.

local ffi = require "ffi"

local continuing = {}

--- Begins a file as the next one of a rotation: with the section that the previous file had at
-- last, its interfaces under the same numbers, and the blocks that it kept.
---@param section table  of pcapng_section.lua, in which nothing is yet
---@param before table  the previous file's section, which stays as it is
function continuing.begin(section, before)
  local copies, its = {}, {}
  section.values, section.first, section.header, section.kept =
    before.values, before.first, before.header, before.kept
  section:begin(before.header)
  for i, old in ipairs(before.list) do
    local copy = { block = old.block, its = ffi.new("luapcap_block_interface", old.its) }
    section.list[i], copies[old], its[old.its] = copy, copy, copy.its
    if old.section == before.number then
      section:write_interface(copy)
    end
  end
  for number, old in pairs(before.made) do
    section.made[number] = copies[old]
  end
  for number, old in pairs(before.targets) do
    section.targets[number] = its[old]
  end
  for _, block in ipairs(section.kept) do
    section:put(block)
  end
end

return continuing
