# Redis-cli --bigkeys, which counts the keys, scans them and asks how long each is.
# debian: redis-tools
# expects: ERR This instance has cluster support disabled
# expects: NOPERM .*'readonly'
set -eu
cli() { redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" "$@"; }
for words in 'SET s abc' 'RPUSH l 1 2' 'SADD set x' 'HSET h f v' 'ZADD z 1 m'; do cli $words >/dev/null; done
cli --bigkeys | grep -q 'Sampled 5 keys'
