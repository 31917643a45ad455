"""The prompt of `caches`, played in a terminal: typing, hints, Tab, history, pastes, sizes."""

import pathlib
import stat

import harness
from terminal import CACHES, NEEDS_TMUX, Terminal

INI = harness.INI + """\
[namespace cookies]
collections = key, set
"""
PROMPT = "caches>"


class Prompt(harness.TestCase):
    """A daemon, and prompts that talk to it."""

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)

    def prompt(self, *options, **how):
        opened = Terminal(self.world, [CACHES, "-s", self.daemon.path, *options], **how)
        self.addCleanup(opened.__exit__, None)
        opened.wait(lambda rows: rows[-1].startswith(PROMPT), "there is a prompt")
        return opened

    def end(self, prompt, code=0):
        prompt.press("C-d")
        prompt.wait_ended(code)


@NEEDS_TMUX
class Typing(Prompt):
    def test_hints_show_what_is_missing_dim_and_only_at_the_end_of_the_line(self):
        prompt = self.prompt(columns=100)
        prompt.type("dict.se")
        prompt.wait_line(f"{PROMPT} dict.set [ttl=] N K F V [F V ...]   stores fields; replies how many are new")
        self.assertEqual(prompt.cursor()[0], len(f"{PROMPT} dict.se"))
        self.assertIn("dict.se\x1b[2mt [ttl=]", prompt.coloured())
        prompt.type("t carts")
        prompt.wait_line(f"{PROMPT} dict.set carts K F V [F V ...]")
        prompt.type(" 7 apples")
        prompt.wait_line(f"{PROMPT} dict.set carts 7 apples V [F V ...]")
        prompt.press("Left")
        prompt.wait_line(f"{PROMPT} dict.set carts 7 apples")
        prompt.press("End")
        prompt.type(" 3")
        prompt.wait_line(f"{PROMPT} dict.set carts 7 apples 3 [F V ...]")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        prompt.press("Enter")
        prompt.wait(lambda rows: rows[-3:] == [f"{PROMPT} dict.set carts 7 apples 3", "1", PROMPT], "it has run")
        self.assertEqual(self.redis.call("HGET", "cart:7", "apples"), b"3")
        prompt.type("dict.ste ")
        prompt.wait_line(f"{PROMPT} dict.ste    did you mean dict.set?")
        prompt.press("C-c")
        prompt.wait_line(PROMPT)
        self.end(prompt)

    def test_hints_are_cut_to_the_room_that_is_left(self):
        prompt = self.prompt(columns=40)
        prompt.type("dict.set")
        prompt.wait_line(f"{PROMPT} dict.set [ttl=] N K F V [F V ..")
        prompt.type(" carts " + "k" * 20)
        prompt.wait(lambda rows: rows[-2:] == [f"{PROMPT} dict.set carts " + "k" * 17, "kkk F V [F V ...]"],
                    "the line goes on in the next row, with its hint")
        prompt.press("C-u")
        prompt.wait_line(PROMPT)
        self.end(prompt)

    def test_tab_completes_verbs_namespaces_options_and_commands_of_its_own(self):
        prompt = self.prompt()
        prompt.type("counter.up")
        prompt.press("Tab")
        prompt.wait_line(f"{PROMPT} counter.update [ttl=] N K F n [F n ...]")
        prompt.type("tt")
        prompt.press("Tab")
        prompt.wait_line(f"{PROMPT} counter.update ttl= N K F n [F n ...]")
        prompt.type("90 ")
        prompt.press("Tab")  # cookies takes no counters
        prompt.wait_line(f"{PROMPT} counter.update ttl=90 carts K F n [F n ...]")
        prompt.press("C-u")
        prompt.type("key.get c")
        prompt.press("Tab")
        prompt.wait(lambda rows: rows[-2:] == ["carts    cookies", f"{PROMPT} key.get c K"], "both are listed")
        prompt.type("o")
        prompt.press("Tab")
        prompt.wait_line(f"{PROMPT} key.get cookies K")
        prompt.press("C-u")
        prompt.type("wat")
        prompt.press("Tab")
        prompt.wait_line(f"{PROMPT} watch [N]")
        prompt.press("C-u")
        prompt.wait_line(PROMPT)
        self.end(prompt)

    def test_letters_of_two_columns_are_typed_sent_and_read_back(self):
        prompt = self.prompt()
        prompt.type("key.set carts größe 日本x語")
        prompt.wait_line(f"{PROMPT} key.set carts größe 日本x語")
        self.assertEqual(prompt.cursor()[0], len(f"{PROMPT} key.set carts größe ") + 7)
        prompt.press("Left", "BSpace")  # the x between them goes
        prompt.wait_line(f"{PROMPT} key.set carts größe 日本語")
        self.assertEqual(prompt.cursor()[0], len(f"{PROMPT} key.set carts größe ") + 4)
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:größe"), "日本語".encode())
        prompt.type("key.get carts größe")
        prompt.press("Enter")
        prompt.wait_shows("日本語")
        self.end(prompt)

    def test_without_a_locale_letters_are_utf8_all_the_same(self):
        prompt = self.prompt(env={"LC_ALL": "C"})
        prompt.type("key.set carts k 日本")
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:k"), "日本".encode())
        self.end(prompt)

    def test_no_colour_means_no_hints_and_no_colours(self):
        for options, env in ([], {"NO_COLOR": "1"}), (["--color=no"], {}):
            with self.subTest(options):
                prompt = self.prompt(*options, env=env)
                prompt.type("key.get")
                prompt.wait_line(f"{PROMPT} key.get")
                prompt.type(" nowhere k")
                prompt.press("Enter")
                prompt.wait_shows("NAMESPACE ")
                self.assertNotIn("\x1b[", prompt.coloured())
                self.end(prompt)


@NEEDS_TMUX
class History(Prompt):
    def history(self):
        return pathlib.Path(self.world.folder, "state/caches/history")

    def test_arrows_and_ctrl_r_find_lines_of_this_prompt_and_of_earlier_ones(self):
        prompt = self.prompt()
        for line in ("key.set carts a 1", "ping", "key.set carts b 2"):
            prompt.type(line)
            prompt.press("Enter")
        prompt.wait(lambda rows: rows[-2:] == ["OK", PROMPT], "all have run")
        self.end(prompt)
        self.assertEqual(stat.S_IMODE(self.history().stat().st_mode), 0o600)
        self.assertEqual(self.history().read_text(), "key.set carts a 1\nping\nkey.set carts b 2\n")
        self.redis.call("FLUSHALL")
        prompt = self.prompt()
        prompt.press("Up", "Up")
        prompt.wait(lambda rows: rows[-1].startswith(f"{PROMPT} ping"), "the line before the last is there")
        prompt.press("C-u", "C-r")
        prompt.type("set carts a")
        prompt.wait(lambda rows: f"{PROMPT} key.set carts a 1" in rows, "Ctrl-R has found it")
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("KEYS", "*"), [b"cart:a"])
        self.end(prompt)

    def test_tokens_are_never_kept(self):
        prompt = self.prompt()
        lines = ["auth web geheim-1", "hello 2 auth web geheim-2", "explain auth web geheim-3",
                 'auth web "geheim-4', '"auth" web geheim-5', "AUTH web geheim-6", "echo kept"]
        for line in lines:
            prompt.type(line)
            prompt.press("Enter")
        prompt.wait_shows(f"{PROMPT} echo kept")
        prompt.wait_line(PROMPT)
        prompt.press("Up", "Up")  # there is but one
        prompt.wait_line(f"{PROMPT} echo kept")
        prompt.press("C-u")
        self.end(prompt)
        self.assertEqual(self.history().read_text(), "echo kept\n")

    def test_a_token_that_is_asked_for_is_not_seen(self):
        prompt = self.prompt()
        prompt.type("auth web")
        prompt.press("Enter")
        prompt.wait_line("Token (not shown):")
        prompt.type("gehx")
        prompt.press("BSpace")
        prompt.paste("eim\n")
        prompt.press("Enter")
        prompt.wait_shows("NOAUTH")
        self.assertNotIn("geh", "\n".join(prompt.lines()))
        self.end(prompt)
        self.assertFalse(self.history().read_text())

    def test_a_token_can_be_mended_and_left_before_it_is_sent(self):
        prompt = self.prompt()
        for keys in (["BSpace", "C-c"], ["ö", "BSpace", "C-d"]):
            prompt.type("auth web")
            prompt.press("Enter")
            prompt.wait_line("Token (not shown):")
            prompt.resize(70 if "C-c" in keys else 80)  # which ends no question
            prompt.press(*keys)
            prompt.wait_line(PROMPT)
        self.assertNotIn("NOAUTH", "\n".join(prompt.lines()))
        self.end(prompt)


@NEEDS_TMUX
class Pastes(Prompt):
    LINES = "key.set carts a 1\nkey.set carts b 2\n"

    def test_pasted_lines_are_shown_and_none_runs_before_the_person_says_so(self):
        prompt = self.prompt()
        prompt.paste(self.LINES)
        prompt.wait_shows("2 lines were pasted, and none has run.")
        self.assertIn("   2  key.set carts b 2", prompt.lines())
        prompt.press("Enter")  # that is not y
        prompt.wait_shows("dropped")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        prompt.type("key.set carts c ")
        prompt.paste("3\n" + self.LINES)  # behind what was typed
        prompt.wait_shows("   1  key.set carts c 3")
        prompt.paste("y")  # a paste is no answer
        prompt.press("y")
        prompt.wait(lambda rows: rows[-2:] == ["OK", PROMPT], "all have run")
        self.assertEqual(sorted(self.redis.call("KEYS", "*")), [b"cart:a", b"cart:b", b"cart:c"])
        self.end(prompt)

    def test_the_first_pasted_line_that_fails_is_the_last_that_runs(self):
        prompt = self.prompt()
        prompt.paste("key.set carts a 1\nkey.set nowhere a 1\npurge carts\n")
        prompt.wait_shows("3 lines were pasted")
        prompt.press("y")
        prompt.wait_shows("stopped there: 1 of 3 lines have not run")
        self.assertEqual(self.redis.call("KEYS", "*"), [b"cart:a"])
        self.end(prompt)

    def test_what_is_no_answer_drops_the_pasted_lines(self):
        prompt = self.prompt()
        for number, key in enumerate(("C-c", "C-d", "é", "n"), 1):
            prompt.paste(self.LINES)
            shown = lambda rows: sum("2 lines were pasted" in row for row in rows) == 1 and PROMPT != rows[-1].rstrip()
            prompt.wait(shown, "they are shown")
            prompt.press(key)
            prompt.wait_line(PROMPT)
            prompt.wait_shows("dropped")
            prompt.type("clear")
            prompt.press("Enter")
            prompt.wait(lambda rows: [row.rstrip() for row in rows] == [PROMPT], "the screen is empty")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.end(prompt)

    def test_a_paste_that_is_too_long_is_dropped_and_told(self):
        prompt = self.prompt()
        path = pathlib.Path(self.world.folder, "long")
        path.write_text("p" * (1024 * 1024 + 9))
        prompt.type("echo ")
        prompt.wait_shows(f"{PROMPT} echo")
        prompt.tmux("load-buffer", str(path))
        prompt.tmux("paste-buffer", "-p", "-r")
        prompt.wait_shows("caches: a paste of more than 1 MB was dropped")
        prompt.type("kept")
        prompt.wait_line(f"{PROMPT} echo kept")
        prompt.press("C-u")
        self.end(prompt)

    def test_a_quote_behind_a_backslash_ends_no_word(self):
        prompt = self.prompt()
        prompt.type('key.set carts a "x\\"')
        prompt.paste("y\nz")
        prompt.wait_line(f'{PROMPT} key.set carts a "x\\"y\\nz')
        prompt.type('"')
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:a"), b'x"y\nz')
        self.end(prompt)

    def test_a_pasted_line_end_runs_nothing(self):
        prompt = self.prompt()
        prompt.type("key.set ")
        prompt.paste("carts a 1\n")
        prompt.wait_line(f"{PROMPT} key.set carts a 1")
        prompt.type("0")
        prompt.wait_line(f"{PROMPT} key.set carts a 10")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:a"), b"10")
        self.end(prompt)

    def test_what_is_pasted_within_quotes_is_data(self):
        prompt = self.prompt()
        prompt.type('key.set carts a "')
        prompt.paste('{"name": "größe"}\nquit\n')
        prompt.wait_line(f'{PROMPT} key.set carts a "{{\\"name\\": \\"größe\\"}}\\nquit\\n')
        prompt.type('"')
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:a"), '{"name": "größe"}\nquit\n'.encode())
        self.end(prompt)


@NEEDS_TMUX
class Sizes(Prompt):
    def test_a_resize_neither_ends_the_prompt_nor_loses_the_line(self):
        prompt = self.prompt(columns=100)
        line = "key.set carts a " + "0123456789" * 6
        prompt.type(line)
        whole = f"{PROMPT} {line}"
        prompt.wait_line(whole)
        for columns in (30, 50, 100, 33):
            prompt.resize(columns)
            rows = [whole[at:at + columns] for at in range(0, len(whole), columns)]
            prompt.wait(lambda seen: seen[-len(rows):] == rows, f"the line is drawn for {columns} columns")
            prompt.press("Home")
            begins = lambda seen: prompt.cursor() == (len(PROMPT) + 1, len(seen) - len(rows))
            prompt.wait(begins, "the cursor finds the line's begin")
            prompt.press("End")
            prompt.wait(lambda _: prompt.cursor()[0] == len(whole) % columns, "and its end")
        prompt.resize(100)
        prompt.type("x")
        prompt.wait_line(whole + "x")
        prompt.press("Enter")
        prompt.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:a"), b"0123456789" * 6 + b"x")
        self.end(prompt)

    def test_a_search_ends_when_something_else_comes(self):
        prompt = self.prompt(columns=60)
        found = f"{PROMPT} key.set carts a 1"
        prompt.type("key.set carts a 1")
        prompt.press("Enter")
        prompt.wait_shows("OK")
        for come in lambda: prompt.resize(50), lambda: prompt.paste("2"):
            prompt.press("C-r")
            prompt.type("carts a")
            prompt.wait(lambda rows: rows[-2:] == [found, "bck:carts a"], "it is found")
            come()
            prompt.wait_gone("bck:")
            prompt.press("C-c")
            prompt.wait_line(PROMPT)
        self.end(prompt)

    def test_ctrl_z_gives_the_terminal_back_until_the_prompt_goes_on(self):
        shell = Terminal(self.world, ["bash", "--norc"], env={"PS1": "shell> "})
        self.addCleanup(shell.__exit__, None)
        shell.wait_line("shell>")
        shell.type(f"{CACHES} -s {self.daemon.path}")
        shell.press("Enter")
        shell.wait_line(PROMPT)
        shell.type("key.set carts a ")
        shell.wait(lambda rows: rows[-1].startswith(f"{PROMPT} key.set carts a"), "the line is there")
        shell.press("C-z")
        shell.wait_line("shell>")
        shell.type("echo shown; fg")
        shell.press("Enter")
        shell.wait_shows("shown")
        shell.wait(lambda rows: rows[-1].startswith(f"{PROMPT} key.set carts a"), "the line is there again")
        shell.type("1")
        shell.press("Enter")
        shell.wait_shows("OK")
        self.assertEqual(self.redis.call("GET", "cart:a"), b"1")
        shell.press("C-d")
        shell.wait_line("shell>")
        shell.press("C-d")
        shell.wait_ended()


@NEEDS_TMUX
class Commands(Prompt):
    def test_help_tells_of_verbs_collections_and_its_own_commands(self):
        prompt = self.prompt(rows=60)
        prompt.type("help")
        prompt.press("Enter")
        prompt.wait_shows("Tab completes, Ctrl-R searches")
        rows = prompt.lines()
        self.assertTrue(any(row.startswith("dict        dict.get") for row in rows), rows)
        self.assertTrue(any(row.startswith("watch [N]") for row in rows), rows)
        prompt.type("help memo.get")
        prompt.press("Enter")
        prompt.wait_shows("memo.get [wait=] N K")
        prompt.type("help SET")
        prompt.press("Enter")
        prompt.wait_shows("    adds members; replies how many are new")
        prompt.type("help xyzzy")
        prompt.press("Enter")
        prompt.wait_shows("VERB ")
        self.end(prompt)

    def test_lines_that_are_no_request_are_told_and_not_sent(self):
        prompt = self.prompt()
        prompt.type('key.set carts a "b')
        prompt.press("Enter")
        prompt.wait_shows("caches: unbalanced quote")
        prompt.type("key.set carts a $5")
        prompt.press("Enter")
        prompt.wait_shows("announces a block")
        prompt.type("exti")
        prompt.press("Enter")
        prompt.wait_shows("did you mean exit?")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        prompt.type("exit")
        prompt.press("Enter")
        prompt.wait_ended()

    def test_quit_ends_the_prompt_and_ctrl_c_does_not(self):
        prompt = self.prompt()
        prompt.type("key.set carts a 1")
        prompt.press("C-c")
        prompt.wait_line(PROMPT)
        prompt.press("Enter")
        prompt.type("quit")
        prompt.press("Enter")
        prompt.wait_ended()
        self.assertEqual(self.redis.call("DBSIZE"), 0)


if __name__ == "__main__":
    harness.main()
