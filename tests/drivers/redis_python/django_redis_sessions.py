# Sessions of Django in django-redis-sessions.
# debian: python3-django-redis-sessions
# prefix: app:
import os

from django.conf import settings

SERVER = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"]), "db": 0, "prefix": "app"}
settings.configure(SESSION_REDIS=SERVER, SESSION_ENGINE="redis_sessions.session", SECRET_KEY="s", SESSION_COOKIE_AGE=3600)
from redis_sessions.session import SessionStore

session = SessionStore()
session["user"] = 7
session.save()
again = SessionStore(session.session_key)
assert again["user"] == 7 and again.exists(session.session_key)
again.set_expiry(60)
again.save()
again.delete()
assert not again.exists(session.session_key)
