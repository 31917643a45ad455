# Flask-Caching with its RedisCache: views, functions, many keys, clear().
# debian: python3-flask-caching python3-redis
# prefix: app:
import os

from flask import Flask
from flask_caching import Cache

app = Flask("app")
cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": os.environ["REDIS_URL"], "CACHE_KEY_PREFIX": "app:"})
calls = []


@app.route("/")
@cache.cached(timeout=60)
def index():
    calls.append("index")
    return "hello"


@cache.memoize(60)
def square(number):
    calls.append(number)
    return number * number


with app.test_client() as browser:
    assert browser.get("/").data == browser.get("/").data == b"hello" and calls == ["index"]
with app.app_context():
    assert square(3) == square(3) == 9 and calls == ["index", 3]
    cache.delete_memoized(square)
    assert square(3) == 9 and calls == ["index", 3, 3]
    assert cache.set("k", {"a": 1}, timeout=60) and cache.get("k") == {"a": 1} and cache.add("k", 2) is False
    assert cache.set("forever", 1, timeout=0) and cache.has("forever")
    cache.set_many({"x": 1, "y": 2}, timeout=60)
    assert cache.get_many("x", "y", "none") == [1, 2, None]
    cache.delete_many("x", "y")
    assert cache.delete("k") and cache.clear() and cache.get("forever") is None
