#!/bin/sh
# Runs specs on another architecture's LuaJIT and libpcap, under qemu-user:
# test-arch.sh arm64|i386 [SPEC ...]. The C part is built by a cross compiler. The programs that
# specs compare with (C compilers, tcpdump, tshark) are this machine's. Specs that need a kernel's
# packet sockets, nginx or an installation are left out, because qemu-user has none of the kind.
# Packages come from the mirror that this machine's apt uses, and lie in ~/.cache/pcap-test-arch.
set -eu
cd "$(dirname "$0")/.."

arch=${1:-arm64}
shift || true
case $arch in
arm64) triple=aarch64-linux-gnu qemu=qemu-aarch64 ;;
i386) triple=i386-linux-gnu qemu=qemu-i386 ;;
*)
  echo "test-arch: arm64 or i386 expected, got $arch" >&2
  exit 2
  ;;
esac
cross=$triple
[ "$arch" != i386 ] || cross=i686-linux-gnu
sh scripts/install-deps.sh qemu-user "gcc-$cross" lua-busted zlib1g libzstd1 gzip zstd

# Packages of the other architecture, which apt finds without that being added to this system.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pcap-test-arch/$arch
mkdir -p "$cache/state/lists/partial" "$cache/archives/partial"
: >"$cache/state/status"
apt() {
  apt-get -q -o Dir::State="$cache/state" -o Dir::State::status="$cache/state/status" \
    -o Dir::Cache="$cache" -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
    -o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
}
apt update >"$cache/log" 2>&1 || true
apt install -y --download-only luajit libpcap0.8-dev lua-filesystem lua-system lua-term \
  lua-posix zlib1g libzstd1 >>"$cache/log" 2>&1 || {
  tail -n 5 "$cache/log" >&2
  exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/test-arch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir "$work/root" "$work/bin" "$work/lib" "$work/include" "$work/tmp"
for package in "$cache"/archives/*.deb; do
  dpkg -x "$package" "$work/root"
done
git -c safe.directory='*' archive --prefix=pcap/ HEAD | tar x -C "$work"
cp -P "$work/root/usr/lib/$triple"/libpcap.so* "$work/lib/"
cp -r "$work/root/usr/include"/pcap* "$work/include/"

# What specs start as `luajit` runs under qemu too.
cat >"$work/bin/luajit" <<END
#!/bin/sh
exec $qemu -L "$work/root" -E LD_LIBRARY_PATH=/lib/$triple:/usr/lib/$triple \\
  "$work/root/usr/bin/luajit" "\$@"
END
chmod +x "$work/bin/luajit"
echo 'require "busted.runner"({ standalone = false })' >"$work/runner.lua"

cd "$work/pcap"
make -s CC="$cross-gcc" CPPFLAGS="-isystem $work/include" \
  LDFLAGS="-L$work/lib -Wl,--allow-shlib-undefined"
export PATH="$work/bin:$PATH" TMPDIR="$work/tmp"
export LUA_PATH="$PWD/?.lua;$PWD/lua/?.lua;$PWD/lua/?/init.lua;;"
export LUA_CPATH="$PWD/build/?.so;$work/root/usr/lib/$triple/lua/5.1/?.so"
luajit -v
luajit -e 'print(jit.arch, require("pcap")._LIB_VERSION)'
luajit "$work/runner.lua" --ignore-lua --exclude-tags=live,nginx "$@"
