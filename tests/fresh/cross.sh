#!/usr/bin/env bash
# Builds the daemon for another machine, and runs the unit tests and the sessions there:
#   tests/fresh/cross.sh i386|s390x
# i386 has 32 bits, s390x is big-endian and emulated by qemu. For a root of fresh.sh alone: it brings the
# other machine's packages into apt.
set -euo pipefail
cd "$(dirname "$0")/../.."

case ${1:-} in
i386) triple=i686-linux-gnu emulator=() ;;
s390x) triple=s390x-linux-gnu emulator=(qemu-s390x) ;;
*) echo "cross: usage: ./dev fresh [bookworm|trixie] cross i386|s390x" >&2; exit 2 ;;
esac
arch=$1
shift

# The packages that the build needs, those with libraries for the other machine.
libraries=(libuv1-dev liburing-dev libinih-dev libyajl-dev libunistring-dev libsodium-dev libssl-dev
           libxxhash-dev libmicrohttpd-dev libedit-dev check)
tools=(cmake make pkg-config "crossbuild-essential-$arch" python3 openssl redis-server)
[ ${#emulator[@]} = 0 ] || tools+=(qemu-user locales)

# Of the release alone: security updates may be there for one machine before the other.
sed -i '/-security /d' /etc/apt/sources.list
dpkg --add-architecture "$arch"
apt-get update -q >&2
DEBIAN_FRONTEND=noninteractive tests/fresh/without_services.sh redis-server \
    apt-get install -qq -y --no-install-recommends "${tools[@]}" "${libraries[@]/%/:$arch}" >/dev/null

# The letters of UTF-8, for the C library of a big-endian machine.
[ "$arch" != s390x ] || localedef --big-endian -c -i C -f UTF-8 /usr/lib/locale/C.utf8

# libsystemd is left out: it need not be there.
export PKG_CONFIG_LIBDIR=/usr/lib/${triple/i686/i386}/pkgconfig:/usr/share/pkgconfig
build=build-$arch
cmake -S . -B "$build" -DBUILD_TESTING=ON -DSYSTEMD=OFF -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$arch" \
    -DCMAKE_C_COMPILER="$triple-gcc" -DCMAKE_LIBRARY_ARCHITECTURE="${triple/i686/i386}" -DTEST_PATIENCE=6 \
    ${emulator:+-DCMAKE_CROSSCOMPILING_EMULATOR="$(IFS=';'; echo "${emulator[*]}")"}
cmake --build "$build" -j "$(nproc)"
export CACHESD_UNDER="${emulator[*]}" SLACK_MS=${SLACK_MS:-3000}
exec ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -R '^unit|^session' "$@"
