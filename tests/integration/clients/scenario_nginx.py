#!/usr/bin/env python3
"""../../../clients/lua in nginx: connections of nginx's pool are those of one caller alone."""

import os
import pathlib
import shutil
import socket
import subprocess
import unittest

import harness
from languages import CLIENTS, USER_INI

MODULES = pathlib.Path("/usr/lib/nginx/modules")
NEEDED = "ndk_http_module.so", "ngx_http_lua_module.so"
CONFIGURATION = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    lua_package_path "{lua}/?.lua;;";
    server {{
        listen unix:{folder}/nginx.sock;
        location / {{
            content_by_lua_block {{
                local caller = ngx.var.arg_user and {{ user = ngx.var.arg_user, token = ngx.var.arg_token }} or {{}}
                caller.address = "{path}"
                local reply, problem = require("cachesd").new(caller):call("key.incr", "demo", "n")
                ngx.say(tostring(reply or problem))
            }}
        }}
    }}
}}
"""


@unittest.skipUnless(shutil.which("nginx") and all((MODULES / name).exists() for name in NEEDED), "nginx with Lua is not installed")
class Nginx(harness.TestCase):
    def test_a_connection_is_kept_for_its_own_caller_alone(self):
        self.world.redis()
        daemon, folder = self.world.daemon(USER_INI), self.world.folder
        configuration = pathlib.Path(folder, "nginx.conf")
        configuration.write_text(CONFIGURATION.format(folder=folder, modules=MODULES, lua=CLIENTS / "lua", path=daemon.path))
        nginx = subprocess.Popen(["nginx", "-c", str(configuration), "-p", folder, "-e", f"{folder}/nginx.log"],
                                 preexec_fn=harness.end_with_parent)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        harness.wait_until(lambda: os.path.exists(f"{folder}/nginx.pid"), "nginx listens")
        web = "?user=web&token=secret"
        self.assertEqual([self.ask(web), self.ask(web)], ["1\n", "2\n"])
        self.assertRegex(self.ask(), "^NOAUTH ")
        self.assertRegex(self.ask("?user=web&token=wrong"), "^NOAUTH ")
        self.assertEqual(self.ask(web), "3\n")

    def ask(self, query=""):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(harness.LONG)
            stream.connect(f"{self.world.folder}/nginx.sock")
            stream.sendall(f"GET /{query} HTTP/1.0\r\n\r\n".encode())
            with stream.makefile() as answer:
                return answer.read().partition("\n\n")[2]


if __name__ == "__main__":
    harness.main()
