#!/usr/bin/env python3
"""The package as a newcomer meets it: installed, or copied; and the programs of its README."""

import ast
import contextlib
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import world

import cachesd

README = (world.PACKAGE / "README.md").read_text()
SCRIPT = """
import asyncio, cachesd as caches
from cachesd import aio
caches.DictCache("installed", data={"a": 1})
@caches.cached(key="k")
async def later():
    return 7
async def main():
    return await later(), await aio.DictCache("installed").get("a")
print(asyncio.run(main()), caches.__file__)
"""
TYPED = """
from cachesd import Cache, DictCache, cached, connect

@cached
def plain(n: int) -> str: return str(n)

@cached(ttl="10m")
def with_options(n: int) -> str: return str(n)

@Cache.cached(key="k")
def of_a_class(n: int) -> str: return str(n)

@cached(Cache, key="k")
async def later(n: int) -> str: return str(n)

async def main() -> str:
    a: str = plain(1) + with_options.refresh(2) + of_a_class(3) + await later(4)
    plain.forget(1)
    plain("x")  # wrong
    with_options()  # wrong
    b: int = of_a_class(1)  # wrong
    with connect() as client:
        client.dict.set("demo", "d", "f", 1, ttl=90)
        client.key.set("demo", "k", None)  # wrong
    return a + str(DictCache("foo")["a"])
"""
PYTHONS = sys.executable, "/usr/bin/python3"


def able(*modules):
    """A Python that has these modules, or None."""
    for python in PYTHONS:
        if subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode == 0:
            return python
    return None


INSTALLER = able("venv", "ensurepip", "setuptools", "wheel")
CHECKER = able("mypy")


class Installed(world.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cachesd-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_in(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    @unittest.skipIf(INSTALLER is None, "needs python3-venv, python3-setuptools and python3-wheel")
    def test_pip_installs_it_without_a_network(self):
        source = self.folder / "source"
        shutil.copytree(world.PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
        commands = re.search(r"```\n(python3 -m venv .*?)```", README, re.S)[1]
        for at, to in (("python3 ", f"{INSTALLER} "), ("./clients/python", str(source))):
            self.assertIn(at, commands)
            commands = commands.replace(at, to)
        self.run_in("sh", "-ec", commands)
        python = str(self.folder / "venv" / "bin" / "python")
        out = self.run_in(python, "-c", SCRIPT)
        self.assertRegex(out, rf"^\(7, 1\) {self.folder}/venv/.*/site-packages/cachesd/__init__.py$")
        found = pathlib.Path(out.split()[-1]).parent
        self.assertEqual({path.name for path in found.glob("*.*")}, {path.name for path in (world.PACKAGE / "cachesd").glob("*.*")})
        self.assertTrue((found / "py.typed").exists())
        self.assertIn(f"Version: {cachesd.__version__}\n", self.run_in(python, "-m", "pip", "show", "cachesd"))

    def test_its_folder_may_be_copied_into_a_program(self):
        shutil.copytree(world.PACKAGE / "cachesd", self.folder / "app" / "vendor" / "cachesd")
        script = re.sub(r"(import|from) (.*)cachesd", r"\1 \2app.vendor.cachesd", SCRIPT)
        script = f"import sys; sys.path.insert(0, {str(self.folder)!r})\n" + script.replace("import asyncio, ", "import asyncio\nimport ")
        self.assertIn("app/vendor", self.run_in(sys.executable, "-I", "-B", "-W", "error", "-c", script))

    def test_version_is_that_of_the_daemon(self):
        for path, pattern in ((world.PACKAGE / "pyproject.toml", r'^version = "(.*)"'), (world.ROOT / "CMakeLists.txt", r"VERSION (\S+) LANG")):
            self.assertEqual(re.search(pattern, path.read_text(), re.M)[1], cachesd.__version__)

    @unittest.skipIf(CHECKER is None, "needs python3-mypy")
    def test_types_are_right(self):
        shutil.copytree(world.PACKAGE / "cachesd", self.folder / "cachesd", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(world.PACKAGE / "pyproject.toml", self.folder)
        self.run_in(CHECKER, "-m", "mypy", "cachesd")
        (self.folder / "program.py").write_text(TYPED)
        done = subprocess.run([CHECKER, "-m", "mypy", "program.py"], cwd=self.folder, capture_output=True, text=True, timeout=120)
        wrong = [number for number, line in enumerate(TYPED.splitlines(), 1) if "# wrong" in line]
        self.assertEqual([int(number) for number in re.findall(r"^program.py:(\d+): error", done.stdout, re.M)], wrong, done.stdout)


class Readme(world.TestCase):
    def test_its_programs_run_and_say_what_it_says(self):
        blocks = re.findall(r"```python\n(.*?)```", README, re.S)
        self.assertGreater(len(blocks), 4)
        names, count, printed = {"__name__": "readme"}, 0, ""
        for block in blocks:
            lines = block.splitlines()
            for statement in ast.parse(block).body:
                expected = promised(lines[statement.end_lineno - 1]) if isinstance(statement, ast.Expr) else None
                if expected is None:
                    with contextlib.redirect_stdout(io.StringIO()) as out:
                        exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
                    printed += out.getvalue()
                else:
                    found = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)
                    self.assertEqual(found, expected[0], ast.unparse(statement))
                    count += 1
        self.assertGreater(count, 7)
        self.assertEqual(printed, "hello\n['hello', 'hello', 'hello']\n10 ann\n20 ben\n")

    def test_every_name_of_the_package_that_it_has_is_there(self):
        for name in set(re.findall(r"cachesd\.(\w+)", README)) - {"sock", "ini"}:
            self.assertTrue(hasattr(cachesd, name), name)


def promised(line):
    """The value in a comment behind an expression, in a tuple, or None."""
    try:
        return (ast.literal_eval(line.rpartition("# ")[2]),)
    except (SyntaxError, ValueError):
        return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
