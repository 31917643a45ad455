"""Shows a client that has a token, as logs and errors do."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "clients" / "python"))
import cachesd

client = cachesd.connect(user="web", token="secret")
print(vars(client))
