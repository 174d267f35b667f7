--- Savefiles built byte by byte, independently of the library under test.

local savefile = {}

local function word(value, size, big)
  local bytes = {}
  value = value % 2 ^ (8 * size)
  for i = 1, size do
    bytes[big and size + 1 - i or i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end

--- A file header. Options: magic, major, minor, snaplen, linktype, big (byte order).
function savefile.header(opts)
  opts = opts or {}
  local big = opts.big
  return word(opts.magic or 0xa1b2c3d4, 4, big) .. word(opts.major or 2, 2, big)
    .. word(opts.minor or 4, 2, big) .. word(0, 4) .. word(0, 4)
    .. word(opts.snaplen or 65535, 4, big) .. word(opts.linktype or 1, 4, big)
end

--- A record. Options: sec, fraction, caplen and wirelen (default #data), big.
function savefile.record(data, opts)
  opts = opts or {}
  local big = opts.big
  return word(opts.sec or 0, 4, big) .. word(opts.fraction or 0, 4, big)
    .. word(opts.caplen or #data, 4, big) .. word(opts.wirelen or #data, 4, big) .. data
end

--- Every real capture at hand, sorted; none when there are no such folders. PCAP_CAPTURES may name
-- several, with colons between them; `another` is one more to look in.
function savefile.real(another)
  local folders = os.getenv("PCAP_CAPTURES") or "../shared/captures:../shared/files/zeek"
  folders = another and folders .. ":" .. another or folders
  local paths = {}
  for folder in folders:gmatch("[^:]+") do
    local pipe = io.popen("find '" .. folder .. "' -name '*.pcap*' 2>/dev/null | sort")
    for path in pipe:lines() do
      paths[#paths + 1] = path
    end
    pipe:close()
  end
  return paths
end

return savefile
