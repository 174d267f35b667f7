#!/bin/sh
# Makes a release: compares all places that tell the version, then tags and packs what is committed.
#   release.sh X.Y.Z       tags vX.Y.Z, and packs build/pcap-X.Y.Z.tar.gz
#   release.sh rockspecs   writes the rockspecs: of the version in lua/pcap/init.lua, and of main
set -eu
cd "$(dirname "$0")/.."

# Where the project lives. All else that names it is made from this.
home=https://example.org/pcap

told=$(sed -n 's/^  _VERSION = "\(.*\)",$/\1/p' lua/pcap/init.lua)

# The rockspec of a version, with a line that says where in the repository it is.
rockspec() {
  sed -e "s|@VERSION@|$1|" -e "s|@WHICH@|$2|" -e "s|@HOME@|$home|" scripts/rockspec.in
}

if [ "${1:-}" = rockspecs ]; then
  rm -f pcap-*.rockspec
  rockspec "$told" "tag = \"v$told\"" >"pcap-$told-1.rockspec"
  rockspec scm 'branch = "main"' >pcap-scm-1.rockspec
  exit
fi

version=${1:-} refused=

refuse() {
  echo "No release: $1"
  refused=1
}

same_rockspec() {
  rockspec "$1" "$2" | cmp -s - "pcap-$1-1.rockspec" ||
    refuse "pcap-$1-1.rockspec is not what scripts/release.sh writes: make rockspecs"
}

if ! echo "$version" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+'; then
  echo "Say which version: make release VERSION=x.y.z"
  exit 1
fi
[ "$told" = "$version" ] || refuse "lua/pcap/init.lua tells version $told"
same_rockspec "$version" "tag = \"v$version\""
same_rockspec scm 'branch = "main"'
heading=$(grep -m 1 '^## ' CHANGELOG.md)
echo "$heading" | grep -qxE "## $version - [0-9]{4}-[0-9]{2}-[0-9]{2}" ||
  refuse "CHANGELOG.md begins with '$heading', not with '## $version - YYYY-MM-DD'"
head -n 1 debian/changelog | grep -qF "($version-" ||
  refuse "debian/changelog begins with '$(head -n 1 debian/changelog)'"
[ -z "$(git status --porcelain)" ] || refuse "not all is committed (git status)"
! git rev-parse -q --verify "refs/tags/v$version" >/dev/null || refuse "the tag v$version exists"
[ -z "$refused" ] || exit 1

git tag -a -m "pcap $version" "v$version"
mkdir -p build
git archive --prefix="pcap-$version/" -o "build/pcap-$version.tar.gz" "v$version"
echo "Tagged v$version, and packed build/pcap-$version.tar.gz. Publish them with:"
echo "  git push $home.git main v$version && luarocks upload pcap-$version-1.rockspec"
