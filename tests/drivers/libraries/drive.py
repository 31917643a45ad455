#!/usr/bin/env python3
"""Drives redis-py: OPTIONS, in JSON. Prints what it is answered."""

import json
import sys

import redis

client = redis.Redis(decode_responses=True, **json.loads(sys.argv[1]))
print("OK" if client.execute_command("key.set", "carts", "k", "v") else "not stored")
print(client.execute_command("key.get", "carts", "k"))
try:
    client.get("k")
except redis.ResponseError as error:
    print(error)
client.close()
