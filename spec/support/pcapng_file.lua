--- Pcapng files built byte by byte, independently of the library under test.

local file = {}

local Writer = {}
Writer.__index = Writer

--- A writer of blocks: big- or little-endian.
function file.writer(big)
  return setmetatable({ big = big }, Writer)
end

-- A number of so many bytes. One that may be above 2^53 is given as text already.
function Writer:word(value, size)
  if type(value) == "string" then
    return self.big and value:reverse() or value
  end
  local bytes = {}
  value = value % 2 ^ (8 * size)
  for i = 1, size do
    bytes[self.big and size + 1 - i or i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end

local function padded(text)
  return text .. ("\0"):rep(-#text % 4)
end

function Writer:block(kind, body)
  body = padded(body)
  local length = self:word(#body + 12, 4)
  return self:word(kind, 4) .. length .. body .. length
end

--- Options: a list of { code, value }, with an end behind them.
function Writer:options(list)
  local parts = {}
  for i, option in ipairs(list or {}) do
    parts[i] = self:word(option[1], 2) .. self:word(#option[2], 2) .. padded(option[2])
  end
  return #parts == 0 and "" or table.concat(parts) .. ("\0"):rep(4)
end

function Writer:section(options, version)
  return self:block(0x0a0d0d0a, self:word(0x1a2b3c4d, 4) .. self:word(version or 1, 2)
    .. self:word(0, 2) .. ("\255"):rep(8) .. self:options(options))
end

function Writer:interface(linktype, snaplen, options)
  return self:block(1, self:word(linktype, 2) .. self:word(0, 2) .. self:word(snaplen, 4)
    .. self:options(options))
end

--- An enhanced packet. The time is two numbers of 32 bits. Fields: interface (from 0), high, low,
-- caplen, wirelen, options.
function Writer:packet(data, fields)
  fields = fields or {}
  return self:block(6, self:word(fields.interface or 0, 4) .. self:word(fields.high or 0, 4)
    .. self:word(fields.low or 0, 4) .. self:word(fields.caplen or #data, 4)
    .. self:word(fields.wirelen or #data, 4) .. padded(data) .. self:options(fields.options))
end

function Writer:simple(data, wirelen)
  return self:block(3, self:word(wirelen or #data, 4) .. data)
end

function Writer:obsolete(data, fields)
  return self:block(2, self:word(fields.interface or 0, 2) .. self:word(fields.drops or 0, 2)
    .. self:word(fields.high or 0, 4) .. self:word(fields.low or 0, 4) .. self:word(#data, 4)
    .. self:word(fields.wirelen or #data, 4) .. padded(data) .. self:options(fields.options))
end

--- A file with each kind of block for one link type and snapshot length, which libpcap reads too.
function file.every_kind(big, linktype)
  local w = file.writer(big)
  local parts = { w:section { { 1, "a section" }, { 4, "spec" } } }
  local resolutions = { 6, 9, 3, 0, 12, 19, 128, 128 + 10, 128 + 20, 128 + 32, 128 + 63 }
  for _, resolution in ipairs(resolutions) do
    parts[#parts + 1] = w:interface(linktype or 1, 96, { { 2, "lo" },
      { 9, string.char(resolution) }, { 14, w:word(resolution % 3 == 0 and 86400 or -3, 8) } })
  end
  for i in ipairs(resolutions) do
    for _, high in ipairs { 0, 1, 395000, 0x3fffffff, 0x80000001, 0xffffffff } do
      parts[#parts + 1] = w:packet(("packet %d"):format(i), { interface = i - 1, high = high,
        low = (high * 7919 + i * 104729) % 2 ^ 32, options = { { 1, "a comment" },
        { 2, w:word(1, 4) }, { 4, w:word(5, 8) } } })
    end
    parts[#parts + 1] = w:obsolete("obsolete", { interface = i - 1, drops = 3, high = 395000,
      low = i })
  end
  parts[#parts + 1] = w:simple(("0123456789"):rep(9)) .. w:simple(("0123456789abcdef"):rep(6), 200)
  parts[#parts + 1] = w:block(4, w:word(1, 2) .. w:word(8, 2) .. "\127\0\0\1one\0" .. ("\0"):rep(4))
  parts[#parts + 1] = w:block(10, w:word(0x544c534b, 4) .. w:word(6, 4) .. "secret")
  parts[#parts + 1] = w:block(0xbad, w:word(1, 4) .. "custom")
  parts[#parts + 1] = w:block(4, "") .. w:block(10, "") .. w:block(0xbad, "")
  parts[#parts + 1] = w:block(5, w:word(0, 4) .. ("\0"):rep(8)
    .. w:options { { 4, w:word(10, 8) }, { 5, w:word(2, 8) } })
  return table.concat(parts)
end

return file
