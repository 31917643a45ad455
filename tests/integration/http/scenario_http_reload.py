#!/usr/bin/env python3
"""[http] in the configuration: checked, put in force and taken back as listeners are."""

import os
import pathlib
import socket
import stat

import harness
import web

INI = harness.INI
HTTP = "[http]\nlisten = unix:{folder}/http.sock\n"


def threads(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/task"))


class Reload(harness.TestCase):
    def is_served(self, daemon, address=None):
        try:
            return web.get(daemon, "/healthz", address=address).status == 200
        except OSError:
            return False

    def test_it_is_off_by_default(self):
        daemon = self.world.daemon(INI)
        self.assertNotIn("HTTP", daemon.log())

    def test_it_comes_and_goes_by_reloads(self):
        daemon = self.world.daemon(INI)
        before = threads(daemon)
        for _ in range(3):
            self.assertEqual(daemon.reload(INI + HTTP), b"OK")
            self.assertTrue(self.is_served(daemon))
            self.assertEqual(web.get(daemon, "/metrics").status, 200)
            self.assertEqual(threads(daemon), before + 1)
            self.assertEqual(daemon.reload(INI), b"OK")
            self.assertFalse(self.is_served(daemon))
            self.assertFalse(os.path.exists(f"{self.world.folder}/http.sock"))
            harness.wait_until(lambda: threads(daemon) == before, "the thread of HTTP has ended")

    def test_an_address_that_stays_is_not_interrupted(self):
        daemon = self.world.daemon(INI + web.HTTP)
        connection = web.Connection(self.world.port)
        self.addCleanup(connection.close)
        for more in ("", "hosts = a.example\n", "hosts = b.example\n"):
            connection.request("GET", "/metrics", headers={"Host": "b.example"})
            status = web.Reply(connection.getresponse()).status
            self.assertEqual(daemon.reload(INI + web.HTTP + more), b"OK")
        self.assertEqual(status, 403)
        connection.request("GET", "/metrics", headers={"Host": "b.example"})
        self.assertEqual(web.Reply(connection.getresponse()).status, 200)

    def test_an_address_can_go_and_come_back_at_once(self):
        daemon = self.world.daemon(INI + web.HTTP)
        for _ in range(5):
            self.assertEqual(daemon.reload(INI), b"OK")
            self.assertEqual(daemon.reload(INI + web.HTTP), b"OK")
            self.assertTrue(self.is_served(daemon, self.world.port))

    def test_what_cannot_be_opened_is_refused_as_a_whole(self):
        daemon = self.world.daemon(INI + HTTP)
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        wrong = INI.replace("cachesd.sock", "other.sock") + HTTP + f"listen = tcp:127.0.0.1:{port}\n"
        reply = daemon.reload(wrong.replace("{listen}", "unix:{folder}/other.sock"))
        line = 1 + wrong.splitlines().index(f"listen = tcp:127.0.0.1:{port}")
        self.assertIn(f":{line}: [http] listen: tcp:127.0.0.1:{port}: address already in use".encode(), reply)
        self.assertTrue(self.is_served(daemon))
        self.assertEqual(daemon.call("ping"), b"PONG")
        self.assertFalse(os.path.exists(f"{self.world.folder}/other.sock"))

    def test_it_is_taken_back_when_another_listener_cannot_be_opened(self):
        daemon = self.world.daemon(INI)
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        more = f"[cachesd]\nlisten = tcp:127.0.0.1:{taken.getsockname()[1]}\n"
        reply = daemon.reload(INI.replace("[cachesd]\n", more) + HTTP)
        self.assertIn(b"address already in use", reply)
        self.assertFalse(self.is_served(daemon))
        self.assertEqual(daemon.reload(INI + HTTP), b"OK")
        self.assertTrue(self.is_served(daemon))

    def test_a_start_fails_when_it_cannot_be_opened(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        daemon = self.world.start_daemon(INI + f"[http]\nlisten = tcp:127.0.0.1:{taken.getsockname()[1]}\n")
        daemon.is_expected_to_fail = True
        self.assertEqual(daemon.wait(), 1)
        self.assertIn("[http] listen: tcp:127.0.0.1:", daemon.log())

    def test_socket_files_have_mode_and_group_of_the_others(self):
        daemon = self.world.daemon(INI.replace("[cachesd]\n", "[cachesd]\nsocket_mode = 0600\n") + HTTP)
        path = pathlib.Path(f"{self.world.folder}/http.sock")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(daemon.reload(INI.replace("[cachesd]\n", "[cachesd]\nsocket_mode = 0666\n") + HTTP), b"OK")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o666)

    def test_every_number_of_workers_serves_it(self):
        for workers in (1, 3):
            with harness.World() as world:
                ini = INI.replace("[cachesd]\n", f"[cachesd]\nworkers = {workers}\n") + HTTP
                daemon = world.daemon(ini)
                for _ in range(20):
                    self.assertEqual(web.get(daemon, "/readyz").status, 200)
                    self.assertEqual(web.get(daemon, "/metrics").status, 200)


class Check(harness.TestCase):
    def problems(self, http, more=""):
        path = pathlib.Path(self.world.folder, "c.ini")
        path.write_text(self.world.fill_in(INI + http + more))
        return harness.run(*harness.DAEMON, "-t", "-c", path, env=self.world.environment).stderr

    def test_t_tells_what_is_wrong_with_it(self):
        user = f"[user u]\ntoken = {harness.token_hash('t')}\nnamespaces = *\n"
        for http, more, problem in (
            ("[http]\nlisten = tcp:0.0.0.0:1\n", "", ":11: listen: an address that other machines reach needs a [user]"),
            ("[http]\nlisten = tcp:0.0.0.0:1\n", user, "good"),
            ("[http]\nlisten = tls:127.0.0.1:1\n", "", ":11: listen: [http] takes tcp:HOST:PORT and unix:/PATH alone"),
            ("[http]\nlisten = systemd\n", "", ":11: listen: [http] takes tcp:HOST:PORT and unix:/PATH alone"),
            ("[http]\nlisten = {listen}\n", "", ":11: listen: the same address as at line 2"),
            ("[http]\nhosts = a:1\n", "", ":11: hosts: 'a:1' is wrong: a host without a port belongs here"),
            ("[http]\n[http]\n", "", ":11: [http] again: it began at line 10"),
            ("[http x]\n", "", ":10: [http] takes no name"),
            ("[https]\n", "", ":10: unknown section [https]: did you mean [http]?"),
            ("[http]\nhost = a\n", "", ":11: unknown option 'host' in [http]: did you mean hosts?"),
            ("[http]\nhosts = a\n", "", ":11: warning: hosts has no effect: [http] listens nowhere"),
        ):
            with self.subTest(http=http, more=more):
                self.assertIn(problem, self.problems(http, more))

    def test_it_belongs_in_the_main_file(self):
        pathlib.Path(self.world.folder, "more.ini").write_text("[http]\nlisten =\n")
        ini = self.world.fill_in(INI.replace("[cachesd]\n", "[cachesd]\ninclude = more.ini\n"))
        path = pathlib.Path(self.world.folder, "c.ini")
        path.write_text(ini)
        said = harness.run(*harness.DAEMON, "-t", "-c", path, env=self.world.environment).stderr
        self.assertIn("more.ini:1: [http] belongs in the file that includes this one", said)


if __name__ == "__main__":
    harness.main()
