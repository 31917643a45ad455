# Redis-benchmark: each of its tests that blocks on nothing.
# debian: redis-tools
# expects: NOPERM .*config
set -eu
redis-benchmark -h "$REDIS_HOST" -p "$REDIS_PORT" -n 500 -c 5 -P 4 --csv \
    -t ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset >csv 2>errors
[ "$(grep -c '^"' csv)" -ge 18 ] || { cat csv errors; exit 1; }
