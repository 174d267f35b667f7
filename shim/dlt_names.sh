#!/bin/sh
# Prints one LUAPCAP_DLT(name) for every DLT_ constant that pcap/dlt.h defines, in its order.
set -eu
printf '#include <pcap/dlt.h>\n' | ${CC:-cc} -E -dD - |
  sed -n 's/^#define DLT_\([A-Z0-9_]*\)[[:space:]].*/LUAPCAP_DLT(\1)/p'
