#!/bin/sh
# Types the README's two commands where nothing is installed: in a minimal Debian of its own, with
# git, make and a shell, and a clone of what is committed here in root's home, which only root may
# enter.  test-in.sh [RELEASE [ARCH [COMMAND ...]]], as root, types other commands there.
# Packages come from the mirror that this machine's apt uses, and are kept for the next run in
# ~/.cache/pcap-test-in. The system lies in a temporary folder, which is removed at the end, after
# Ctrl-C too.
set -eu
cd "$(dirname "$0")/.."

broken() {
  tail -n 20 "$1.log"
  if [ -e "$1/bin/true" ] && ! chroot "$1" /bin/true 2>/dev/null; then
    echo "This machine cannot run programs of that architecture."
  fi
  exit 1
}

# Within a mount and a process namespace: what is mounted and started here ends with it.
inside() {
  release=$1 arch=$2 mirror=$3 root=$4 cache=$5
  shift 5
  path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  run="env -i HOME=/root PATH=$path TERM=${TERM:-dumb} LANG=C.UTF-8 PCAP_REQUIRE_LIVE=${PCAP_REQUIRE_LIVE:-}"
  debootstrap --variant=minbase --include=git,make --arch="$arch" --cache-dir="$cache" \
    "$release" "$root" "$mirror" >"$root.log" 2>&1 || broken "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount --bind "$cache" "$root/var/cache/apt/archives"
  # How this machine reaches its mirror, names and proxies; a system thrown away needs no fsync.
  apt-config dump | grep -E '^Acquire::(https?|ftp|Check-[A-Za-z-]*|Retries)\b' \
    >"$root/etc/apt/apt.conf.d/99machine" || true
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  for name in http_proxy https_proxy no_proxy; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || run="$run $name=$value"
  done
  git -c safe.directory='*' clone -q --no-hardlinks . "$root/root/pcap"
  captures=${PCAP_CAPTURES:-../shared/captures}
  if [ -d "$captures" ]; then
    mkdir "$root/root/captures"
    mount --bind "$captures" "$root/root/captures"
    run="$run PCAP_CAPTURES=/root/captures"
  fi
  personality=
  [ "$arch" != i386 ] || personality=linux32
  for command in "$@"; do
    echo "== $release, $arch: $command"
    # shellcheck disable=SC2086
    $personality chroot "$root" $run sh -c "cd /root/pcap && $command" </dev/null
  done
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi

release=${1:-trixie} arch=${2:-$(dpkg --print-architecture)}
if [ $# -gt 2 ]; then shift 2; else set -- "make demo" "make test"; fi
if [ "$(id -u)" != 0 ]; then
  echo "A Debian of its own needs root: type sudo make test-in RELEASE=$release ARCH=$arch"
  exit 1
fi
sh scripts/install-deps.sh debootstrap git util-linux mount
find_mirror() {
  apt-get indextargets --format '$(LABEL) $(SITE)' | sed -n 's/^Debian //p' | head -n 1
}
mirror=$(find_mirror)
if [ -z "$mirror" ]; then
  apt-get update >/dev/null
  mirror=$(find_mirror)
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pcap-test-in/$release-$arch
mkdir -p "$cache/partial"
work=$(mktemp -d "${TMPDIR:-/tmp}/test-in.XXXXXX")
chmod 755 "$work"
namespace=

# The namespace's processes and mounts go with its first process.
finish() {
  trap '' INT TERM HUP
  if [ -n "$namespace" ]; then
    kill -KILL "$namespace" 2>/dev/null || true
    wait "$namespace" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

unshare --mount --pid --fork --kill-child sh scripts/test-in.sh --inside "$release" "$arch" \
  "${mirror:-http://deb.debian.org/debian}" "$work/root" "$cache" "$@" &
namespace=$!
wait "$namespace"
