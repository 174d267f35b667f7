-- Asks libpcap itself about BPF programs, for the specs and campaigns that compare with it.
local ffi = require "ffi"

-- Renamed and anonymous, so that nothing here collides with the library's own declarations.
local insn_t = ffi.typeof("struct { uint16_t code; uint8_t jt, jf; uint32_t k; }")
local program_t = ffi.typeof("struct { unsigned int n; $ *insns; }", insn_t)
local header_t = ffi.typeof("struct { long sec, usec; uint32_t caplen, wirelen; }")
ffi.cdef([[
  typedef struct luapcaptest_handle luapcaptest_handle;
  luapcaptest_handle *luapcaptest_open_dead(int, int) __asm__("pcap_open_dead");
  luapcaptest_handle *luapcaptest_open_offline(const char *, char *)
    __asm__("pcap_open_offline");
  int luapcaptest_datalink(luapcaptest_handle *) __asm__("pcap_datalink");
  char *luapcaptest_geterr(luapcaptest_handle *) __asm__("pcap_geterr");
  int luapcaptest_compile(luapcaptest_handle *, void *, const char *, int, uint32_t)
    __asm__("pcap_compile");
  void luapcaptest_freecode(void *) __asm__("pcap_freecode");
  int luapcaptest_offline_filter(const void *, const void *, const uint8_t *)
    __asm__("pcap_offline_filter");
  int luapcaptest_validate(const void *, int) __asm__("bpf_validate");
  int luapcaptest_next_ex(luapcaptest_handle *, void *, const uint8_t **)
    __asm__("pcap_next_ex");
  int luapcaptest_datalink_name_to_val(const char *) __asm__("pcap_datalink_name_to_val");
  uint8_t *luapcaptest_mmap(void *, size_t, int, int, int, long) __asm__("mmap");
  int luapcaptest_munmap(void *, size_t) __asm__("munmap");
  int luapcaptest_mprotect(void *, size_t, int) __asm__("mprotect");
  void luapcaptest_close(luapcaptest_handle *) __asm__("pcap_close");
]])

local libpcap
for _, name in ipairs({ "pcap", "libpcap.so.1", "libpcap.so.0.8" }) do
  local ok, lib = pcall(ffi.load, name)
  libpcap = libpcap or (ok and lib)
end

local reference = {}

--- An array of instructions from rows of `{ code, jt, jf, k }`.
---@param rows integer[][]
---@return ffi.cdata* insns
---@return integer n
function reference.assemble(rows)
  local insns = ffi.new(ffi.typeof("$ [?]", insn_t), #rows)
  for i, row in ipairs(rows) do
    insns[i - 1].code, insns[i - 1].jt = row[1], row[2] or 0
    insns[i - 1].jf, insns[i - 1].k = row[3] or 0, row[4] or 0
  end
  return insns, #rows
end

--- Instructions of a filter expression on a link type.
---@param expression string
---@param linktype? integer|string number or name, Ethernet unless given
---@param raw? boolean do not optimize
---@return ffi.cdata*|nil insns kept alive by the caller
---@return integer|string n or libpcap's message
function reference.compile(expression, linktype, raw)
  if type(linktype) == "string" then
    linktype = libpcap.luapcaptest_datalink_name_to_val(linktype)
  end
  local handle = libpcap.luapcaptest_open_dead(linktype or 1, 65535)
  local program = program_t()
  local status = libpcap.luapcaptest_compile(handle, program, expression, raw and 0 or 1,
    0xffffff00)
  local message = ffi.string(libpcap.luapcaptest_geterr(handle))
  libpcap.luapcaptest_close(handle)
  if status ~= 0 then
    return nil, message
  end
  local n = program.n
  local insns = ffi.new(ffi.typeof("$ [?]", insn_t), n)
  ffi.copy(insns, program.insns, n * ffi.sizeof(insn_t))
  libpcap.luapcaptest_freecode(program)
  return insns, n
end

---@return boolean
function reference.validate(insns, n)
  return libpcap.luapcaptest_validate(insns, n) ~= 0
end

--- What a program returns for packets, by `pcap_offline_filter`.
---@return fun(packet: reference.packet): number result unsigned; 0 rejects
function reference.interpreter(insns, n)
  local program, header = program_t(n, insns), header_t()
  return function(packet)
    header.caplen, header.wirelen = packet.caplen, packet.wirelen
    return libpcap.luapcaptest_offline_filter(program, header, packet.data) % 2 ^ 32
  end
end

---@class reference.packet
---@field data ffi.cdata*
---@field caplen integer
---@field wirelen integer

local PAGE = 4096
local READ_WRITE, PRIVATE_ANONYMOUS, NO_ACCESS = 3, 0x22, 0

--- Memory that ends where a page without access begins: reading past it ends the process.
local function guarded(size)
  if ffi.os ~= "Linux" then
    return ffi.new("uint8_t[?]", math.max(size, 1))
  end
  local room = math.ceil(size / PAGE) * PAGE
  local base = ffi.C.luapcaptest_mmap(nil, room + PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0)
  assert(ffi.cast("intptr_t", base) ~= -1, "mmap")
  assert(ffi.C.luapcaptest_mprotect(base + room, PAGE, NO_ACCESS) == 0, "mprotect")
  return ffi.gc(base + room - size, function()
    ffi.C.luapcaptest_munmap(base, room + PAGE)
  end)
end

--- A packet behind whose last captured byte nothing can be read.
---@param bytes string
---@param wirelen? integer
---@return reference.packet
function reference.packet(bytes, wirelen)
  local data = guarded(#bytes)
  ffi.copy(data, bytes, #bytes)
  return { data = data, caplen = #bytes, wirelen = wirelen or #bytes }
end

--- All packets of a savefile.
---@param path string
---@return reference.packet[]
---@return integer linktype
function reference.read(path)
  local handle = libpcap.luapcaptest_open_offline(path, ffi.new("char[256]"))
  assert(handle ~= nil, path)
  local header = ffi.new(ffi.typeof("$ *[1]", header_t))
  local data = ffi.new("const uint8_t *[1]")
  local packets = {}
  while libpcap.luapcaptest_next_ex(handle, header, data) == 1 do
    local caplen, wirelen = header[0].caplen, header[0].wirelen
    packets[#packets + 1] = reference.packet(ffi.string(data[0], caplen), wirelen)
  end
  local linktype = libpcap.luapcaptest_datalink(handle)
  libpcap.luapcaptest_close(handle)
  return packets, linktype
end

return reference
