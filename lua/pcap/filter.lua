--- Filters: expressions of pcap-filter(7), compiled by libpcap and run as machine code.
--
-- A filter object's program is compiled on a dead handle, never on a live one. On a live handle
-- libpcap may use extensions of the Linux kernel, which mean nothing outside of it.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"

local cast, is_packet = ffi.cast, packet.is
local bytes_pointer = ffi.typeof("const uint8_t *")

local filter = {}

local Filter = { __name = "pcap filter" }
Filter.__index = Filter

-- tcpdump's snapshot length, which is what a program returns for a match.
local MAX_SNAPLEN = 262144

-- SKF_AD_OFF. At offsets from here on, the Linux kernel gives what it knows of a packet besides the
-- bytes. Libpcap's interpreter finds nothing there.
local KERNEL_OFFSETS = 2 ^ 32 - 0x1000
-- BPF_LD | BPF_ABS of any size.
local LOADS = { [0x20] = true, [0x28] = true, [0x30] = true }

-- Whether a program asks for what only the kernel can answer, as "inbound" does.
local function asks_kernel(program)
  for i = 0, program.bf_len - 1 do
    local insn = program.bf_insns[i]
    if LOADS[insn.code] and insn.k >= KERNEL_OFFSETS then
      return true
    end
  end
  return false
end

--- Compiles an expression on a handle.
---@param handle ffi.cdata*  pcap_t *
---@param expression string
---@param optimize boolean
---@param netmask integer    for "ip broadcast"
---@param in_kernel? boolean  whether the program is to run in the Linux kernel
---@return ffi.cdata*|nil program  luapcap_bpf_program, its memory freed by its finalizer
---@return string|nil message
function filter.compile_on(handle, expression, optimize, netmask, in_kernel)
  local program = ffi.gc(ffi.new("luapcap_bpf_program"), shim.luapcap_freecode)
  if shim.luapcap_compile(handle, program, expression, optimize and 1 or 0, netmask) ~= 0 then
    return nil, failure.message(handle)
  elseif not in_kernel and asks_kernel(program) then
    return nil, "a packet itself does not tell this: only a live capture's filter can, in the "
      .. "Linux kernel"
  end
  return program
end

--- Like compile_on(), but makes its own handle, and the program never runs in the kernel.
function filter.compile_portably(linktype, snaplen, expression, optimize, netmask)
  local handle = shim.luapcap_open_dead_with_tstamp_precision(linktype, snaplen,
    cdefs.TSTAMP_PRECISION_MICRO)
  if handle == nil then
    return nil, "not enough memory to compile a filter"
  end
  local program, message = filter.compile_on(handle, expression, optimize, netmask)
  shim.luapcap_close(handle)
  return program, message
end

-- Translated programs, by their bytes. LuaJIT compiles a caller's loop for each function that it
-- meets, but only some fifty times. With one function more it would interpret the loop for good, at
-- 20 times the cost. Libpcap's interpreter costs twice as much as a translation, for any number of
-- programs.
local translations, left = {}, 32

local function translate(program)
  local key = ffi.string(program.bf_insns, program.bf_len * ffi.sizeof("luapcap_bpf_insn"))
  local match = translations[key]
  if not match and left > 0 then
    -- Loaded with the first filter, because it is a sixth of the module in time and memory.
    match = require("pcap.filter.bpf").translate(program.bf_insns, program.bf_len)
    translations[key] = match
    left = match and left - 1 or left
  end
  return match
end

--- A function that runs a program over a packet: translated to Lua, or in libpcap's interpreter if
-- the program does not translate or nothing compiles Lua. Both give the same answers.
---@param program ffi.cdata*  luapcap_bpf_program
---@return function match     match(data, caplen, wirelen) gives a boolean; data a uint8_t *
function filter.matcher(program)
  return jit.status() and translate(program) or function(data, caplen, wirelen)
    return shim.luapcap_match(program, data, caplen, wirelen) ~= 0
  end
end

local OPTIONS = {
  linktype = options.integer(0, 2 ^ 31 - 1),
  snaplen = options.integer(0, 2 ^ 31 - 1),
  netmask = options.integer(0, 2 ^ 32 - 1),
  optimize = options.flag,
}

--- Compiles an expression into a filter, for packets of any source.
---@param expression string  see pcap-filter(7)
---@param opts? table        {linktype = a number of pcap.DLT (default EN10MB), snaplen = bytes
--- (default 262144), optimize = boolean (default true), netmask = an IPv4 netmask as a number, for
--- "ip broadcast" (default 0)}
---@return table|nil filter
---@return string|nil message  libpcap's
---pcap_open_dead, pcap_compile
function filter.compile(expression, opts)
  check.cstring(expression, 1, "compile")
  opts = options.read(opts, 2, "compile", OPTIONS)
  local program, message = filter.compile_portably(opts.linktype or DLT.EN10MB,
    opts.snaplen or MAX_SNAPLEN, expression, opts.optimize ~= false, opts.netmask or 0)
  if not program then
    return nil, message
  end
  return setmetatable({
    _handle = program,
    _match = filter.matcher(program),
    _expression = expression,
    _optimize = opts.optimize ~= false,
    _netmask = opts.netmask,
  }, Filter)
end

--- What a filter object was compiled from, or nil for any other value. A capture compiles it
-- again for its own link type.
---@return string|nil expression
---@return boolean|nil optimize
---@return integer|nil netmask
function filter.source(value)
  if getmetatable(value) == Filter then
    return value._expression, value._optimize, value._netmask
  end
end

--- Whether a packet matches.
---@param data luapcap_packet|string|ffi.cdata*  a packet, its bytes, or a pointer to them
---@param caplen? integer   with a pointer: how many bytes there are; with a string: wirelen
---@param wirelen? integer  bytes it had on the wire (default: as many as there are)
---@return boolean
---pcap_offline_filter
function Filter:match(data, caplen, wirelen)
  check.open(self, Filter, "match")
  local matches
  -- No tail calls: the argument `data` keeps the bytes alive while the program runs over them.
  if is_packet(data) then
    matches = self._match(data.data, data.caplen, data.wirelen)
  elseif type(data) == "string" then
    wirelen = caplen == nil and #data or check.integer(caplen, 2, "match", 0, 2 ^ 32 - 1)
    matches = self._match(cast(bytes_pointer, data), #data, wirelen)
  elseif type(data) == "cdata" and not tonumber(data) then
    caplen = check.integer(caplen, 2, "match", 0, 2 ^ 32 - 1)
    wirelen = wirelen == nil and caplen or check.integer(wirelen, 3, "match", 0, 2 ^ 32 - 1)
    local bytes = cast(bytes_pointer, data)
    if bytes == nil and caplen > 0 then
      check.fail(1, "match", "packet, string or pointer expected, got NULL")
    end
    matches = self._match(bytes, caplen, wirelen)
  else
    check.fail(1, "match", "packet, string or pointer expected, got " .. type(data))
  end
  return matches
end

--- The program.
---@return table instructions  a list of {code =, jt =, jf =, k =}, numbers as in bpf_insn
function Filter:instructions()
  local program, list = check.open(self, Filter, "instructions"), {}
  for i = 0, program.bf_len - 1 do
    local insn = program.bf_insns[i]
    list[i + 1] = { code = insn.code, jt = insn.jt, jf = insn.jf, k = insn.k }
  end
  return list
end

--- The program as `tcpdump -d` prints it.
---bpf_image
function Filter:__tostring()
  local program, lines = self._handle, {}
  for i = 0, program.bf_len - 1 do
    lines[i + 1] = ffi.string(shim.luapcap_bpf_image(program.bf_insns + i, i))
  end
  return table.concat(lines, "\n")
end

return filter
