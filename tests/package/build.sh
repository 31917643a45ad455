#!/usr/bin/env bash
# Builds the Debian packages of this checkout into a folder, in a copy of the checkout: Debian's tools
# write beside and into the sources.
#   build.sh FOLDER [VERSION]
# VERSION: in place of the one in debian/changelog, for a test of an upgrade.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
mkdir -p "$1"
to=$(cd "$1" && pwd)
version=${2:-}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin # what is built with is Debian's own, Python above all
copy=$(mktemp -d "${TMPDIR:-/tmp}/cachesd-package.XXXXXX")
trap 'rm -rf "$copy"' EXIT

mkdir "$copy/cachesd"
"$here/../fresh/list_checkout.sh" | tar -C "$checkout" --null -T - -c | tar -C "$copy/cachesd" -x
cd "$copy/cachesd"
[ -z "$version" ] || sed -i "1s/(.*)/($version)/" debian/changelog
dpkg-buildpackage --build=binary --unsigned-changes >"$to/build.log" 2>&1 ||
    { tail -30 "$to/build.log" >&2; exit 1; }
rm -f "$to"/*.deb "$to"/*.changes "$to"/*.buildinfo
mv "$copy"/*.deb "$copy"/*.changes "$copy"/*.buildinfo "$to/"
