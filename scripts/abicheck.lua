--- Proves the cdefs against the real headers: prints a C file that does not compile where they
-- differ. It repeats every function under its own name, and asserts sizes, offsets, constants.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"

local declarations = cdefs.declarations
for _, name in ipairs { "core.libpcap_cdefs", "source.live_cdefs", "sink.recording_cdefs" } do
  declarations = declarations .. require("pcap." .. name).declarations
end

-- Our names for what libpcap declares.
local TYPES = {
  luapcap_t = "pcap_t",
  luapcap_file = "FILE",
  luapcap_direction = "pcap_direction_t",
  luapcap_if = "pcap_if_t",
  luapcap_addr = "pcap_addr_t",
  luapcap_bpf_insn = "struct bpf_insn",
  luapcap_bpf_program = "struct bpf_program",
}

local function real_types(text)
  return (text:gsub("luapcap_[%w_]*", TYPES))
end

print [[
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <pcap/pcap.h>
#include "luapcap.h"
]]

local structs = 0
for name, body in declarations:gmatch "typedef struct ([%w_]+) (%b{})" do
  local real = real_types(name)
  local flexible = body:find("[?]", 1, true)
  local ctype = ffi.typeof(name)
  local size = flexible and ffi.sizeof(ctype, 0) or ffi.sizeof(ctype)
  print(('_Static_assert(sizeof(%s) == %d, "size of %s");'):format(real, size, name))
  for field in body:gsub("%b[]", ""):gmatch "([%w_]+);" do
    print(('_Static_assert(offsetof(%s, %s) == %d, "%s.%s");')
      :format(real, field, ffi.offsetof(ctype, field), name, field))
  end
  structs = structs + 1
end

local constants = 0
for name, value in pairs(cdefs) do
  if type(value) == "number" then
    print(('_Static_assert(PCAP_%s == %.0f, "%s");'):format(name, value, name))
    constants = constants + 1
  end
end

local functions = 0
local prototypes = declarations
  :gsub("typedef[^;{]+%b{}[^;]*;", ""):gsub("typedef[^;]*;", "")
for declaration in prototypes:gmatch "%s*([^;]+);" do
  local text, symbol = declaration:match '^(.-)%s*__asm__%("([%w_]+)"%)$'
  if symbol then
    declaration = text:gsub("luapcap_[%w_]+(%s*%()", symbol .. "%1", 1)
  end
  -- Before the repetition: a name that no header declares does not compile here.
  symbol = symbol or declaration:match "([%w_]+)%s*%("
  print(("extern __typeof__(%s) %s;"):format(symbol, symbol))
  print(real_types(declaration) .. ";")
  functions = functions + 1
end

io.stderr:write(("abicheck: %d structs, %d constants, %d functions\n")
  :format(structs, constants, functions))
assert(structs > 0 and constants > 0 and functions > 0, "the cdefs were not understood")
