# Requests-cache with its backend for Redis, before a web server of this process.
# debian: python3-requests-cache python3-redis
import http.server
import os
import threading

import redis
import requests_cache


class Page(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Page.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
backend = requests_cache.RedisCache(namespace="app", connection=redis.Redis.from_url(os.environ["REDIS_URL"]))
session = requests_cache.CachedSession(backend=backend, expire_after=60)
session.trust_env = False  # no proxy
url = f"http://127.0.0.1:{server.server_port}/"
first, second = session.get(url), session.get(url)
assert (first.from_cache, second.from_cache, second.text, Page.asked) == (False, True, "hi", 1)
assert len(session.cache.responses) == 1
session.cache.clear()
assert session.get(url).from_cache is False
server.shutdown()
