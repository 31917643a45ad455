#!/usr/bin/env python3
"""The manuals say what is so: held to the options, the command lines, the signals, and the table of verbs."""

import os
import pathlib
import re
import shutil
import signal
import unittest

import harness

SOURCES = harness.ROOT / "docs" / "man"
BUILD = pathlib.Path(harness.CACHESD).parent
BUILT = BUILD / "docs" / "man"
CACHES = BUILD / "caches"
# Signals that a program may have a use for; the others end it, or are its own.
ASKED = {"SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"}
# Asked for by libsystemd, and by OpenSSL.
LIBRARIES = {"LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "SSL_CERT_FILE", "SSL_CERT_DIR"}


def part(text, heading):
    """What stands under a heading of a manual."""
    found = text.partition(f"\n# {heading}\n")[2]
    assert found, f"there is no {heading}"
    return re.split("^# ", found, flags=re.M)[0]


def terms(text, heading):
    """What a section's list explains: the words in bold of each line that begins with such a word."""
    lines = re.findall(r"^(\*.*)$", part(text, heading), re.M)
    return [word for line in lines for word in re.findall(r"\*([^*]+)\*", line)]


def options_of_sample():
    """{section: {option: default}} of the sample, those included that are commented out."""
    found, options = {}, None
    for line in (harness.ROOT / "conf" / "cachesd.ini").read_text().splitlines():
        if heading := re.match(r";?\[(\w+)", line):
            options = found.setdefault(heading[1], {})
        elif option := re.match(r";?(\w+) =(.*)", line):
            options[option[1]] = option[2].strip()
    return found


def options_of_manual(text):
    """The same of cachesd.ini(5)."""
    found = {}
    for heading in re.findall(r"^# (\[\w+.*\])$", text, re.M):
        lines = re.findall(r"^\*(\w+)\* =(.*)$", part(text, heading), re.M)
        found[re.match(r"\[(\w+)", heading)[1]] = {name: value.strip().replace("\\", "") for name, value in lines}
    return found


class Sources(unittest.TestCase):
    def setUp(self):
        self.ini, self.daemon, self.client = (
            (SOURCES / f"{name}.scd").read_text() for name in ("cachesd.ini.5", "cachesd.8", "caches.1"))

    def test_each_option_stands_in_the_manual_with_its_default(self):
        sample, manual = options_of_sample(), options_of_manual(self.ini)
        self.assertEqual(set(sample), set(manual))
        sample["namespace"].update(prefix="NAME:", max_ttl="ttl")  # follow from others: schema.c has no text
        for section, options in sample.items():
            self.assertEqual(manual[section], options, section)

    def test_options_that_need_a_restart_say_so(self):
        with harness.World() as world:
            lines = world.daemon().call("settings").decode().splitlines()
        needing = {re.search(r"option=(\w+)", line)[1] for line in lines if "restart=yes" in line}
        said = re.findall(r"^\*(\w+)\* =.*\n((?:\t.*\n)+)", self.ini, re.M)
        self.assertEqual({name for name, text in said if "needs a restart" in text}, needing)
        operations = (harness.ROOT / "docs" / "operations.md").read_text()
        told = re.search(r"^These options need a restart: (.*?)\. ", operations, re.M)[1]
        self.assertEqual(set(re.findall(r"`(\w+)`", told)), needing)

    def test_the_daemons_options_and_exit_codes_are_those_of_its_help(self):
        usage = harness.run(*harness.DAEMON, "-h").stdout
        self.assertEqual(terms(self.daemon, "OPTIONS"), re.findall(r"^  (-\w)", usage, re.M))
        codes = set(re.findall(r"\b(\d+)\b", usage.partition("It ends with")[2]))
        self.assertEqual(set(terms(self.daemon, "EXIT STATUS")), codes)

    def test_the_daemons_signals_are_those_that_it_takes(self):
        with harness.World() as world:
            status = pathlib.Path(f"/proc/{world.daemon().pid}/status").read_text()
        bits = 0
        for field in ("SigBlk", "SigCgt"):  # caught, or read from a descriptor
            bits |= int(re.search(rf"^{field}:\s*(\w+)", status, re.M)[1], 16)
        taken = {s.name for s in signal.Signals if bits >> (s - 1) & 1} & ASKED
        self.assertEqual(set(terms(self.daemon, "SIGNALS")), taken)

    def test_the_daemons_environment_is_what_it_asks_for(self):
        sources = "\n".join(path.read_text() for folder in ("conf", "daemon") for path in
                            (harness.ROOT / folder).rglob("*.c"))
        said = [name for name in terms(self.daemon, "ENVIRONMENT") if not re.search(r"_\d$", name)]
        for name in said:
            self.assertTrue(f'"{name}' in sources or name in LIBRARIES, f"nobody asks for {name}")
        asked = re.findall(r'(?:getenv|append_variable)\((?:\w+, )?"(\w+)"\)', sources)
        self.assertGreater(len(asked), 3)
        for name in asked:
            self.assertIn(name, [*said, "JOURNAL_STREAM"])

    def test_the_daemons_files_are_those_that_it_uses(self):
        said = re.findall(r"^(\S.*)$", part(self.daemon, "FILES"), re.M)
        usage = harness.run(*harness.DAEMON, "-h").stdout
        runtime = (harness.ROOT / "conf" / "runtime_folder.c").read_text()
        self.assertIn(re.search(r"default (/\S+)", usage)[1], said)
        self.assertIn(options_of_sample()["cachesd"]["listen"].removeprefix("unix:"), said)
        # scenario_command_line.py sees the daemon use these, in that order.
        self.assertIn('"XDG_RUNTIME_DIR"', runtime)
        self.assertIn('"/tmp/cachesd-', runtime)
        self.assertIn("$XDG_RUNTIME_DIR/cachesd.sock, /tmp/cachesd-_UID_/cachesd.sock", said)

    @unittest.skipUnless(CACHES.exists(), "this build has no caches")
    def test_the_clients_options_commands_and_exit_codes_are_those_of_its_help(self):
        usage = harness.run(CACHES, "--help").stdout
        options = usage.partition("\nOptions")[2].partition("It ends with")[0]
        listed = [word for line in re.findall(r"^  (-\S.*?)(?:   |$)", options, re.M)
                  for word in re.findall(r"(?:^|[ ,])(-{1,2}\w[\w-]*)", line)]
        self.assertEqual(sorted(terms(self.client, "OPTIONS")), sorted(listed))
        commands = usage.partition("The commands:\n")[2].partition("\n\n")[0]
        names = [word for line in re.findall(r"^  (\S.*?)(?:   |$)", commands, re.M)
                 for word in re.findall(r"(?:^|, )([a-z]+)", line)]
        self.assertEqual(sorted(terms(self.client, "COMMANDS")), sorted(names))
        codes = set(re.findall(r"\b(\d)\b", usage.partition("It ends with")[2]))
        self.assertEqual(set(terms(self.client, "EXIT STATUS")) - {"-x"}, codes)


class Pages(unittest.TestCase):
    """Those that the build has made."""

    def pages(self):
        made = sorted(BUILT.glob("*.[1-8]"))
        if not made:
            self.skipTest("this build has no manuals: it needs scdoc and lowdown")
        return made

    def test_mandoc_finds_no_fault(self):
        if not shutil.which("mandoc"):
            self.skipTest("needs the package mandoc")
        for page in self.pages():
            done = harness.run("mandoc", "-T", "lint", "-W", "error", page)
            self.assertEqual((done.returncode, done.stdout), (0, ""), page.name)

    def test_each_has_a_name_by_which_it_is_found(self):
        for page in self.pages():
            name, section = page.name.rsplit(".", 1)
            text = page.read_text().replace("\\&", "")
            self.assertRegex(text, rf'(?m)^\.TH "{re.escape(name)}" "{section}"')
            self.assertRegex(text, rf'(?m)^\.SH\s+"?NAME"?\n(\.\w+\n)*{re.escape(name)} (\\-|-) ')

    def test_the_protocols_has_each_verb(self):
        page = BUILT / "caches-protocol.7"
        if not page.exists():
            self.skipTest("this build has no caches-protocol(7): it needs lowdown")
        with harness.World() as world:
            verbs = re.findall(r"^([a-z.]+)", world.daemon().call("help").decode(), re.M)
        self.assertGreater(len(verbs), 50)
        text = page.read_text()
        for verb in verbs:
            self.assertIn(verb, text)

    def test_they_are_installed_where_man_looks(self):
        pages = {f"share/man/man{page.suffix[1:]}/{page.name}" for page in self.pages()}
        with harness.World() as world:
            done = harness.run("cmake", "--install", BUILD, "--prefix", world.folder, "--component", "Unspecified",
                               env={**os.environ, "DESTDIR": ""})
            self.assertEqual(done.returncode, 0, done.stderr)
            found = {str(path.relative_to(world.folder)) for path in pathlib.Path(world.folder).glob("share/man/*/*")}
        self.assertEqual(found, pages)


if __name__ == "__main__":
    harness.main()
