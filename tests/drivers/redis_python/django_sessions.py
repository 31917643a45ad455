# Sessions of Django in its cache, which is django-redis.
# debian: python3-django-redis
# prefix: app:
import os

import django
from django.conf import settings

CACHE = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["REDIS_URL"], "KEY_PREFIX": "app"}
settings.configure(CACHES={"default": CACHE}, SESSION_ENGINE="django.contrib.sessions.backends.cache", SESSION_COOKIE_AGE=3600)
django.setup()
from django.contrib.sessions.backends.cache import SessionStore

session = SessionStore()
session["user"] = 7
session.save()
again = SessionStore(session_key=session.session_key)
assert again["user"] == 7 and again.exists(session.session_key)
again.cycle_key()
assert SessionStore(session_key=again.session_key)["user"] == 7 and not again.exists(session.session_key)
again.flush()
