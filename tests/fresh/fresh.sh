#!/usr/bin/env bash
# Does what a newcomer does, on a Debian with nothing but this checkout: README.md beside it.
#   fresh.sh [bookworm|trixie] [run|test|service|package|container] [ARGUMENTS OF ./dev]
#   fresh.sh [bookworm|trixie] cross i386|s390x
#
# The Debian is a folder that debootstrap fills. Whatever is mounted in it is mounted in a mount
# namespace of its own, which ends with the command: the machine's own mounts never change.
set -euo pipefail
umask_of_caller=$(umask)
umask 022
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
cache=${FRESH_CACHE:-${XDG_CACHE_HOME:-/var/cache}/cachesd-dev}

complain() {
    echo "fresh: $*" >&2
    exit 1
}

# Runs a command in a mount and a process namespace of its own: mounts and processes end with it.
isolated() {
    unshare --mount --propagation private --pid --fork --kill-child "$@"
}

# --- the machine's own apt --------------------------------------------------------------------

# The Debian archive that this machine's apt uses; with `security`, that of security updates.
archive() {
    local wanted=${1:-} origin codename site
    while read -r origin codename site; do
        [[ $origin = Debian && $site =~ ^(https?|file): ]] || continue
        case $codename in
        *-security) [ "$wanted" = security ] && echo "$site" && return ;;
        *) [ -z "$wanted" ] && echo "$site" && return ;;
        esac
    done < <(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SITE)' 'Created-By: Packages')
    return 0 # there is none
}

find_archives() {
    [ -n "$(archive)" ] || apt-get update -q >&2
    mirror=${FRESH_MIRROR:-$(archive)}
    security=$(archive security)
    [ -n "$mirror" ] ||
        complain "apt is configured with no Debian archive here: FRESH_MIRROR=URL names one"
}

write_sources() {
    local root=$1
    {
        echo "deb $mirror $suite main"
        echo "deb $mirror $suite-updates main"
        [ -z "$security" ] || echo "deb $security $suite-security main"
    } >"$root/etc/apt/sources.list"
    apt-config dump --format '%F "%v";%n' Acquire::http::Proxy Acquire::https::Proxy \
        >"$root/etc/apt/apt.conf.d/50proxy"
}

# --- the root ---------------------------------------------------------------------------------

# debootstrap's result, kept as an archive.
make_base() {
    local folder base=$cache/$suite.tar
    exec 9>"$cache/$suite.lock"
    flock 9
    if [ ! -e "$base" ]; then
        folder=$(mktemp -d "$cache/$suite-base.XXXXXX")
        chmod 755 "$folder"
        isolated debootstrap --variant=minbase ${mirror_needs:+--include="$mirror_needs"} \
            "$suite" "$folder" "$mirror" >"$cache/$suite.log" 2>&1 ||
            { tail -20 "$cache/$suite.log" >&2; complain "debootstrap failed: $cache/$suite.log"; }
        tar -C "$folder" --one-file-system --numeric-owner -cf "$base.new" .
        mv "$base.new" "$base"
        remove_root "$folder"
    fi
    exec 9>&-
}

# A folder in which something is mounted is left alone.
remove_root() {
    local folder=$1
    if findmnt -rn -o TARGET | grep -F -q -e "$folder/"; then
        findmnt -rn -o TARGET | grep -F -e "$folder/" >&2
        complain "these are mounted: $folder stays; unmount them, and remove it by hand"
    fi
    rm -rf --one-file-system "$folder"
}

copy_checkout() {
    local to=$1/root/cachesd
    mkdir -p "$to"
    chmod 700 "$1/root"
    "$here/list_checkout.sh" | tar -C "$checkout" --null -T - -c |
        (umask "$umask_of_caller" && tar -C "$to" --no-same-owner --no-same-permissions -x)
}

make_root() {
    make_base
    root=$(mktemp -d "$cache/$suite-root.XXXXXX")
    trap end EXIT
    trap 'exit 143' TERM # once the command that runs has ended
    tar -C "$root" --numeric-owner -xpf "$cache/$suite.tar"
    chmod 755 "$root"
    rm -f "$root/etc/hosts"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    write_sources "$root"
    # Whom this machine trusts: npm may be led through a proxy too.
    mkdir -p "$root/usr/local/share"
    [ ! -d /usr/local/share/ca-certificates ] ||
        cp -RL /usr/local/share/ca-certificates "$root/usr/local/share/"
    copy_checkout "$root"
    mkdir -p "$cache/$suite-packages"
    share_packages "$cache/$suite-packages" "$root/var/cache/apt/archives"
}

share_packages() {
    find "$1" -maxdepth 1 -name '*.deb' -exec cp -ln -t "$2" {} +
}

leave_root() {
    share_packages "$root/var/cache/apt/archives" "$cache/$suite-packages"
    if [ -n "${FRESH_KEEP:-}" ]; then
        echo "fresh: kept $root" >&2
    else
        remove_root "$root"
    fi
}

end() {
    local code=$?
    trap '' INT TERM
    leave_root
    exit "$code"
}

# --- what runs in it --------------------------------------------------------------------------

# Runs a shell's line in the root, in the checkout, with a newcomer's environment.
inside() {
    local line=$1
    shift
    isolated bash -c '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" /usr/bin/env -i HOME=/root USER=root TERM="${TERM:-dumb}" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
        bash "$root" ${REDIS_SERVER:+REDIS_SERVER="$REDIS_SERVER"} ${WORKERS:+WORKERS="$WORKERS"} \
        ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} \
        bash -c "umask $umask_of_caller; cd /root/cachesd; $line" bash "$@"
}

# Boots the root with systemd, and runs that script of this folder in it.
boot() {
    local code=0
    inside "umask 022 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        systemd-sysv dbus >/dev/null && tests/fresh/prepare_boot.sh $1"
    # Of its own network, so that no port is taken; all packages are there.
    timeout 600 systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit \
        --private-network --console=pipe --link-journal=no \
        </dev/null >"$cache/$suite-boot.log" 2>&1 || code=$?
    cat "$root/root/fresh.log" || cat "$cache/$suite-boot.log"
    return "$code"
}

run_service() {
    inside './dev build'
    boot service.sh
}

# Builds the packages twice, and goes on in another root, which has nothing of what building needs.
build_packages() {
    inside 'apt-get update -qq && ./dev package && tests/package/build_again.sh build-package'
    rm -rf "$cache/$suite-built"
    cp -r "$root/root/cachesd/build-package" "$cache/$suite-built"
    FRESH_PACKAGES=$cache/$suite-built
    leave_root
    make_root
}

run_package() {
    [ -n "${FRESH_PACKAGES:-}" ] || build_packages
    mkdir "$root/root/packages"
    cp "$FRESH_PACKAGES"/*.deb "$root/root/packages/"
    rm -f "$root"/root/packages/*-dbgsym_*
    # Once booted, it has no network: what apt is going to want is there.
    inside 'apt-get update -qq && apt-get install -qq -y --no-install-recommends python3 >/dev/null &&
        apt-get install -qq -y --download-only /root/packages/*.deb >/dev/null'
    boot package.sh
}

run_container() { "$here/container.sh" "$root" "$cache/$suite-container"; }

# Read whole before anything runs: the checkout may change meanwhile.
main() {
    suite=bookworm
    what=test
    case ${1:-} in bookworm | trixie) suite=$1; shift ;; esac
    case ${1:-} in run | test | service | package | container | cross) what=$1; shift ;; esac
    [[ $what = cross || ${1:-} = -* || $# = 0 ]] ||
        complain "usage: ./dev fresh [bookworm|trixie] [run|test|service|package|container|cross MACHINE] [ARGUMENTS]"
    [ "$(id -u)" = 0 ] || complain "only root may: run ./dev fresh"
    mkdir -p "$cache"
    find_archives
    [[ $mirror != https:* ]] || mirror_needs=ca-certificates
    make_root
    case $what in
    service | package | container) "run_$what" ;;
    cross) inside 'exec tests/fresh/cross.sh "$@"' "$@" ;;
    *) inside "exec ./dev $what \"\$@\"" "$@" ;;
    esac
}

main "$@"
exit
