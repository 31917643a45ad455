"""The prompt of `caches`, and a daemon that goes away, is slow, new, or says something by itself."""

import os
import re
import signal
import socket
import threading

import harness
import resp
from terminal import CACHES, NEEDS_TMUX, Terminal

PROMPT = "caches>"
AWAY = "caches (not connected)>"
SLOW = harness.INI.replace("timeout = 20s", "timeout = 60s")  # of the backend


def prompt_at(test, path, **how):
    opened = Terminal(test.world, [CACHES, "-s", path], **how)
    test.addCleanup(opened.__exit__, None)
    opened.wait_line(PROMPT)
    return opened


def program_of(prompt):
    return next(pid for pid, name in harness.children(prompt.pid()).items() if name == "caches")


@NEEDS_TMUX
class Daemons(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()

    def say(self, prompt, line):
        prompt.type(line)
        prompt.press("Enter")

    def end(self, prompt):
        prompt.press("C-d")
        prompt.wait_ended()

    def test_a_daemon_that_goes_is_told_of_at_once_and_found_again(self):
        daemon = self.world.daemon()
        prompt = prompt_at(self, daemon.path, columns=120)
        prompt.type("key.set carts a ")
        prompt.wait_shows(f"{PROMPT} key.set carts a V")
        daemon.stop()
        prompt.wait_shows("caches: the daemon closed the connection; the next request connects again")
        prompt.wait_line(f"{PROMPT} key.set carts a V")  # what was typed is still there, below
        self.say(prompt, "1")
        prompt.wait_shows("the request was not sent")
        prompt.wait_line(AWAY)
        daemon = self.world.daemon(harness.INI + "[namespace later]\n")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        prompt.press("Up", "Enter")
        prompt.wait_shows("(connected again)")
        prompt.wait_line(PROMPT)
        self.assertEqual(self.redis.call("GET", "cart:a"), b"1")
        prompt.type("ttl la")
        prompt.press("Tab")  # the namespaces were asked for anew
        prompt.wait_line(f"{PROMPT} ttl later K")
        prompt.press("C-u")
        self.end(prompt)

    def test_a_request_whose_reply_is_lost_was_perhaps_applied(self):
        daemon = self.world.daemon(SLOW)
        prompt = prompt_at(self, daemon.path)
        self.redis.send_signal(signal.SIGSTOP)
        self.say(prompt, "key.set carts a 1")
        harness.wait_until(lambda: daemon.metric("cachesd_backend_pending", backend="main"), "it was sent")
        daemon.kill()
        prompt.wait_shows("caches: the daemon closed the connection: the request was perhaps applied")
        self.redis.send_signal(signal.SIGCONT)
        self.end(prompt)

    def test_a_reply_is_not_waited_for_longer_than_the_timeout(self):
        daemon = self.world.daemon(SLOW)
        prompt = Terminal(self.world, [CACHES, "--timeout", "100ms", "-s", daemon.path])
        self.addCleanup(prompt.__exit__, None)
        prompt.wait_line(PROMPT)
        self.redis.send_signal(signal.SIGSTOP)
        self.say(prompt, "key.set carts a 1")
        prompt.wait_shows("caches: no reply within 100ms: the request was perhaps applied")
        self.redis.send_signal(signal.SIGCONT)
        self.end(prompt)

    def test_an_error_tells_whether_the_request_was_perhaps_applied(self):
        daemon = self.world.daemon(harness.INI.replace("timeout = 20s", "timeout = 100ms"))
        prompt = prompt_at(self, daemon.path)
        self.say(prompt, "key.set nowhere a 1")
        prompt.wait_shows("NAMESPACE ")
        self.assertNotIn("perhaps", "\n".join(prompt.lines()))
        self.redis.send_signal(signal.SIGSTOP)
        self.say(prompt, "key.set carts a 1")
        prompt.wait_shows("TIMEOUT ")
        prompt.wait_shows("(the request was perhaps applied)")
        self.redis.send_signal(signal.SIGCONT)
        self.end(prompt)

    def test_a_backend_that_is_down_has_its_reason_in_backends(self):
        daemon = self.world.daemon(harness.INI)
        prompt = prompt_at(self, daemon.path)
        self.redis.kill()
        harness.wait_until(lambda: daemon.backend()["state"] == "down", "it is down")
        self.say(prompt, "key.get carts a")
        prompt.wait_shows("UNAVAILABLE backend main is down")
        prompt.wait_shows("(backends has the reason)")
        self.end(prompt)

    def test_ctrl_c_gives_up_a_request_and_says_that_it_was_perhaps_applied(self):
        daemon = self.world.daemon(SLOW)
        prompt = prompt_at(self, daemon.path)
        self.redis.send_signal(signal.SIGSTOP)
        self.say(prompt, "key.set carts a 1")
        prompt.wait_shows("(waiting for the reply: Ctrl-C gives up)")
        prompt.resize(70)  # a signal that interrupts nothing
        prompt.press("C-c")
        prompt.wait_shows("gave up waiting: the request was perhaps applied")
        self.redis.send_signal(signal.SIGCONT)
        self.say(prompt, "ping")  # its reply is not that of the request before
        prompt.wait(lambda rows: rows[-2:] == ["PONG", AWAY] or rows[-2:] == ["PONG", PROMPT], "it is answered")
        self.end(prompt)

    def test_ctrl_c_gives_up_a_daemon_that_takes_connections_and_answers_nothing(self):
        daemon = self.world.daemon()
        prompt = prompt_at(self, daemon.path, columns=120)
        daemon.send_signal(signal.SIGSTOP)
        self.say(prompt, "ping")
        prompt.wait_shows("(waiting for the reply: Ctrl-C gives up)")
        prompt.press("C-c")
        prompt.wait_line(AWAY)
        self.say(prompt, "key.set carts a 1")
        prompt.wait_line("(waiting for the reply: Ctrl-C gives up)")  # to what the prompt itself asks, once connected
        prompt.press("C-c")
        prompt.wait_shows("gave up waiting: the request was not sent")
        prompt.wait_line(AWAY)
        daemon.send_signal(signal.SIGCONT)
        self.say(prompt, "ping")
        prompt.wait(lambda rows: rows[-2:] == ["PONG", PROMPT], "it is answered")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.end(prompt)

    def test_who_authenticated_here_is_that_user_again_after_a_new_connection(self):
        ini = harness.INI + f"[user web]\ntoken = {harness.token_hash('geheim')}\nnamespaces = carts\naccess = write\n"
        daemon = self.world.daemon(ini)
        prompt = prompt_at(self, daemon.path)
        prompt.type("ttl ca")
        prompt.press("Tab")
        prompt.type("x")
        prompt.wait_line(f"{PROMPT} ttl cax K")  # not known before
        prompt.press("C-u")
        self.say(prompt, "auth web geheim")
        prompt.wait_shows("OK")
        prompt.type("ttl ca")
        prompt.press("Tab")
        prompt.wait_line(f"{PROMPT} ttl carts K")
        prompt.press("C-u")
        daemon.stop()
        prompt.wait_shows("connects again")
        self.world.daemon(ini)
        self.say(prompt, "key.set carts a 1")
        prompt.wait(lambda rows: rows[-3:] == ["(connected again)", "OK", PROMPT], "it is the user again")
        self.end(prompt)

    def test_a_tap_is_shown_until_ctrl_c(self):
        daemon = self.world.daemon()
        prompt = prompt_at(self, daemon.path)
        self.say(prompt, "tap")
        prompt.wait_shows("(Ctrl-C ends)")
        daemon.call("key.get", "carts", "seen")
        prompt.wait_shows("key=seen")
        prompt.press("C-c")
        prompt.wait_line(PROMPT)
        self.say(prompt, "echo still")
        prompt.wait(lambda rows: rows[-2:] == ["still", PROMPT], "the connection goes on")
        self.end(prompt)

    def test_a_signal_ends_the_prompt_also_while_it_waits(self):
        daemon = self.world.daemon(SLOW)
        prompt = prompt_at(self, daemon.path)
        self.redis.send_signal(signal.SIGSTOP)
        self.say(prompt, "key.set carts a 1")
        prompt.wait_shows("(waiting for the reply: Ctrl-C gives up)")
        os.kill(program_of(prompt), signal.SIGTERM)
        prompt.wait_ended()
        prompt.wait_shows("perhaps applied")
        self.redis.send_signal(signal.SIGCONT)

    def test_ctrl_c_gives_up_a_tap_that_the_daemon_does_not_end(self):
        daemon = self.world.daemon()
        prompt = prompt_at(self, daemon.path)
        self.say(prompt, "tap")
        prompt.wait_shows("(Ctrl-C ends)")
        daemon.send_signal(signal.SIGSTOP)
        harness.wait_until(lambda: prompt.press("C-c") or prompt.last() == AWAY, "it is given up")
        prompt.wait_shows("caches: the client gave up waiting")
        daemon.send_signal(signal.SIGCONT)
        self.end(prompt)

    def test_the_signal_of_ctrl_backslash_ends_the_prompt_and_gives_the_terminal_back(self):
        prompt = prompt_at(self, self.world.daemon().path)
        tty = prompt.tmux("display-message", "-p", "#{pane_tty}").strip()
        modes = lambda: set(harness.run("stty", "-a", "-F", tty).stdout.split())
        self.assertIn("-icanon", modes())
        os.kill(program_of(prompt), signal.SIGQUIT)  # the key would end the shell, too
        prompt.wait_ended()
        self.assertLessEqual({"icanon", "echo"}, modes())

    def test_a_terminal_that_goes_takes_the_prompt_with_it(self):
        daemon = self.world.daemon()
        prompt = prompt_at(self, daemon.path)
        harness.wait_until(lambda: daemon.metric("cachesd_clients") == 2, "the prompt is connected")
        prompt.tmux("kill-pane")
        harness.wait_until(lambda: daemon.metric("cachesd_clients") == 1, "it has gone")

    def test_values_cannot_play_tricks_on_the_terminal(self):
        daemon = self.world.daemon()
        self.redis.call("SET", "cart:evil", b"\x1b[2Jgone\x07\x9b")
        prompt = prompt_at(self, daemon.path)
        self.say(prompt, "key.get carts evil")
        prompt.wait_shows("\\x1b[2Jgone")
        self.end(prompt)


class NewDaemon:
    """A daemon of later days: it has other verbs, and says something by itself."""

    HELP = (b"key.get N K\n    the value, or nil\nlater.verb [depth=] N K what\n    of later days\n"
            b"\nN namespace\n")

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.first_read = None
        self.client = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        self.client, _ = self.listener.accept()
        self.first_read = self.client.recv(65536)
        for text in self.HELP, b"name=sessions collections=key,later\n":
            self.client.sendall(b"$%d\r\n%s\r\n" % (len(text), text))

    def say(self, bytes_):
        self.client.sendall(bytes_)

    def close(self):
        self.client.close()
        self.listener.close()


@NEEDS_TMUX
class NewDaemons(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.path = f"{self.world.folder}/new.sock"
        self.daemon = NewDaemon(self.path)
        self.addCleanup(self.daemon.close)
        self.prompt = prompt_at(self, self.path)

    def test_verbs_of_a_newer_daemon_are_known_from_one_write(self):
        self.assertEqual(self.daemon.first_read, resp.array("help") + resp.array("namespaces"))
        self.prompt.type("later.v")
        self.prompt.wait_line(f"{PROMPT} later.verb [depth=] N K what   of later days")
        self.prompt.press("Tab")
        self.prompt.type("de")
        self.prompt.press("Tab")
        self.prompt.type("3 s")
        self.prompt.press("Tab")
        self.prompt.wait_line(f"{PROMPT} later.verb depth=3 sessions K what")
        self.prompt.press("C-u", "C-d")
        self.prompt.wait_ended()

    def test_what_the_daemon_says_by_itself_is_shown_above_the_line(self):
        self.prompt.type("key.get sess")
        self.prompt.wait_shows("key.get sess K")
        self.daemon.say(b"-UNAVAILABLE the daemon is \x1b[2Jending\r\n")
        self.prompt.wait_shows("the daemon says: ")
        said = next(row for row in self.prompt.lines() if "the daemon says" in row)
        self.assertRegex(said, re.escape("UNAVAILABLE the daemon is \\x1b[2Jending"))
        self.prompt.wait_line(f"{PROMPT} key.get sess K")
        self.daemon.say(b"+half a li")  # not until it is whole
        self.prompt.type("i")
        self.prompt.wait_line(f"{PROMPT} key.get sessi K")
        self.assertFalse(any("half" in row for row in self.prompt.lines()))
        self.daemon.say(b"ne\r\n")
        self.prompt.wait_shows("the daemon says: half a line")
        self.prompt.press("C-u", "C-d")
        self.prompt.wait_ended()


if __name__ == "__main__":
    harness.main()
