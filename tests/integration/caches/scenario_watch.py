"""`caches watch`: a screen that follows the daemon, and a plain table."""

import signal
import threading

import harness
from terminal import CACHES, NEEDS_TMUX, Terminal

INI = harness.INI + """\
[namespace sessions]
near = yes
[namespace dull]
"""


class Load:
    """Requests to two namespaces, one after the other, until it is left."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        with self.daemon.client() as client:
            client.call("key.set", "carts", "a", "1")
            while not self.is_over.is_set():
                client.call("key.get", "carts", "a")
                client.call("key.get", "carts", "missing")
                client.call("key.get", "sessions", "a")
                client.call("dict.get", "sessions", "too", "few", "many", "words")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


def order(rows):
    """The names of the namespaces, from above."""
    at = next((i for i, row in enumerate(rows) if row.startswith("namespace")), len(rows))
    return [row.split()[0] for row in rows[at + 1:] if row.split()[:1] in (["carts"], ["sessions"], ["dull"])]


def cells(rows, name):
    """The row of a namespace, under its headings."""
    head = next(row for row in rows if row.startswith("namespace")).split()
    line = next(row for row in rows if row.split()[:1] == [name]).split()
    return dict(zip(head, line))


def is_half(share):
    """Whether about half of the reads have hit: a reading may come between the two."""
    return share != "-" and 40 < float(share) < 60


class Watch(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)

    def once(self, *words):
        return harness.run(CACHES, "-s", self.daemon.path, "watch", *words, env=self.world.environment)


class Plain(Watch):
    def test_on_a_pipe_it_is_one_plain_table(self):
        with Load(self.daemon):
            for words in (), ("--once",):
                done = self.once(*words, "--interval", "300ms")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertNotIn("\x1b", done.stdout)
                rows = done.stdout.splitlines()
                self.assertRegex(rows[0], r"^cachesd [\d.]+  up \d+m\d+s  workers \d+  clients 2  req/s ")
                self.assertIn("carts", order(rows))
                carts, dull = cells(rows, "carts"), cells(rows, "dull")
                self.assertTrue(is_half(carts["hit%"]), carts)
                self.assertRegex(carts["p99"], r"^\d.*s$")
                self.assertEqual((dull["*req/s"], dull["hit%"], dull["p50"]), ("0", "-", "-"))

    def test_one_namespace_has_each_of_its_counters(self):
        self.daemon.call("key.set", "carts", "a", "1")
        done = self.once("--interval", "1ms", "carts")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^writes +1 +0$")
        self.assertNotIn("sessions", done.stdout)

    def test_what_cannot_be_watched_is_told(self):
        done = self.once("nowhere")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("NAMESPACE", done.stderr)
        for words in ["--twice"], ["--interval", "0"], ["--interval", "soon"], ["carts", "sessions"]:
            done = self.once(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("use watch [--once] [--interval TIME] [N]", done.stderr)


@NEEDS_TMUX
class Screen(Watch):
    def watch(self, *words, **how):
        how.setdefault("columns", 100)
        command = [CACHES, "-s", self.daemon.path, "watch", "--interval", "100ms", *words]
        opened = Terminal(self.world, command, **how)
        self.addCleanup(opened.__exit__, None)
        opened.wait_shows("req/s")
        return opened

    def test_it_shows_rates_and_sorts_by_keys(self):
        watch = self.watch()
        with Load(self.daemon):
            busy = lambda rows: order(rows)[-1] == "dull" and is_half(cells(rows, "carts")["hit%"])
            watch.wait(busy, "the busy ones stand above")
            self.assertIn("\x1b[7mnamespace", watch.coloured())
            watch.type("n")
            watch.wait(lambda rows: order(rows) == ["carts", "dull", "sessions"], "sorted by name")
            watch.type("n")
            watch.wait(lambda rows: order(rows) == ["sessions", "dull", "carts"], "the other way round")
            watch.type("h")
            watch.wait(lambda rows: order(rows)[0] == "carts", "sorted by hits")
            watch.type("p")
            watch.wait_line("paused: p goes on")
            watch.type("p")
            watch.wait(lambda rows: rows[-1].startswith("q ends"), "it goes on")
        watch.type("q")
        watch.wait_ended()
        self.assertEqual(watch.last(), "[ended 0]")
        self.assertEqual(len(watch.lines()), 1)  # the screen is as it was before

    def test_lines_are_cut_to_the_width_and_the_height(self):
        watch = self.watch()
        watch.wait(lambda rows: len(rows) == 24 or rows[-1].startswith("q ends"), "it is drawn")
        watch.resize(30, 7)
        heads = ["cachesd", "", "backend", "main", "", "namespace", "3"]
        first_words = lambda rows: [(row.split() or [""])[0] for row in rows]
        watch.wait(lambda rows: first_words(rows) == heads and rows[-1].rstrip() == "3 more lines below: j k scroll",
                   "it is cut")
        watch.type("j")
        watch.wait(lambda rows: rows[-1].startswith("2 more lines below"), "it is scrolled")
        watch.resize(100, 24)
        watch.wait(lambda rows: order(rows) == ["carts", "dull", "sessions"], "all is there again")
        watch.press("C-c")
        watch.wait_ended()

    def test_keys_that_mean_nothing_change_nothing(self):
        watch = self.watch()
        watch.wait(lambda rows: rows[-1].startswith("q ends"), "it is drawn")
        watch.type("kkzé")
        watch.type("e")  # which is read behind those
        watch.wait_shows("*error/s")
        watch.type("r")
        watch.wait_shows("*req/s")
        watch.press("C-c")
        watch.wait_ended()

    def test_it_waits_for_a_daemon_that_has_gone(self):
        watch = self.watch()
        self.daemon.stop()
        watch.wait(lambda rows: rows[-1].rstrip().endswith(": trying again"), "it says so")
        self.world.daemon(INI)
        watch.wait(lambda rows: rows[-1].startswith("q ends"), "it goes on")
        watch.type("q")
        watch.wait_ended()

    def test_it_can_be_left_while_the_daemon_does_not_answer(self):
        for leave in "q", "C-c":
            watch = self.watch()
            self.daemon.send_signal(signal.SIGSTOP)
            watch.wait_line("the daemon does not answer: q ends")
            watch.resize(60)  # which it is drawn for, all the same
            watch.wait(lambda rows: rows[0].startswith("cachesd") and len(rows[0]) <= 60, "it is drawn anew")
            watch.press(leave)
            watch.wait_ended()
            self.daemon.send_signal(signal.SIGCONT)

    def test_a_backend_that_is_down_stands_out_with_its_reason(self):
        watch = self.watch()
        self.redis.kill()
        self.daemon.call("key.get", "carts", "a")
        row = lambda rows: next((r for r in rows if r.startswith("main ")), "")
        watch.wait(lambda rows: " down " in row(rows) and "can't connect" in row(rows), "it is down")
        self.assertRegex(watch.coloured(), r"\x1b\[31m(\x1b\[49m)?main")
        watch.type("q")
        watch.wait_ended()

    def test_the_prompt_has_it_too(self):
        prompt = Terminal(self.world, [CACHES, "-s", self.daemon.path], columns=100)
        self.addCleanup(prompt.__exit__, None)
        prompt.wait_line("caches>")
        prompt.type("watch carts")
        prompt.press("Enter")
        prompt.wait_shows("leases_given")
        prompt.type("q")
        prompt.wait_line("caches>")
        prompt.type("watch")
        prompt.press("Enter")
        prompt.wait_shows("*req/s")
        prompt.type("q")
        prompt.wait_line("caches>")
        prompt.type("watch carts sessions")
        prompt.press("Enter")
        prompt.wait_shows("caches: use watch [N]")
        prompt.type("watch nowhere")
        prompt.press("Enter")
        prompt.wait_shows("NAMESPACE")
        prompt.press("C-d")
        prompt.wait_ended()


if __name__ == "__main__":
    harness.main()
