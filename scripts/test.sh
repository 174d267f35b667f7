#!/bin/sh
# Runs everything that `make test` runs, and closes with one line: N passed, N failed, N skipped.
# test.sh [SPEC ...] runs those specs alone.
# A skipped test counts as failed where PCAP_REQUIRE_LIVE=1 says that nothing may be skipped.
set -u
passed=0
failed=0
skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
log=$work/log
# Nginx's workers, which are other users, read below it.
export TMPDIR="$work/tmp"
mkdir "$TMPDIR"
chmod 755 "$work" "$TMPDIR"

suite() {
  echo "== $1"
  shift
  { "$@" || echo "exit status $?"; } 2>&1 | tee "$log"
  counts=$(sed -n 's/^\([0-9]*\) success[a-z]* \/ \([0-9]*\) failure[a-z]* \/ \([0-9]*\) error[a-z]* \/ \([0-9]*\) pending.*/\1 \2 \3 \4/p' "$log" | tail -n 1)
  # shellcheck disable=SC2086
  set -- $counts
  if [ $# -ne 4 ]; then
    failed=$((failed + 1)) # it broke off before it could count
    return
  fi
  passed=$((passed + $1))
  failed=$((failed + $2 + $3))
  if [ "${PCAP_REQUIRE_LIVE:-}" = 1 ]; then
    failed=$((failed + $4))
  else
    skipped=$((skipped + $4))
  fi
  grep -q '^exit status' "$log" && [ $(($2 + $3)) = 0 ] && failed=$((failed + 1))
}

check() {
  echo "== $1"
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

left_nothing() {
  left=$(find "$TMPDIR" -mindepth 1)
  echo "$left"
  [ -z "$left" ]
}

if ! command -v luajit >/dev/null || ! command -v busted >/dev/null; then
  echo "The specs need luajit and busted: make test installs them"
  exit 1
fi
check "the cdefs against the headers" make --no-print-directory abicheck
suite "specs" busted "$@"
# What runs inside nginx has a LuaJIT of its own, which this does not switch off.
suite "specs, JIT off" busted --helper=spec/support/joff.lua --exclude-tags=nginx "$@"
check "nothing left in the temporary folder" left_nothing

if [ "$skipped" = 0 ]; then
  echo "$passed passed, $failed failed"
else
  echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
