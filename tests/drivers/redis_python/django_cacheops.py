# Cacheops of Django: queries kept by scripts, which write keys that they do not declare, and dropped when a row changes.
# debian: python3-django-cacheops python3-django
# prefix: app:
import os

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["cacheops"], CACHEOPS_REDIS=os.environ["REDIS_URL"], CACHEOPS_PREFIX=lambda _: "app:", CACHEOPS={"shop.*": {"ops": (), "timeout": 60}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
from cacheops import cached, cached_as, invalidate_all
from django.db import connection, models


class Item(models.Model):
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "shop"


with connection.schema_editor() as editor:
    editor.create_model(Item)
item = Item.objects.create(name="one")
calls = []


@cached_as(Item.objects.filter(name="one"), timeout=60)
def names():
    calls.append("names")
    return list(Item.objects.values_list("name", flat=True))


@cached(timeout=60)
def square(number):
    calls.append(number)
    return number * number


assert names() == names() == ["one"] and square(3) == square(3) == 9 and calls == ["names", 3], calls
item.name = "two"
item.save()
assert names() == ["two"] and calls == ["names", 3, "names"], calls
square.invalidate(3)
assert square(3) == 9 and calls[-1] == 3 and len(calls) == 4, calls
