rockspec_format = "3.0"
package = "pcap"
version = "1.0.0-1"
source = {
  url = "pcap-1.0.0.tar.gz",
}
description = {
  summary = "Packet capture, savefiles and filters through libpcap, for LuaJIT",
  detailed = [[
A LuaJIT FFI binding to libpcap with a small C part: live capture that keeps its timeouts,
savefiles read in blocks, packets without strings, filters compiled to machine code.]],
  license = "MIT",
  labels = { "network", "pcap", "luajit" },
}
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
    DOCDIR = "$(PREFIX)/doc",
  },
}
