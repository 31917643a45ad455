# Flask-Limiter: a view that may be asked twice a minute.
# debian: python3-flask-limiter python3-redis
# prefix: LIMIT
import os

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask("app")
limiter = Limiter(get_remote_address, app=app, storage_uri=os.environ["REDIS_URL"], strategy="moving-window")


@app.route("/")
@limiter.limit("2 per minute")
def index():
    return "hello"


with app.test_client() as browser:
    assert [browser.get("/").status_code for _ in range(3)] == [200, 200, 429]
