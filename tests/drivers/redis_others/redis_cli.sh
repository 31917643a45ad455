# Redis-cli: one command, protocol 3, scans, statistics, a mass of commands.
# debian: redis-tools
set -eu
cli() { redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" "$@"; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; exit 1; }; }

is "$(cli SET k v EX 60)" OK
is "$(cli GET k)" v
is "$(cli --user web --pass right --no-auth-warning -n 1 SET l v)" OK
is "$(cli -3 HSET h f v)" 1
is "$(cli -3 --no-raw HGETALL h)" '1# "f" => "v"'
is "$(printf 'SET m 1\nINCR m\nGET m\n' | cli)" "$(printf 'OK\n2\n2')"
for number in $(seq 200); do printf 'SET p%d "a b"\r\n' "$number"; done | cli --pipe | grep -q 'errors: 0, replies: 200'
is "$(cli --scan --pattern 'p*' | sort -u | wc -l)" 200
is "$(cli --scan --pattern 'p1')" p1
cli -r 2 -i 0.01 --stat 2>/dev/null | head -3 | grep -q keys
is "$(cli EVAL 'return {KEYS[1], ARGV[1]}' 1 k x | tr '\n' ' ')" "k x "
cli INFO | grep -q '^redis_version:'
cli DEL k h m >/dev/null
