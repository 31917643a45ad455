#!/usr/bin/env bash
# A client of cachesd in bash, over TCP: client.sh HOST PORT
# It writes the line form. A shell's variables can't hold NUL bytes, so bulk strings are read as hex.
set -eu
exec 3<>"/dev/tcp/$1/$2"

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

call() { printf '%s\n' "$1" >&3; reply; }

binary='"\x00\r\n\xff\""'
call "key.set carts sh:k $binary" >/dev/null
call "dict.set ttl=90 carts sh:d note $binary" >/dev/null
call "set.add carts sh:s $binary" >/dev/null
call "sorted.add carts sh:z 1.5 $binary" >/dev/null
call 'counter.update carts sh:c hits 41 hits 1' >/dev/null
echo "key $(call 'key.get carts sh:k')"
echo "dict $(call 'dict.get carts sh:d note') $( (($(call 'ttl carts sh:d') > 80)) && echo True)"
echo "set $(call 'set.members carts sh:s')"
echo "sorted $(call 'sorted.range carts sh:z 0 -1' | head -n 1)"
echo "counter $(call 'counter.get carts sh:c hits')"
