-- scripts/release.sh wrote this from scripts/rockspec.in: `make rockspecs` writes it again.
rockspec_format = "3.0"
package = "pcap"
version = "1.0.0-1"
source = {
  url = "git+https://example.org/pcap.git",
  tag = "v1.0.0",
}
description = {
  summary = "Packet capture, savefiles and filters through libpcap, for LuaJIT",
  detailed = [[
A LuaJIT FFI binding to libpcap with a small C part: live capture that keeps its timeouts,
savefiles read in blocks, packets without strings, filters compiled to machine code.]],
  homepage = "https://example.org/pcap",
  maintainer = "the pcap maintainers",
  license = "MIT",
  labels = { "network", "pcap", "luajit", "openresty", "ffi" },
}
-- Also where the rocks are for LuaJIT: LuaRocks counts it as Lua 5.1.
-- The command `pcap` needs argparse too, and says so. The module needs it nowhere, so a rock for nginx
-- brings the module alone, and is made without a network.
dependencies = { "lua == 5.1" }
external_dependencies = {
  PCAP = { header = "pcap.h", library = "pcap" },
}
build = {
  type = "make",
  build_target = "all",
  install_target = "install",
  build_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    CPPFLAGS = "-I$(PCAP_INCDIR)",
    LDFLAGS = "-L$(PCAP_LIBDIR)",
  },
  install_variables = {
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    BINDIR = "$(BINDIR)",
    MANDIR = "$(PREFIX)/doc/man",
    DOCDIR = "$(PREFIX)/doc",
  },
  copy_directories = { "examples" },
}
-- A wrapper would start the command with Lua 5.1. The command finds its tree by itself.
deploy = { wrap_bin_scripts = false }
-- One spec: luarocks test -- SPECS=spec/filter_spec.lua
test = {
  type = "command",
  command = "make check",
}
