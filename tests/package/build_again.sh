#!/usr/bin/env bash
# Builds the packages again in another folder, time zone, locale and umask, and fails when one is not, byte by
# byte, what was built before.
#   build_again.sh FOLDER        where build.sh has put its packages
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
again=$(mktemp -d /tmp/cachesd-again.XXXXXX)
trap 'rm -rf "$again"' EXIT
mkdir -p "$again/a/longer-path/to/build/in"
(
    umask 027
    TMPDIR="$again/a/longer-path/to/build/in" TZ=EST5 LC_ALL=C.UTF-8 LANGUAGE=de "$here/build.sh" "$again/built"
)
for package in "$folder"/*.deb; do
    cmp "$package" "$again/built/${package##*/}"
    echo "the same again: $(sha256sum <"$package" | cut -c 1-16) ${package##*/}"
done
