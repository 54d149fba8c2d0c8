"""The commands find the right Python, and say in one line what to do where there is none.

Run by `make test` with the base Python.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import run_tests  # noqa: E402

BASE = os.path.realpath(sys.executable)


class FindPython(unittest.TestCase):
    """Runs tools/find-python with a PATH that holds only what a test puts there."""

    def setUp(self):
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for tool in "sh", "id", "mktemp", "grep", "tail", "rm":
            self.link(tool)

    def link(self, tool):
        (self.path / tool).symlink_to(shutil.which(tool))

    def script(self, name, body):
        (self.path / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.path / name).chmod(0o755)

    def find(self, *arguments, **variables):
        command = [str(ROOT / "tools/find-python"), *arguments]
        return subprocess.run(command, env={"PATH": str(self.path)} | variables, capture_output=True, text=True)

    def assertRemedy(self, done, *words):
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_missing_compiler_is_named_with_its_package(self):
        self.assertRemedy(self.find(PYTHON=BASE), "no C compiler", "apt-get install gcc")

    def test_a_missing_cargo_is_named_with_rustup(self):
        self.link("cc")
        self.assertRemedy(self.find(PYTHON=BASE), "no cargo", "rustup")

    def with_compilers(self):
        self.link("cc")
        self.link("cargo")

    def test_the_given_python_is_taken_or_refused_and_never_replaced(self):
        self.with_compilers()
        self.script("python3.11", f'exec "{BASE}" "$@"')
        self.assertEqual(self.find(PYTHON=BASE).stdout.strip(), BASE)
        self.assertRemedy(self.find(PYTHON="/no/such/python"), "PYTHON=/no/such/python cannot be run")
        self.script("other", 'echo "it is Python 3.12, not 3.11"; exit 3')
        self.assertRemedy(self.find(PYTHON=str(self.path / "other")), "it is Python 3.12, not 3.11", "CPython 3.11 with headers")

    def test_another_version_is_recognized(self):
        self.with_compilers()
        others = [path for path in map(shutil.which, ("python3.9", "python3.10", "python3.12", "python3.13")) if path]
        others = [path for path in others if not subprocess.run([path, "-c", ""], capture_output=True).returncode]
        if not others:
            self.skipTest("no Python of another version on this machine")
        self.assertRemedy(self.find(PYTHON=others[0]), "not 3.11")

    def test_one_on_path_that_does_not_start_is_passed_over(self):
        self.with_compilers()
        self.script("python3.11", "echo 'no such version' >&2; exit 127")
        later = self.path / "later"
        later.mkdir()
        (later / "python3.11").symlink_to(BASE)
        found = self.find("--no-install", PATH=f"{self.path}:{later}").stdout.strip()
        self.assertEqual(os.path.realpath(found), BASE)

    def test_none_at_all_names_what_to_do(self):
        self.with_compilers()
        self.assertRemedy(self.find("--no-install"), "PYTHON=/path/to/python3.11")
        self.assertRemedy(self.find(), "no apt-get here")


class Counting(unittest.TestCase):
    """`make test` adds up what its steps say."""

    def test_each_kind_of_step_is_counted(self):
        cargo = "test result: ok. 9 passed; 0 failed; 1 ignored\n\ntest result: FAILED. 2 passed; 3 failed; 0 ignored\n"
        self.assertEqual(run_tests.counted(run_tests.CARGO, cargo), (11, 3))
        self.assertEqual(run_tests.counted(run_tests.OURS, "FAILED x\n30 passed, 2 failed\n"), (30, 2))
        unit = "...\nRan 25 tests in 7.003s\n\nFAILED (failures=1, errors=2, skipped=3)\n"
        self.assertEqual(run_tests.counted(run_tests.UNITTEST, unit), (19, 3))
        self.assertEqual(run_tests.counted(run_tests.UNITTEST, "Ran 1 test in 0.1s\n\nOK\n"), (1, 0))


class Documents(unittest.TestCase):
    def test_files_that_the_documents_name_exist(self):
        for document in "README.md", "ARCHITECTURE.md":
            text = (ROOT / document).read_text()
            named = set(re.findall(r"`((?:[a-z_0-9-]+/)+(?:[a-z_0-9-]+(?:\.[a-z]+)?)?|[a-z_0-9/-]+\.(?:rs|py|md|txt|trace))`", text))
            # What `make` builds, and what a dump writes.
            missing = {name for name in named if not (ROOT / name).exists()} - {"exits.txt", "build/ext", "target/release/coluber"}
            self.assertEqual(missing, set(), document)
            self.assertGreater(len(named), 2)


if __name__ == "__main__":
    unittest.main()
