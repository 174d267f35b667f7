--- Odd savefiles made by hand, by name: what a reader may meet and must treat as libpcap does.

local savefile = require "spec.support.savefile"

local header, record = savefile.header, savefile.record
local plain = record("plain", { sec = 5, fraction = 6 })
local long = ("0123456789abcdef"):rep(20000)

-- A file of one record between two plain ones.
local function between(odd, opts)
  return header(opts) .. plain .. odd .. plain
end

local odd = {
  ["empty"] = "",
  ["text"] = "no savefile, but a text that is longer than a file's header is\n",
  ["header only"] = header(),
  ["header cut"] = header():sub(1, 23),
  ["record header cut"] = header() .. plain .. plain:sub(1, 15),
  ["bytes cut"] = header() .. plain .. plain:sub(1, 20),
  ["no bytes at all"] = header() .. plain .. plain:sub(1, 16),
  ["empty packet"] = between(record("")),
  ["caplen over snaplen"] = between(record(("x"):rep(50)), { snaplen = 40 }),
  ["caplen over snaplen, cut"] = header { snaplen = 40 } .. plain
    .. record(("x"):rep(50)):sub(1, 60),
  ["caplen over wirelen"] = between(record("abcdef", { wirelen = 3 })),
  ["caplen over the maximum"] = between(record(long:sub(1, 262145)), { snaplen = 262144 }),
  ["caplen at the maximum"] = between(record(long:sub(1, 262144)), { snaplen = 262144 }),
  ["caplen over the maximum, snaplen too"] = between(record(long), { snaplen = 300000 }),
  ["caplen negative"] = between(record("abc", { caplen = 2 ^ 31 })),
  ["caplen of -1"] = between(record("abc", { caplen = 2 ^ 32 - 1 })),
  ["caplen of 2^31 - 1"] = between(record("abc", { caplen = 2 ^ 31 - 1 })),
  ["wirelen of 2^32 - 1"] = between(record("abc", { wirelen = 2 ^ 32 - 1 })),
  ["caplen beyond the end, filter or not"] = header() .. plain .. record("abc", { caplen = 60000 }),
  ["seconds of 2^31"] = between(record("abc", { sec = 2 ^ 31 })),
  ["seconds of 2^32 - 1"] = between(record("abc", { sec = 2 ^ 32 - 1, fraction = 999999 })),
  ["fraction of a second and more"] = between(record("abc", { fraction = 1000000 })),
  ["fraction negative"] = between(record("abc", { fraction = 2 ^ 32 - 1 })),
  ["fraction of 2^31"] = between(record("abc", { fraction = 2 ^ 31 })),
  ["nano"] = between(record("abc", { fraction = 999999999 }), { magic = 0xa1b23c4d }),
  ["nano, fraction too large"] = between(record("abc", { fraction = 1000000000 }),
    { magic = 0xa1b23c4d }),
  ["nano, swapped"] = header { magic = 0xa1b23c4d, big = true }
    .. record("abc", { sec = 1, fraction = 999999999, big = true }),
  ["swapped"] = header { big = true } .. record("abc", { sec = 1, fraction = 2, big = true })
    .. record("defg", { sec = 2 ^ 31, big = true }),
  ["swapped, not its records"] = header { big = true } .. plain .. plain,
  ["version 2.3"] = between(record("abc", { wirelen = 60 }), { minor = 3 }),
  ["version 2.3, captured length of -1"] = between(record("abc", { caplen = 2 ^ 32 - 1 }),
    { minor = 3 }),
  ["version 2.2"] = between(record("abc", { wirelen = 2, caplen = 3 }), { minor = 2 }),
  ["version 1.2"] = between("", { major = 1, minor = 2 }),
  ["version 2.5"] = between("", { minor = 5 }),
  ["version 543.0"] = between("", { major = 543, minor = 0 }),
  ["snaplen 0"] = between(record("abc"), { snaplen = 0 }),
  ["snaplen 1"] = between(record("abc"), { snaplen = 1 }),
  ["snaplen 2^31 - 1"] = between(record(long), { snaplen = 2 ^ 31 - 1 }),
  ["snaplen 2^31"] = between(record(long:sub(1, 70000)), { snaplen = 2 ^ 31 }),
  ["snaplen 2^32 - 1"] = between(record(long:sub(1, 262144)), { snaplen = 2 ^ 32 - 1 }),
  ["link type unknown"] = between(record("abc"), { linktype = 60000 }),
  ["link type with flags"] = between(record("abc"), { linktype = 0xf4000001 }),
  ["raw"] = between(record("abc"), { linktype = 101 }),
  ["large packets of DBUS"] = between(record(long), { linktype = 231, snaplen = 2 ^ 27 }),
  ["longer than a block"] = between(record(long:sub(1, 200000)), { snaplen = 262144 }),
  ["longer than a block, cut"] = header { snaplen = 262144 } .. plain
    .. record(long:sub(1, 200000)):sub(1, 199999),
}

-- Record formats of patched libpcaps, whose headers are longer.
for name, magic in pairs { kuznetzov = 0xa1b2cd34, ["fmesquita"] = 0xa1b234cd,
  ["navtel"] = 0xa12b3c4d, ["icsum"] = 0xa1b2c3cb, ["unknown magic"] = 0xa1b2c300 } do
  local patched = plain:sub(1, 16) .. "\1\0\0\0\0\8\0\0" .. plain:sub(17)
  odd[name] = header { magic = magic } .. patched .. patched .. patched:sub(1, 20)
end

-- USB packets: of an isochronous transfer that was cut, here 1000 bytes with two descriptors of
-- which the last ends at 600, libpcap corrects the length on the wire from 1096 to 696.
for _, linktype in ipairs { 189, 220 } do
  local function word(value) return header({ magic = value }):sub(1, 4) end
  local usb = ("\0"):rep(8) .. "C\0\129\2\1\0-\0" .. ("\0"):rep(16) .. word(1000) .. word(40)
    .. word(0) .. word(2) .. ("\0"):rep(12) .. word(2)
    .. word(0) .. word(0) .. word(100) .. word(0) .. word(0) .. word(500) .. word(100) .. word(0)
    .. ("data"):rep(10)
  odd["USB " .. linktype] = header { linktype = linktype } .. record(usb, { wirelen = 1096 })
    .. record(usb:sub(1, 50)) .. record(usb)
  odd["USB swapped " .. linktype] = header { linktype = linktype, big = true }
    .. record(usb, { wirelen = 1096, big = true }) .. record(usb:sub(1, 50), { big = true })
end

-- Odd records that straddle a block's end, and odd files of several blocks.
for _, short in ipairs { 0, 1, 8, 15, 16, 17, 20 } do
  local filler = record(long:sub(1, 131072 - 24 - 16 - short))
  odd["straddling, " .. short] = header { snaplen = 262144 } .. filler .. plain
    .. record("abc", { fraction = 2 ^ 31 }) .. plain:rep(9000) .. plain:sub(1, 18)
  odd["cut at a block's end, " .. short] = header { snaplen = 262144 } .. filler
    .. plain:sub(1, short)
end

return odd
