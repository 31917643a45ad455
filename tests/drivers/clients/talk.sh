#!/usr/bin/env bash
# Drives ../../../clients/shell/cachesd.sh: see talk.md.
. "$(dirname "$0")/../../../clients/shell/cachesd.sh"

problem=$(mktemp)
output=$(mktemp)
trap 'rm -f "$problem" "$output"' EXIT

opened() {
    export CACHESD_ADDRESS=${1:-$ADDRESS} CACHESD_USER=${3:-$NAME} CACHESD_TOKEN=${4:-$TOKEN} CACHESD_TIMEOUT
    CACHESD_TIMEOUT=$(awk "BEGIN { print $2 / 1000 }")
    _cachesd_places >/dev/null 2>"$problem" && echo opened || echo "-WRONG $(<"$problem")"
}

called() {
    local values status
    cachesd_call -0 "$@" >"$output" 2>"$problem"
    status=$?
    case $status in
    1) echo nil ;;
    2) echo "-$(<"$problem") (no)" ;;
    3) echo "-$(<"$problem") (perhaps)" ;;
    *)
        values=$(od -An -v -tx1 "$output" | tr -d '\n' | sed 's/ 00/ $/g; s/ \([0-9a-f]\)/\1/g; s/^/$/; s/ *\$$//')
        [[ $values == *' $'* ]] && echo "[$values]" || echo "${values:-[]}"
        ;;
    esac
}

ADDRESS=${CACHESD_ADDRESS:-} NAME=${CACHESD_USER:-} TOKEN=${CACHESD_TOKEN:-}
while read -r verb line; do
    words=()
    for word in $line; do
        [ "$word" = . ] && word='' || printf -v word '%b' "$(sed 's/../\\x&/g' <<<"$word")"
        words+=("$word")
    done
    [ "$verb" = open ] && opened "${words[@]}" || called "${words[@]}"
done
