#!/usr/bin/env bash
# Drives ../../../clients/shell/cachesd.sh: a command a line, `call|forget|refresh WORD`, and a result a line.
. "$(dirname "$0")/../../../clients/shell/cachesd.sh"

export CACHESD_TIMEOUT=10

compute() {
    echo "$1" >>"$FOLDER/computed"
    while [[ $1 == gate* && ! -e $FOLDER/gate ]]; do
        sleep 0.01
    done
    [[ $1 != throw* ]] || return 1
    [[ $1 == null* ]] || printf '{"word": "%s", "count": %d}' "$1" "$(grep -cxF -- "$1" "$FOLDER/computed")"
}

while read -r verb word; do
    is_forgotten=true
    [ "$verb" = call ] || cachesd_call del "$NAMESPACE" "f:$word" >/dev/null 2>&1 || is_forgotten=false
    if [ "$verb" = forget ]; then
        echo $is_forgotten
    elif result=$(cachesd_cached ${TTL:+-t "$TTL"} -w "$((WAIT_MS / 1000)).$(printf %03d $((WAIT_MS % 1000)))" \
        "$NAMESPACE" "f:$word" compute "$word"); then
        echo "${result:-null}"
    else
        echo "threw $word"
    fi
done
