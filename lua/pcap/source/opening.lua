--- Opening a savefile: which format its first bytes have, and what reading it needs besides.

local cdefs = require "pcap.core.cdefs"
local classic = require "pcap.format.classic"
local on_demand = require "pcap.core.on_demand"
local options = require "pcap.core.options"
local pcapng_magic = require "pcap.format.pcapng_magic"
local through_libpcap = require "pcap.format.through_libpcap"

local opening = {}

--- The formats of savefiles, see format/classic.lua. The first that matches reads the file. The
-- last one matches every file.
opening.formats = {
  classic,
  on_demand.module("pcap.format.pcapng", pcapng_magic),
  through_libpcap,
}

-- The format of the savefile whose first bytes a window has. Nil if more bytes are needed.
local function format_of(window, is_whole)
  for _, format in ipairs(opening.formats) do
    local enough = is_whole or window.len >= format.HEADER_SIZE
    if window.len >= format.MAGIC_SIZE and format.matches(window.bytes) then
      return enough and format or nil
    elseif not enough and window.len < format.MAGIC_SIZE then
      return nil
    end
  end
end

--- The options that a caller may give for reading a savefile.
opening.OPTIONS = { precision = options.precision, blocks = options.flag }

--- What is known of a savefile that is being opened. A format keeps what it has read so far here.
---@param opts table  read with opening.OPTIONS
---@return table file
function opening.new(opts)
  return {
    precision = opts.precision or cdefs.TSTAMP_PRECISION_MICRO,
    keeps_blocks = opts.blocks or false,
  }
end

--- Opens the savefile whose first bytes a window has.
---@param window ffi.cdata*  luapcap_window *, taken over unless the answer is "more"
---@param file table  of opening.new(), the same one in each call. The caller sets `is_whole` in it
--- if no more bytes will come, and may set `input`, a luapcap_input *
---@return ffi.cdata*|nil handle
---@return table|string reading  what the format gives, see classic.open(); or "more": call this
--- again with more bytes; or a message
function opening.begin(window, file)
  file.format = file.format or format_of(window, file.is_whole)
  if not file.format then
    return nil, "more"
  end
  return file.format.open(window, file)
end

return opening
