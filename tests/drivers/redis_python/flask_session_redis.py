# Flask-Session with its interface for Redis.
# debian: python3-flask-session python3-redis
# prefix: app:
import os
import sys

import redis
from flask import Flask, session
from flask_session import Session

app = Flask("app")
app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.from_url(os.environ["REDIS_URL"]), SESSION_KEY_PREFIX="app:")
try:
    Session(app)
except ModuleNotFoundError as error:  # Debian 13's package names not all that it needs
    print(f"Flask-Session can't be used: {error}")
    sys.exit(77)


@app.route("/")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.route("/out")
def out():
    session.clear()
    return "bye"


with app.test_client() as browser:
    assert [browser.get(path).data for path in ("/", "/", "/out", "/")] == [b"1", b"2", b"bye", b"1"]
