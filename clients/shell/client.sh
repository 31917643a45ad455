#!/usr/bin/env bash
# A client of cachesd in bash; $CACHESD_ADDRESS is a path (which needs nc) or HOST:PORT.
# The line form is written. A shell's variables can't hold NUL bytes, so bulk strings are read as hex.
set -eu
for path in /run/cachesd "${XDG_RUNTIME_DIR:-}" "/tmp/cachesd-$EUID"; do
    [ -S "$path/cachesd.sock" ] && : "${CACHESD_ADDRESS:=$path/cachesd.sock}"
done
address=${CACHESD_ADDRESS:-127.0.0.1:7379}
case $address in
*/*) coproc nc -U "$address"; exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}" ;;
*) host=${address%:*} host=${host#[} host=${host%]}; exec 3<>"/dev/tcp/$host/${address##*:}" 4>&3 ;;
esac

bulk() { # LENGTH: that many bytes as hex, and their line end
    local bytes
    bytes=$(dd bs=1 count="$1" <&3 2>/dev/null | od -An -v -tx1 | tr -d ' \n')
    dd bs=1 count=2 <&3 >/dev/null 2>&1
    printf '%s\n' "$bytes"
}

reply() { # prints each value of one reply on a line of its own
    local line rest i
    IFS= read -r line <&3
    line=${line%$'\r'} rest=${line:1}
    case $line in
    -*) printf '%s\n' "$rest" >&2; exit 1 ;;
    '$-1') echo nil ;;
    '$'*) bulk "$rest" ;;
    '*'*) for ((i = 0; i < rest; i++)); do reply; done ;;
    *) printf '%s\n' "$rest" ;;
    esac
}

call() { printf '%s\n' "$1" >&4; reply; }

binary='"\x00\r\n\xff\""'
call "key.set demo sh:k $binary" >/dev/null
call "dict.set ttl=90 demo sh:d note $binary" >/dev/null
call "set.add demo sh:s $binary" >/dev/null
call "sorted.add demo sh:z 1.5 $binary" >/dev/null
call 'counter.update demo sh:c hits 41 hits 1' >/dev/null
echo "key $(call 'key.get demo sh:k')"
echo "dict $(call 'dict.get demo sh:d note') $( (($(call 'ttl demo sh:d') > 80)) && echo True)"
echo "set $(call 'set.members demo sh:s')"
echo "sorted $(call 'sorted.range demo sh:z 0 -1' | head -n 1)"
echo "counter $(call 'counter.get demo sh:c hits')"
