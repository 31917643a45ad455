#!/usr/bin/env python3
"""`cmake --install` and what it puts there: the program, the units; and its undoing."""

import os
import pathlib
import re
import stat
import subprocess
import unittest

import harness

BUILD = pathlib.Path(harness.CACHESD).parent
SOURCE = harness.ROOT
# A component's manifest has a name of its own: that of the machine's own installation stays.
COMPONENT = "Unspecified"
MANIFEST = BUILD / f"install_manifest_{COMPONENT}.txt"


def run(*command, **options):
    done = harness.run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def files_below(folder):
    return {str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*")}


class Install(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.world.folder

    def install(self, prefix, destdir="", umask=0o022):
        options = {"env": {**os.environ, "DESTDIR": destdir}, "umask": umask}
        command = ["cmake", "--install", BUILD, "--prefix", prefix, "--component", COMPONENT]
        run(*command, **options)

    def read(self, path):
        return pathlib.Path(self.folder, path).read_text()

    def folder_of_systemd(self, variable, otherwise):
        done = harness.run("pkg-config", f"--variable={variable}", "systemd")
        return (done.stdout.strip() or otherwise).lstrip("/")

    def test_under_usr_the_units_are_where_systemds_pkg_config_says(self):
        self.install("/usr", destdir=self.folder)
        units = self.folder_of_systemd("systemdsystemunitdir", "/usr/lib/systemd/system")
        sysusers = self.folder_of_systemd("sysusersdir", "/usr/lib/sysusers.d")
        tmpfiles = self.folder_of_systemd("tmpfilesdir", "/usr/lib/tmpfiles.d")
        catalog = self.folder_of_systemd("catalogdir", "/usr/lib/systemd/catalog")
        service = self.read(f"{units}/cachesd.service")
        self.assertIn("ExecStart=/usr/bin/cachesd -c", service)
        self.assertRegex(service, "ExecReload=.* /usr/bin/cachesd -t -c")
        self.assertIn("file:///usr/share/doc/cachesd/cachesd.ini", service)
        for path in (f"{units}/cachesd.socket", f"{sysusers}/cachesd.conf",
                     f"{tmpfiles}/cachesd.conf", f"{catalog}/cachesd.catalog", "usr/bin/cachesd", "usr/bin/caches",
                     "usr/share/bash-completion/completions/caches", "usr/share/zsh/vendor-completions/_caches",
                     "usr/share/fish/vendor_completions.d/caches.fish",
                     "usr/share/bash-completion/completions/caches", "usr/share/zsh/vendor-completions/_caches",
                     "usr/share/fish/vendor_completions.d/caches.fish",
                     "usr/share/doc/cachesd/EVENTS.md", "usr/share/doc/cachesd/METRICS.md"):
            self.assertIn(path, files_below(self.folder))

    def test_under_another_prefix_the_units_are_below_it_and_name_it(self):
        self.install("/usr/local", destdir=self.folder)
        service = self.read("usr/local/lib/systemd/system/cachesd.service")
        self.assertIn("ExecStart=/usr/local/bin/cachesd -c", service)
        self.assertNotIn("@", re.sub(r"=[~@].*", "", service))
        found = files_below(self.folder)
        self.assertEqual({path for path in found if not path.startswith("usr/local")}, {"usr"})
        self.assertIn("usr/local/lib/sysusers.d/cachesd.conf", found)
        self.assertIn("usr/local/lib/tmpfiles.d/cachesd.conf", found)
        self.assertIn("usr/local/lib/systemd/catalog/cachesd.catalog", found)

    def test_everybody_may_read_it_whatever_the_umask(self):
        for usual in ("usr/share/doc", "usr/share/man", "usr/lib/systemd/system", "usr/lib/systemd/catalog", "usr/lib/sysusers.d",
                      "usr/lib/tmpfiles.d", "usr/bin", "lib/systemd/system"):
            run("install", "-d", f"{self.folder}/{usual}")
        self.install("/usr", destdir=self.folder, umask=0o077)
        for path in pathlib.Path(self.folder, "usr").rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = 0o755 if path.is_dir() or path.parent.name == "bin" else 0o644
            self.assertEqual(oct(mode), oct(wanted), path)

    def test_uninstall_removes_what_install_has_put_there_and_nothing_else(self):
        others = pathlib.Path(self.folder, "usr/share/doc/other/README")
        others.parent.mkdir(parents=True)
        others.write_text("of another package")
        self.install("/usr", destdir=self.folder)
        command = ["cmake", f"-DMANIFEST={MANIFEST}", "-P", SOURCE / "systemd" / "uninstall.cmake"]
        run(*command, env={**os.environ, "DESTDIR": self.folder})
        left = files_below(self.folder)
        self.assertEqual([path for path in left if "cachesd" in path], [])
        self.assertIn("usr/share/doc/other/README", left)

    def analyze(self, *arguments):
        return subprocess.run(
            ["systemd-analyze", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def test_the_units_are_clean(self):
        self.install(f"{self.folder}/usr")
        units = f"{self.folder}/usr/lib/systemd/system"
        done = self.analyze("verify", f"{units}/cachesd.service", f"{units}/cachesd.socket")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_service_is_hardened(self):
        self.install(f"{self.folder}/usr")
        service = f"{self.folder}/usr/lib/systemd/system/cachesd.service"
        done = self.analyze("security", "--offline=true", "--no-pager", service)
        score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertLessEqual(float(score[1]), 1.5)

    def test_who_may_connect_may_not_read_the_configuration(self):
        """The sockets' group is another than the one that `install -g` of docs/service.md gives the file."""
        self.install(f"{self.folder}/usr")
        units = "usr/lib/systemd/system"
        page = (SOURCE / "docs" / "service.md").read_text()
        readers = re.search(r"install -D .* -g (\S+) conf/", page)[1]
        sockets = re.search(r"^SocketGroup=(\S+)", self.read(f"{units}/cachesd.socket"), re.M)[1]
        own = re.search(r"^Group=(\S+)", self.read(f"{units}/cachesd.service"), re.M)[1]
        joined = re.search(r"usermod -aG (\S+) ", page)[1]
        self.assertEqual({sockets, own, joined}, {"cachesd-clients"})
        self.assertNotEqual(readers, "cachesd-clients")
        self.assertIn("g cachesd-clients", self.read("usr/lib/sysusers.d/cachesd.conf"))


class Hardening(unittest.TestCase):
    def test_the_plain_build_has_what_costs_nothing(self):
        if re.search(r"^SANITIZE:\w+=.", (BUILD / "CMakeCache.txt").read_text(), re.M):
            self.skipTest("a sanitizer sees more without")
        seen = run("readelf", "--wide", "--file-header", "--dynamic", "--dyn-syms", harness.CACHESD)
        self.assertRegex(seen, r"Type: +DYN .*Position-Independent")
        self.assertRegex(seen, r"Flags: .*\bNOW\b")
        self.assertRegex(seen, r"__\w+_chk@")


class Packages(harness.TestCase):
    def check(self, files, **environment):
        for file, place in files.items():
            path = pathlib.Path(self.world.folder, place)
            path.parent.mkdir(exist_ok=True)
            path.write_text((SOURCE / file).read_text())
        first = f"{self.world.folder}/{next(iter(files.values()))}"
        done = harness.run(*harness.DAEMON, "-t", "-c", first, env={**os.environ, **environment})
        self.assertEqual((done.returncode, done.stderr), (0, f"{first}: good\n"))

    def test_the_configuration_of_the_package_is_good(self):
        self.check({"debian/cachesd.ini": "cachesd.ini", "debian/demo.ini": "conf.d/demo.ini"})

    def test_the_configuration_of_the_container_is_good_with_a_backend(self):
        self.check({"contrib/container/cachesd.ini": "cachesd.ini"}, CACHES_DSN="redis://127.0.0.1:6379/0#main")

    def test_the_package_is_built_with_the_libraries_that_dev_installs(self):
        installed = re.search(r"^run_packages=\((.*?)\)", (SOURCE / "dev").read_text(), re.M | re.S)[1]
        control = (SOURCE / "debian" / "control").read_text()
        needed = re.search(r"^Build-Depends:(.*?)\n\n", control, re.M | re.S)[1]
        self.assertEqual({name for name in installed.split() if name.endswith("-dev")},
                         set(re.findall(r"lib[\w-]+-dev", needed)))


if __name__ == "__main__":
    harness.main()
