# What cachesd refuses in redis-py is refused by its name, and the connection lives on.
# debian: python3-redis
# expects: NOPERM .*'(watch|unwatch|blpop|subscribe|publish|xadd|function|config|monitor|swapdb|wait)
import os
import sys

import redis

if os.environ.get("BASELINE"):
    print("redis-server refuses none of this")
    sys.exit(77)
client = redis.Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), single_connection_client=True)
connection = client.client_id()


def refused(name, call, *arguments):
    try:
        answer = call(*arguments)
    except redis.exceptions.NoPermissionError as error:
        assert f"'{name}'" in str(error).lower(), error
    else:
        raise AssertionError(f"{name} was answered {answer}")
    assert client.set("k", name, ex=60) and client.get("k") == name.encode()


refused("blpop", client.blpop, "l", 1)
refused("publish", client.publish, "news", "x")
refused("xadd", client.xadd, "x", {"f": "v"})
refused("swapdb", client.swapdb, 0, 1)
refused("watch", client.execute_command, "WATCH", "k")
try:
    redis.Redis.from_url(os.environ["REDIS_URL"]).transaction(lambda pipe: pipe.multi(), "k")
    raise AssertionError("transaction() was carried out")
except redis.exceptions.NoPermissionError as error:
    assert "'watch'" in str(error).lower(), error
assert client.client_id() == connection
