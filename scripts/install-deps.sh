#!/bin/sh
# Installs the Debian packages named that are missing; does nothing, silently, when all are there.
# Any LuaJIT that is on the path stands for luajit2, which cannot be installed beside another.
set -eu

is_there() {
  case $1 in
    luajit2) command -v luajit >/dev/null && return ;;
  esac
  status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) || return 1
  [ "$status" = installed ]
}

if ! command -v apt-get >/dev/null; then
  echo "This system has no apt-get: see to it that it has what these Debian packages hold: $*"
  exit 0
fi

missing=
for package in "$@"; do
  is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "Installing with apt-get:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# --no-remove: nothing that is installed goes for our sake, not even another LuaJIT.
# shellcheck disable=SC2086
install() {
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-remove --no-install-recommends $missing >"$log" 2>&1
}
# The package lists may be old or not there at all.
if ! install && ! { $as_root apt-get update >"$log" 2>&1 && install; }; then
  cat "$log"
  exit 1
fi
