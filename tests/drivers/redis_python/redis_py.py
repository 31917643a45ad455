# Redis-py with its own parser: each kind of value, pipelines, transactions, scans, and each way to log in.
# debian: python3-redis
import os
import sys

sys.modules["hiredis"] = None  # redis-py would use it where it is installed
import redis

AT = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"]), "decode_responses": True}
WEB = {"username": "web", "password": "right"}


def use(client):
    assert client.ping()
    assert client.set("s", "v", ex=60) and client.get("s") == "v" and 0 < client.ttl("s") <= 60
    assert client.set("s", "w", nx=True) is None and client.getex("s", ex=30) == "v" and client.getdel("s") == "v"
    assert client.mset({"a": 1, "b": 2}) and client.mget("a", "b", "none") == ["1", "2", None]
    assert client.incrby("n", 5) == 5 and client.expire("n", 60) and client.persist("n")
    assert client.hset("h", mapping={"f": "1", "g": "2"}) == 2 and client.hgetall("h") == {"f": "1", "g": "2"}
    assert client.hincrby("h", "f") == 2 and dict(client.hscan_iter("h")) == {"f": "2", "g": "2"}
    assert client.sadd("set", "x", "y") == 2 and client.smembers("set") == {"x", "y"}
    assert client.zadd("z", {"one": 1, "two": 2.5}) == 2 and client.zincrby("z", 1, "one") == 2.0
    assert client.zrange("z", 0, -1, withscores=True) == [("one", 2.0), ("two", 2.5)]
    assert client.rpush("l", "1", "2", "3") == 3 and client.lrange("l", 0, -1) == ["1", "2", "3"] and client.lpop("l") == "1"
    assert sorted(client.scan_iter("*", count=100)) == ["a", "b", "h", "l", "n", "set", "z"] == sorted(client.keys())
    assert client.type("h") == "hash" and client.exists("h", "z") == 2
    with client.pipeline() as pipe:  # a transaction
        assert pipe.incr("n").expire("n", 60).get("a").hgetall("h").execute() == [6, True, "1", {"f": "2", "g": "2"}]
    with client.pipeline(transaction=False) as pipe:
        assert pipe.set("a", "3").get("a").execute() == [True, "3"]
    assert client.info()["loading"] == 0 and client.echo("e") == "e"
    assert client.delete("a", "b", "h", "l", "n", "set") == 6 and client.unlink("z") == 1


for login in ({}, WEB, {"client_name": "app"}, {"db": 1}, {**WEB, "client_name": "app", "db": 1}):
    with redis.Redis(**AT, **login) as connected:
        use(connected)
