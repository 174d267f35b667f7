#!/bin/sh
# Builds the C part as other compilers, packagers and systems would, with warnings as errors, and
# runs specs on each build.  portable.sh [SPEC ...]
# "portable" is the build that uses nothing of Linux's own (shim/system.h). It gets more specs: what
# needs Linux names itself there and is skipped. What is built for musl is only compiled, because
# Debian has no libpcap for it.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
export TMPDIR="$work/tmp"
mkdir "$TMPDIR"
chmod 755 "$work" "$TMPDIR"

usual="pcap savefile pcapng dumper compression window capture packet"
more="$usual reader append full_disk signals waiting devices settings live send filtering fanout
  close_on_exec seek following merge"
chosen=$*
specs_of() {
  if [ -n "$chosen" ]; then echo "$chosen"; return; fi
  for name in $1; do echo "spec/${name}_spec.lua"; done
}

count() {
  if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Needs: a name, and the compiler. Skips what is not installed.
begins() {
  echo "== $1"
  command -v "$2" >/dev/null || { echo "skipped: needs $2" && false; }
}

# variant NAME SPECS COMPILER VARIABLE=VALUE...
variant() {
  name=$1 specs=$2 compiler=$3
  shift 3
  begins "$name" "$compiler" || return
  rm -rf "$work/source"
  mkdir "$work/source"
  cp -r .busted Makefile ./*.md LICENSE bench docs examples lua shim scripts spec "$work/source"
  (
    # shellcheck disable=SC2046 # a list of names
    cd "$work/source" && make -s CC="$compiler" "$@" && busted $(specs_of "$specs")
  )
  count $?
}

with_portable() {
  # Linux has BSD's funopen() in libbsd alone.
  if [ ! -e /usr/include/bsd/stdio.h ]; then
    echo "== portable: skipped: needs libbsd-dev"
    return
  fi
  PCAP_PORTABLE=1
  export PCAP_PORTABLE
  variant "portable, gcc" "$more" gcc CFLAGS="-O2 -g -Werror" CPPFLAGS=-DLUAPCAP_PORTABLE \
    LDFLAGS=-lbsd
  variant "portable, clang" "$usual" clang CFLAGS="-O2 -g -Werror" CPPFLAGS=-DLUAPCAP_PORTABLE \
    LDFLAGS=-lbsd
  unset PCAP_PORTABLE
}

with_hardening() {
  DEB_BUILD_MAINT_OPTIONS=hardening=+all
  export DEB_BUILD_MAINT_OPTIONS
  variant "Debian's hardening" "$usual" gcc CFLAGS="$(dpkg-buildflags --get CFLAGS) -Werror" \
    CPPFLAGS="$(dpkg-buildflags --get CPPFLAGS)" LDFLAGS="$(dpkg-buildflags --get LDFLAGS)"
  unset DEB_BUILD_MAINT_OPTIONS
}

# musl's headers, then those of libpcap, zlib and the kernel, which are the same for any C library.
with_musl() {
  begins "musl, compiled only" musl-gcc || return
  make -s build/dlt_names.inc &&
    for file in shim/*.c; do
      musl-gcc -Ibuild -Ishim -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -fPIC \
        -idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)" \
        -c "$file" -o "$work/musl.o" || exit 1
    done
}

variant "gcc" "$usual" gcc CFLAGS="-O2 -g -Werror"
variant "clang" "$usual" clang CFLAGS="-O2 -g -Werror"
variant "gcc -O3 -flto" "$usual" gcc CFLAGS="-O3 -flto -Werror"
! command -v dpkg-buildflags >/dev/null || with_hardening
with_portable
(with_musl)
count $?
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
