#!/bin/sh
# Prints one LUAPCAP_DLT(name) for every DLT_ constant that pcap/dlt.h defines, in its order.
set -eu
# Not in the pipeline below: there a failure would look like a header without constants.
header=$(printf '#include <pcap/dlt.h>\n' | ${CC:-cc} -E -dD -)
printf '%s\n' "$header" |
  sed -n 's/^#define DLT_\([A-Z0-9_]*\)[[:space:]].*/LUAPCAP_DLT(\1)/p'
