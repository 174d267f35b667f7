--- Opening a savefile: which format its first bytes have, and what more it takes to read it.

local cdefs = require "pcap.core.cdefs"
local classic = require "pcap.format.classic"
local options = require "pcap.core.options"
local pcapng = require "pcap.format.pcapng"
local through_libpcap = require "pcap.format.through_libpcap"

local opening = {}

--- The formats of savefiles, see format/classic.lua. The first that matches reads the file; the
-- last one matches all.
opening.formats = { classic, pcapng, through_libpcap }

-- The format of the savefile whose first bytes a window has; nil where it takes more to tell.
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

--- What a caller may say of how a savefile is to be read.
opening.OPTIONS = { precision = options.precision, blocks = options.flag }

--- What is known of a savefile that is being opened. A format keeps here what it has read so far.
---@param opts table  read with opening.OPTIONS
---@return table file
function opening.new(opts)
  return {
    precision = opts.precision or cdefs.TSTAMP_PRECISION_MICRO,
    keeps_blocks = opts.blocks or false,
  }
end

--- Opens the savefile whose first bytes a window has.
---@param window ffi.cdata*  luapcap_window *, taken over unless it takes more bytes
---@param file table  of opening.new(), the same one in each call; and in it `is_whole`, whether no
--- more bytes will come, and perhaps `input`, a luapcap_input *
---@return ffi.cdata*|nil handle
---@return table|string reading  what the format gives, see classic.open(); or "more", to be called
--- again with more bytes; or a message
function opening.begin(window, file)
  file.format = file.format or format_of(window, file.is_whole)
  if not file.format then
    return nil, "more"
  end
  return file.format.open(window, file)
end

return opening
