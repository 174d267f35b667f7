#!/bin/sh
# Installs the Debian packages named that are missing, and says which. Silent when all are there.
#   install-deps.sh PACKAGE... [--for PURPOSE PACKAGE...]...
# `a|b` is the first of these that Debian has. Packages after --for are left out, with a line that
# says so, where they cannot be installed. Without root and sudo it says what to type, and fails if
# a package before the first --for is missing.
# shellcheck disable=SC2086,SC2116 # lists of names are split on purpose
set -eu
export LC_ALL=C

# Any LuaJIT on the path serves: Debian 12's two exclude each other.
is_there() {
  case $1 in luajit*) ! command -v luajit >/dev/null || return 0 ;; esac
  status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) && [ "$status" = installed ]
}

# The name to install of `a|b|...`, or none if one is there.
missing() {
  rest=$1\| chosen=
  while [ -n "$rest" ]; do
    name=${rest%%|*} rest=${rest#*|}
    if is_there "$name"; then return; fi
    if [ -z "$chosen" ] && apt-cache policy "$name" | grep -q 'Candidate: [^(]'; then
      chosen=$name
    fi
  done
  echo "${chosen:-${1%%|*}}"
}

# apt never waits long for a mirror that is silent, nor takes away what is installed.
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
    -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=300 "$@"
}

can_install() {
  apt install -s --no-remove --no-install-recommends "$@" >"$log" 2>&1
}

# Why apt-get cannot, from its output.
reason() {
  sed -n 's/^E: /  /p; /Depends:\|Conflicts:\|Breaks:/p' "$log" | head -n 4
  sed -n '/will be REMOVED/,/^[^ ]/s/^  */  It would remove: /p' "$log"
}

# Sets `packages` to what is missing and can be installed, and `needed` to what is missing, cannot be
# installed, and nothing runs without.
choose() {
  packages='' needed='' group='' purpose=''
  for word in "$@" --for; do
    if [ "$purpose" = next ]; then
      purpose=$word
    elif [ "$word" != --for ]; then
      group="$group $(missing "$word")"
    else
      group=$(echo $group) # without the gaps
      if [ -z "$group" ] || can_install $packages $group; then
        packages="$packages $group"
      else
        [ -n "$purpose" ] || needed=$group
        echo "Left out, since apt-get cannot install it here${purpose:+ (for $purpose)}: $group"
        reason
      fi
      group='' purpose=next
    fi
  done
  packages=$(echo $packages | tr ' ' '\n' | sort -u)
}

# The services that start with the system: their names.
enabled() {
  for link in /etc/systemd/system/*.wants/*.service /etc/rc[2-5].d/S[0-9][0-9]*; do
    name=${link##*/}
    case $link in /etc/rc*) name=${name#S??} ;; esac
    [ ! -L "$link" ] || echo "${name%.service}"
  done | sort -u
}

# While packages are installed no service starts, and none starts with the system afterwards that
# did not before. An administrator's own policy stays.
POLICY=/usr/sbin/policy-rc.d
install_quietly() {
  before=$(enabled)
  if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
    ours=yes
  fi
  result=0
  apt install -y --no-remove --no-install-recommends "$@" >"$log" 2>&1 </dev/null || result=$?
  for service in $(enabled); do
    if printf '%s\n' "$@" | grep -qxF "$service" &&
      ! printf '%s\n' "$before" | grep -qxF "$service"; then
      [ ! -e "/etc/init.d/$service" ] || update-rc.d "$service" disable >/dev/null 2>&1 || true
      deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
      echo "Not started, and not with the system: $service"
    fi
  done
  return "$result"
}

finish() {
  rm -f "$log"
  [ -z "$ours" ] || rm -f "$POLICY"
}

if ! command -v apt-get >/dev/null; then
  echo "This system has no apt-get: see to it that it has what these Debian packages hold: $*"
  exit 0
fi
wanted=$(purpose=''; for word in "$@"; do
  if [ "$purpose" = next ]; then purpose=; elif [ "$word" = --for ]; then purpose=next
  else missing "$word"; fi
done)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
  echo "Missing: $(echo $wanted). Installing them with sudo."
  ! sudo sh "$0" "$@" || exit 0
fi

log=$(mktemp) ours=''
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ "$(id -u)" != 0 ]; then
  choose "$@"
  echo "Packages are missing, and root's rights to install them. As root, type:"
  echo "  apt-get update && apt-get install --no-install-recommends" $packages $needed
  required=$(for word in "$@"; do [ "$word" != --for ] || break; missing "$word"; done)
  [ -z "$required" ] || exit 1
  echo "Going on with what is there."
  exit 0
fi

echo "Reading Debian's package lists"
apt update >"$log" 2>&1 || cat "$log"
choose "$@"
if [ -n "$packages" ]; then
  echo "Installing with apt-get:" $packages
  apt install --assume-no --no-remove --no-install-recommends $packages 2>/dev/null |
    grep -E '^([0-9]+ upgraded|Need to get|After this operation)' || true
  if ! install_quietly $packages; then
    cat "$log"
    exit 1
  fi
fi
[ -z "$needed" ]
