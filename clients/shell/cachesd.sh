# shellcheck shell=bash
# A client of cachesd for bash; it needs nc (Debian: netcat-openbsd), coreutils and awk.
#
#   . ./cachesd.sh
#   cachesd_call key.set ttl=90s demo greeting hello >/dev/null
#   cachesd_call key.get demo greeting
#
# Requests are sent as arrays of words, so that no value can be taken for anything else, and nothing is ever quoted.
#
#   cachesd_call [-0] [-i] WORD...
#     prints the reply, each value with a line end behind it, or with -0 a zero byte: mapfile -d ''
#     -i   standard input is the last word: any bytes, which a word in bash can't be
#     returns 0; 1 when the reply is nil; 2 when nothing was applied, 3 when it perhaps was, and says on standard error why:
#     the daemon's own code and text, or UNAVAILABLE (no connection), TIMEOUT (no answer in time), LOST (the connection broke)
#
#   cachesd_cached [-t TTL] [-w SECONDS] NAMESPACE KEY COMMAND...
#     prints what the command prints: it runs once, whoever asks, in whatever process. What fails is not kept. While another
#     computes it waits for that result, 10 s at most. When the daemon is away or refuses, the command simply runs.
#
# $CACHESD_ADDRESS is the path of a socket, HOST:PORT or [IPV6]:PORT; without it the client looks where a daemon usually is.
# $CACHESD_USER and $CACHESD_TOKEN say who asks. $CACHESD_TIMEOUT is how many seconds a request may take, 5 by default.

cachesd_call() ( # in a shell of its own: its variables, traps and descriptors are nobody else's
    end='\n' input=0 OPTIND=1 LC_ALL=C
    while getopts 0i option; do
        case $option in
        0) end='\0' ;;
        i) input=1 ;;
        *) exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    if [ $# = 0 ]; then
        echo "ARGS no verb is given" >&2
        exit 2
    fi
    trap '' PIPE
    places=$(_cachesd_places) && folder=$(mktemp -d) || exit 2
    trap 'rm -rf "$folder"' EXIT
    [ $input = 0 ] || cat >"$folder/input"
    mkfifo "$folder/to" "$folder/from"
    while IFS= read -r place; do
        _cachesd_exchange "$place" "$@"
        status=$?
        [ $status = $NOWHERE ] || exit $status
    done <<<"$places"
    echo "UNAVAILABLE cannot connect to ${places//$'\n'/ or }" >&2
    exit 2
)

# What the functions below return beside 0 to 3.
NOWHERE=4 # there was no connection
NOTHING=5 # no reply came
NO_REPLY=6 # what came was none

# Where a daemon may be, one a line.
_cachesd_places() {
    local folder form='^(.*/.*|[^]:[]+:[0-9]{1,5}|\[[^]]+\]:[0-9]{1,5})$'
    if [ -n "${CACHESD_TOKEN:-}" ] && [ -z "${CACHESD_USER:-}" ]; then
        echo "cachesd: CACHESD_TOKEN needs CACHESD_USER" >&2
        return 2
    fi
    if [ -z "${CACHESD_ADDRESS:-}" ]; then
        for folder in /run/cachesd "${XDG_RUNTIME_DIR:-}" "/tmp/cachesd-$EUID"; do
            # Whoever comes first can make the folder in /tmp.
            if [ -S "$folder/cachesd.sock" ] && { [[ $folder != /tmp/cachesd-* ]] || [ -O "$folder" ]; }; then
                printf '%s\n' "$folder/cachesd.sock"
            fi
        done
        echo 127.0.0.1:7379
    elif [[ $CACHESD_ADDRESS =~ $form && ($CACHESD_ADDRESS == */* || $((10#${CACHESD_ADDRESS##*:})) -lt 65536) ]]; then
        printf '%s\n' "$CACHESD_ADDRESS"
    else
        echo "cachesd: address $CACHESD_ADDRESS: a path, HOST:PORT or [IPV6]:PORT was expected" >&2
        return 2
    fi
}

# One request at one place.
_cachesd_exchange() {
    local place=$1 host nc status=0
    shift
    host=${place%:*} host=${host#[}
    nc=(nc -N "${host%]}" "${place##*:}")
    [[ $place != */* ]] || nc=(nc -N -U "$place")
    timeout "${CACHESD_TIMEOUT:-5}" "${nc[@]}" <"$folder/to" >"$folder/from" 2>/dev/null &
    exec 3>"$folder/to" 4<"$folder/from"
    if [ -n "${CACHESD_TOKEN:-}" ]; then
        input=0 _cachesd_send auth "$CACHESD_USER" "$CACHESD_TOKEN"
        _cachesd_reply 8 >/dev/null
        status=$?
        [ $status -lt $NOTHING ] || status=$NOWHERE # the request itself was not sent
    fi
    if [ $status = 0 ]; then
        _cachesd_send "$@"
        exec 3>&-
        _cachesd_reply 8
        status=$?
    fi
    exec 3>&-
    [ $status != 0 ] || [ "$(head -c 1 <&4 | wc -c)" = 0 ] || status=$NO_REPLY # there is more
    exec 4<&-
    wait $!
    _cachesd_reason $status $?
}

# What was wrong, by the status of the reply and that of nc.
_cachesd_reason() {
    if [ "$1" -lt $NOTHING ]; then
        return "$1"
    elif [ "$2" = 124 ]; then
        echo "TIMEOUT no answer in time" >&2
        return 3
    elif [ "$1" = $NOTHING ] && [ "$2" = 1 ]; then
        return $NOWHERE # nc could not connect
    fi
    echo "LOST the connection broke before the answer, or that was none" >&2
    return 3
}

_cachesd_send() {
    local word
    {
        printf '*%d\r\n' $(($# + input))
        for word; do
            printf '$%d\r\n%s\r\n' "${#word}" "$word"
        done
        if [ "$input" = 1 ]; then
            printf '$%d\r\n' "$(stat -c %s "$folder/input")"
            cat "$folder/input"
            printf '\r\n'
        fi
    } >&3 2>/dev/null
}

# _cachesd_reply DEPTH: prints one reply, of arrays that deep at most.
_cachesd_reply() {
    local line rest
    IFS= read -r line <&4 || return $NOTHING
    rest=${line:1} rest=${rest%$'\r'}
    case $line in
    +*) printf "%s$end" "$rest" ;;
    :*) [[ $rest =~ ^-?[0-9]{1,19}$ ]] && printf "%s$end" "$rest" || return $NO_REPLY ;;
    -TIMEOUT* | -LOST* | -INTERNAL*) echo "$rest" >&2 && return 3 ;;
    -*) echo "$rest" >&2 && return 2 ;;
    '$-1'* | '*-1'*) return 1 ;;
    '$'*) _cachesd_bulk "$rest" ;;
    '*'*) _cachesd_items "$rest" "$1" ;;
    *) return $NO_REPLY ;;
    esac
}

# So many bytes, and their line end.
_cachesd_bulk() {
    local behind
    [[ $1 =~ ^[0-9]{1,10}$ ]] || return $NO_REPLY
    head -c "$1" <&4
    IFS= read -r -N 2 behind <&4
    [ "$behind" = $'\r\n' ] || return $NO_REPLY
    printf '%b' "$end"
}

# _cachesd_items COUNT DEPTH
_cachesd_items() {
    local at status
    [[ $1 =~ ^[0-9]{1,9}$ && $2 -gt 0 ]] || return $NO_REPLY
    for ((at = 0; at < $1; at++)); do
        _cachesd_reply $(($2 - 1))
        status=$?
        [ $status -lt 2 ] || return $NO_REPLY
        [ $status = 0 ] || printf '%b' "$end" # nil within an array
    done
}

cachesd_cached() ( # in a shell of its own, too
    ttl='' patience=10 OPTIND=1
    while getopts t:w: option; do
        case $option in
        t) ttl=ttl=$OPTARG ;;
        w) patience=$OPTARG ;;
        *) exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    if [ $# -lt 3 ]; then
        echo "ARGS a namespace, a key and a command are wanted" >&2
        exit 2
    fi
    namespace=$1 key=$2
    shift 2
    folder=$(mktemp -d) || exit 2
    trap 'rm -rf "$folder"' EXIT
    : "${CACHESD_TIMEOUT:=1}"
    _cachesd_find 0 "$CACHESD_TIMEOUT"
    if [ "$state$lease" = MISS ]; then # somebody else computes it
        _cachesd_find "$patience" "$(awk "BEGIN { print $patience + $CACHESD_TIMEOUT }")"
    fi
    case $state in
    HIT | STALE | NULL) [ -n "$lease" ] || { _cachesd_kept && exit 0; } ;;
    esac
    "$@" >"$folder/output"
    status=$?
    cat "$folder/output"
    if [ -n "$lease" ] && [ $status = 0 ]; then
        cachesd_call -i memo.put ${ttl:+"$ttl"} "$namespace" "$key" "$lease" <"$folder/output" >/dev/null 2>&1
    elif [ -n "$lease" ]; then
        cachesd_call memo.drop "$namespace" "$key" "$lease" >/dev/null 2>&1
    fi
    exit $status
)

# _cachesd_find WAIT TIMEOUT: sets state and lease, none of them where the daemon does not answer. The file `found` has state, value
# and lease, and a zero byte behind each; the value may have more of them.
_cachesd_find() {
    local found wait
    wait=$(awk "BEGIN { printf \"%d\", $1 * 1000 }")
    CACHESD_TIMEOUT=$2 cachesd_call -0 memo.get "wait=${wait}ms" "$namespace" "$key" >"$folder/found" 2>/dev/null
    mapfile -d '' -t found <"$folder/found"
    state=${found[0]-} lease=
    [ ${#found[@]} -lt 3 ] || lease=${found[-1]}
}

# Prints the value that stands in `found` between the state and an empty lease.
_cachesd_kept() {
    local size
    size=$(stat -c %s "$folder/found")
    tail -c +$((${#state} + 2)) "$folder/found" | head -c $((size - ${#state} - 3))
}
