#!/usr/bin/env python3
# Drives ../../clients/python/cachesd: a command a line, `call|forget|refresh WORD`, and a result a line.
# cached_every.py tells what the function does; the others here do the same.
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))
from cachesd import cached

folder = pathlib.Path(os.environ["FOLDER"])


@cached(namespace=os.environ["NAMESPACE"], key=lambda word: f"f:{word}", ttl=os.environ.get("TTL"),
        wait=float(os.environ["WAIT_MS"]) / 1000, timeout=2)
def function(word):
    with open(folder / "computed", "a") as log:
        log.write(word + "\n")
    while word.startswith("gate") and not (folder / "gate").exists():
        time.sleep(0.005)
    if word.startswith("throw"):
        raise RuntimeError(word)
    count = (folder / "computed").read_text().split().count(word)
    return None if word.startswith("null") else {"word": word, "count": count}


for line in sys.stdin:
    verb, word = line.split()
    try:
        result = {"call": function, "forget": function.forget, "refresh": function.refresh}[verb](word)
        print(json.dumps(result), flush=True)
    except RuntimeError as error:
        print("threw", error, flush=True)
