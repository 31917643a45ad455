#!/usr/bin/env python3
"""The page, in Chromium: its texts, on screens of all kinds, and that nothing can run in it but its own script.

`SCREENSHOTS=FOLDER` keeps pictures of it.
"""

import os
import threading
import unittest

import browser
import harness
import web

SCRIPT = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"
INI = """\
[cachesd]
listen = {listen}
[http]
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[backend archive]
url = {redis:archive}
[namespace catalog]
backend = main
prefix = cat:v7:
ttl = 10m
near = yes
value = json
[namespace carts]
backend = main
prefix = <b>cart</b>:
max_ttl = 7d
over_ttl = reject
max_value = 64
[namespace reports]
backend = archive
stale = 1d
"""
# How broad, and dark or not; the name of its picture.
SCREENS = {"wide": (1280, False), "wide-dark": (1280, True), "narrow": (390, False), "narrow-dark": (390, True)}


@unittest.skipUnless(browser.PROGRAM, "Chromium is not installed")
@harness.NOT_UNDER
class Page(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.browser = self.world.keep(browser.Browser(self.world.folder))

    def start(self, ini=INI):
        self.daemon = self.world.daemon(ini)
        self.url = f"http://127.0.0.1:{self.world.port}/"
        self.client = self.connect(self.daemon)

    def open(self, *arguments, path="", **options):
        page = self.browser.open(self.url + path, *arguments, **options)
        page.wait("document.querySelector('#backends td')")
        return page

    def use(self):
        """Traffic of all kinds, and some that fails."""
        self.daemon.wait_near()
        for i in range(200):
            self.client.call("key.set", "catalog", str(i), "[1]")
            self.client.call("key.get", "catalog", str(i % 20))
            self.client.call("key.get", "carts", str(i))
        self.client.call("key.set", "carts", SCRIPT, "v" * 65)
        self.world.redis("archive").kill()
        harness.wait_until(lambda: self.client.call("memo.get", "reports", SCRIPT)[:12] == b"UNAVAILABLE ", "it is down")

    def check_quiet(self, page):
        """No line in the console, and nothing asked for but what is the page's own."""
        self.assertEqual(page.lines, [])
        own = {self.url, self.url + "status"}
        self.assertEqual({url.partition("?")[0] for url in page.requests if not url.startswith("data:")}, own)
        self.assertEqual(page.value("document.querySelectorAll('img, iframe, object, link:not([rel=icon])').length"), 0)
        self.assertEqual(page.value("document.scripts.length"), 1)

    def test_it_shows_the_state_on_every_screen(self):
        self.start()
        self.use()
        for name, (width, is_dark) in SCREENS.items():
            with self.subTest(screen=name):
                page = self.open(width, dark=is_dark)
                page.wait("document.querySelector('#notices .bad') && document.querySelector('#notices .warn')")
                for text in ("archive is down.", "reports answers UNAVAILABLE.", "carts refuses requests by its policy.",
                             "failing", "catalog", "cat:v7: at main", "ttl 10m", "near 1m", "max 7d", "reject", "stale 1d",
                             "max_value", "UNAVAILABLE", "up", "down", "read-only: this page changes nothing"):
                    self.assertIn(text, page.text)
                self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                light = page.value("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
                self.assertEqual(sum(light) < 200, is_dark, light)
                self.check_quiet(page)
                if os.environ.get("SCREENSHOTS"):
                    page.picture(f"{os.environ['SCREENSHOTS']}/{name}.png")

    def test_what_others_write_is_text(self):
        user = f"[user ops]\nuid = {os.getuid()}\ntoken = {harness.token_hash('t')}\nnamespaces = *\naccess = admin\n"
        self.start(INI + user)
        self.client.call("auth", SCRIPT, SCRIPT)  # it is in the log, and so among what happened
        page = self.open(headers={"Authorization": "Bearer t"})
        page.wait("document.body.innerText.includes('wrong user or token: user')")
        self.assertIn("<script>document.title=", page.text)
        self.assertIn("<b>cart</b>:", page.text)
        self.assertRegex(page.value("document.title"), "^cachesd on ")
        self.assertEqual(page.value("document.querySelectorAll('b').length"),
                         page.value("document.querySelectorAll('.notice > b').length"))
        self.check_quiet(page)

    def test_a_key_among_the_slowest_requests_is_text(self):
        self.start(INI.replace("[http]", "slow = 50ms\nslow_keys = all\n[http]"))
        asleep = threading.Thread(target=self.world.redis().call, args=("DEBUG", "SLEEP", "0.3"))
        asleep.start()
        while asleep.is_alive():  # one of these falls into the sleep
            self.client.call("dict.items", "carts", SCRIPT)
        asleep.join()
        page = self.open()
        page.wait("document.querySelector('#slow td')")
        self.assertIn("dict.items carts \"" + SCRIPT[:30], page.text)
        self.assertRegex(page.value("document.title"), "^cachesd on ")
        self.check_quiet(page)

    def test_no_script_runs_but_its_own(self):
        self.start()
        page = self.open()
        page.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
        page.value("document.head.append(Object.assign(document.createElement('script'), {textContent: 'document.title=2'}))")
        page.value("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\" id=styled>')")
        page.wait("true")
        self.assertRegex(page.value("document.title"), "^cachesd on ")
        self.assertNotEqual(page.value("getComputedStyle(document.getElementById('styled')).color"), "rgb(255, 0, 0)")
        self.assertTrue(all("Content Security Policy" in line for line in page.lines), page.lines)
        self.assertGreaterEqual(len(page.lines), 2)

    def test_each_answer_has_its_own_nonce(self):
        self.start()
        pages = [web.get(self.daemon, "/", address=self.world.port) for _ in range(2)]
        policies = [page.headers["Content-Security-Policy"] for page in pages]
        self.assertNotEqual(*policies)
        for page, policy in zip(pages, policies):
            nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
            self.assertEqual(page.text.count(f'nonce="{nonce}"'), 2)
            self.assertNotIn("{nonce}", page.text)

    def test_it_follows_and_tells_when_nobody_answers(self):
        self.start()
        page = self.open()
        page.wait("document.getElementById('state').textContent === 'well'")
        self.client.call("key.set", "carts", "a", "v" * 65)
        page.wait("document.getElementById('notices').textContent.includes('carts refuses')")
        self.client.close()
        self.daemon.stop()
        page.wait("document.getElementById('state').textContent === 'no answer'")
        self.assertIn("The daemon does not answer.", page.text)
        self.assertIn("catalog", page.text)  # what was known last
        self.start()
        page.wait("document.getElementById('state').textContent !== 'no answer'")

    def test_it_asks_only_while_somebody_looks(self):
        self.start()
        page = self.open()
        page.value("document.getElementById('pause').click()")
        before = len(page.requests)
        harness.time.sleep(3)  # two turns and more
        page.value("1")
        self.assertLessEqual(len(page.requests), before + 1)
        page.value("document.getElementById('pause').click()")
        page.wait("document.getElementById('pause').textContent === 'Pause'")
        harness.wait_until(lambda: page.value("1") and len(page.requests) > before + 1, "it asks again")

    def test_colours_can_be_chosen(self):
        self.start()
        page = self.open(path="?theme=dark")
        self.assertEqual(page.value("document.documentElement.dataset.theme"), "dark")
        for theme in (None, "light", "dark"):
            page.value("document.getElementById('theme').click()")
            self.assertEqual(page.value("document.documentElement.dataset.theme"), theme)

    def test_a_thousand_namespaces_stay_usable(self):
        names = "".join(f"[namespace n{i}]\nbackend = main\n" for i in range(1000))
        self.start(INI + names)
        page = self.open(390)
        self.assertIn("the 100 with the most requests, of 1003", page.text)
        self.assertLessEqual(page.value("document.documentElement.scrollWidth"), 390)
        self.check_quiet(page)

    def test_a_user_sees_no_others(self):
        users = "".join(f"[user {name}]\ntoken = {harness.token_hash(name)}\nnamespaces = {what}\naccess = {access}\n"
                        for name, what, access in (("web", "carts", "write"), ("ops", "*", "admin")))
        self.start(INI + users)
        for name, is_seen in (("web", False), ("ops", True)):
            page = self.open(headers={"Authorization": f"Bearer {name}"})
            page.wait(f"document.getElementById('facts').textContent.includes('seen as {name}')")
            for text in ("catalog", "archive", "What happened"):
                self.assertEqual(text.lower() in page.text.lower(), is_seen, text)


if __name__ == "__main__":
    harness.main()
