--- A source for the pcapng format alone: a text, whole or in pieces, and nothing of the capture.

local ffi = require "ffi"
require "pcap.format.pcapng_cdefs"
local pcapng = require "pcap.format.pcapng"

local source = {}

-- Moves what is left to the front, makes room for `wanted` bytes, and adds a piece.
local function add(self, wanted, piece)
  local window = self.window
  local rest = window.len - window.pos
  local size = math.max(self.size, wanted, rest + #piece)
  local memory = size > window.size and ffi.new("uint8_t[?]", size) or self.memory
  ffi.C.memmove(memory, window.bytes + window.pos, rest)
  ffi.copy(memory + rest, piece, #piece)
  self.memory, window.bytes = memory, memory
  window.size = math.max(size, window.size)
  window.offset = window.offset + window.pos
  window.pos, window.len = 0, rest + #piece
end

pcall(ffi.cdef, "void *memmove(void *dest, const void *src, size_t n);")

--- A source. `next_piece` gives the file's next bytes, or nil at its end.
function source.new(next_piece, precision)
  local self = { next_piece = next_piece, size = 64, memory = ffi.new("uint8_t[64]"),
    window = ffi.new("luapcap_window"), state = pcapng.new(precision or 1000) }
  self.window.bytes, self.window.size = self.memory, 64
  return self
end

--- The next packet into pkt. True, or nil and how it ended: "closed" or a message.
function source.next(self, pkt)
  local state, window = self.state, self.window
  if pcapng.take(state.interfaces, window, pkt) then
    return true
  end
  while true do
    local outcome, detail = state:step(window, pkt)
    if outcome == "packet" then
      return true
    elseif outcome == "error" then
      return nil, detail
    elseif outcome == "more" then
      assert(detail > window.len - window.pos, "more was asked for than is there")
      local piece = self.next_piece()
      if not piece then
        return nil, state:ended(window) or "closed"
      end
      add(self, detail, piece)
    elseif pcapng.take(state.interfaces, window, pkt) then
      return true
    end
  end
end

--- A function that cuts a text into pieces, whose sizes another function gives; without it,
-- into one.
function source.pieces(text, size)
  local from = 1
  return function()
    if from <= #text then
      local piece = size and text:sub(from, from + size() - 1) or text
      from = from + #piece
      return piece
    end
  end
end

--- Everything that a text gives, as spec/support/read.c prints it up to the first ending, without
-- the offset of an error. Before the first interface it is an error of opening.
function source.show(text, precision, size)
  if not pcapng.matches(ffi.cast("const uint8_t *", text), #text) then
    return "open: unknown file format\n"
  end
  local self = source.new(source.pieces(text, size), precision)
  local pkt, parts = ffi.new("luapcap_packet", 0), {}
  while true do
    local got, ending = source.next(self, pkt)
    if not got then
      local linktype, snaplen = self.state:first_interface()
      local message = ending:gsub(" %(block at offset %d+%)$", "")
      if not linktype then
        return "open: " .. message .. "\n"
      end
      return ("link type %d, snaplen %d\n"):format(linktype, snaplen) .. table.concat(parts)
        .. "end: " .. message .. "\n", self
    end
    parts[#parts + 1] = ("packet %.0f %.0f %.0f %.0f "):format(pkt.sec, pkt.nsec, pkt.caplen,
      pkt.wirelen) .. ffi.string(pkt.data, pkt.caplen) .. "\n"
  end
end

return source
