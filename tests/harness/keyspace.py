"""That what a Redis holds keeps to a namespace's ttls, whoever wrote it.

    count = keyspace.check(redis, "cart:", max_ttl=86400)

fails when a key under the prefix has no ttl or a longer one, and names such keys.
"""

import re

MOST_NAMED = 10  # keys that a failure names

# Everything is looked at in one moment, so that no key appears or expires meanwhile.
LOOK = """\
local keys = redis.call('KEYS', ARGV[1])
local most, named = tonumber(ARGV[2]), tonumber(ARGV[3])
local forever, long, names = 0, 0, {}
for _, key in ipairs(keys) do
    local ttl = redis.call('PTTL', key)
    if ttl == -1 then forever = forever + 1 elseif ttl > most then long = long + 1 end
    if (ttl == -1 or ttl > most) and #names < named then
        names[#names + 1] = {key, ttl, redis.call('TYPE', key).ok}
    end
end
return {#keys, forever, long, names}
"""


def check(redis, prefix, max_ttl):
    """How many keys the prefix has. `redis` has call(), as a server or a connection of the harness;
    `max_ttl` is in seconds."""
    most = int(max_ttl * 1000)
    count, forever, long, names = redis.call("EVAL", LOOK, 0, pattern(prefix), most, MOST_NAMED)
    if forever or long:
        raise AssertionError(
            f"of {count} keys under {prefix!r}, {forever} have no ttl and {long} one above "
            f"{most} ms: " + ", ".join(described(*name) for name in names)
            + (", …" if forever + long > len(names) else "")
        )
    return count


def pattern(prefix):
    """What KEYS wants for the keys that begin so."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*"


def described(key, ttl, kind):
    return f"{key.decode(errors='backslashreplace')} ({kind.decode()}, PTTL {ttl})"
