# Beaker's cache and sessions in ext:redis: its locks watch keys, so that only reads and writes without locks work.
# debian: python3-beaker python3-redis
# prefix: beaker
import os

from beaker.cache import CacheManager
from beaker.ext.redisnm import RedisNamespaceManager

manager = RedisNamespaceManager("app", os.environ["REDIS_URL"])
manager.set_value("k", {"a": 1}, expiretime=60)
manager.set_value("forever", 1)
assert manager["k"] == {"a": 1} and "forever" in manager and len(list(manager.keys())) == 2
del manager["forever"]
manager.do_remove()
assert list(manager.keys()) == []
