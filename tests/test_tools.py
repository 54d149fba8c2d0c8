"""The commands find the right Python, and say in one line what to do where there is none; the benchmark script measures and reports.

Run by `make test` with the base Python, COLUBER (the executable) and COLUBER_EXT (the extension module's folder).
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock
import xml.etree.ElementTree
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import bench  # noqa: E402
import catalogue  # noqa: E402
import fetch  # noqa: E402
import report  # noqa: E402
import run_regrtest  # noqa: E402
import run_tests  # noqa: E402

BASE = os.path.realpath(sys.executable)
MADE = {"exits.txt", "build/ext", "build/bench", "build/regrtest", "target/release/coluber"}  # by `make`, and by a dump


def script(folder, name, body):
    """A command for a PATH that holds only what a test puts there."""
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


class FindPython(unittest.TestCase):
    """Runs tools/find-python with a PATH that holds only what a test puts there."""

    def setUp(self):
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for tool in "sh", "id", "mktemp", "grep", "tail", "rm":
            self.link(tool)

    def link(self, tool):
        (self.path / tool).symlink_to(shutil.which(tool))

    def script(self, name, body):
        script(self.path, name, body)

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


class BuildLibrary(unittest.TestCase):
    """The library is compiled with the profile that was made with the same rustc, or without one."""

    def flags(self, release, **variables):
        """What `tools/build-library` hands cargo beside a rustc of this version."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            script(folder, "rustc", f"echo release: {release}; echo host: x86_64-unknown-linux-gnu")
            script(folder, "cargo", 'echo "$CARGO_ENCODED_RUSTFLAGS"')
            plain = {name: value for name, value in os.environ.items() if "RUST" not in name and name != "CARGO"}
            environment = plain | {"PATH": f"{folder}:{os.environ['PATH']}"} | variables
            return subprocess.run([ROOT / "tools/build-library"], env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def test_the_profile_of_that_version_is_used(self):
        profiles = list((ROOT / "tools/link-python").glob("rustc-*-x86_64.profdata"))
        self.assertTrue(profiles)
        for profile in profiles:
            release = profile.name.split("-")[1]
            self.assertEqual(self.flags(release).split("\x1f")[0], f"-Cprofile-use={profile}")
            self.assertEqual(self.flags(release, RUSTFLAGS="-g"), "", "flags of one's own are not mixed with ours")
        self.assertEqual(self.flags("1.0.0"), "")


class Counting(unittest.TestCase):
    """`make test` adds up what its steps say."""

    def test_each_kind_of_step_is_counted(self):
        cargo = "test result: ok. 9 passed; 0 failed; 1 ignored\n\ntest result: FAILED. 2 passed; 3 failed; 0 ignored\n"
        self.assertEqual(run_tests.counted(run_tests.CARGO, cargo), (11, 3))
        self.assertEqual(run_tests.counted(run_tests.OURS, "FAILED x\n30 passed, 2 failed\n"), (30, 2))
        unit = "...\nRan 25 tests in 7.003s\n\nFAILED (failures=1, errors=2, skipped=3)\n"
        self.assertEqual(run_tests.counted(run_tests.UNITTEST, unit), (19, 3))
        self.assertEqual(run_tests.counted(run_tests.UNITTEST, "Ran 1 test in 0.1s\n\nOK\n"), (1, 0))


class Scripted:
    """A side of a comparison that answers what it was told to: outcomes of one test, or how the file ended."""

    def __init__(self, *outcomes, ordinary=None, again=None):
        self.outcomes, self.side, self.again, self.ordinary = list(outcomes), self, again or self, ordinary

    def run(self, name):
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, dict):
            return run_regrtest.Outcome("ended well", 0.1, outcome, {name: []}, {})
        return run_regrtest.Outcome(outcome, 0.1, {}, {name: []}, {})


class RegressionSuite(unittest.TestCase):
    """`make regrtest` sees what differs, and tells it from what only wavers."""

    def check(self, base, ours):
        report = run_regrtest.check("test_x", Scripted(*base), Scripted(*ours))
        return report.different, report.flaky

    def hunt(self, body, *python, runs="2:3"):
        """What the hunt for leaks says of a test file with one test."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        pathlib.Path(folder, "test_one.py").write_text(
            f"import ctypes, unittest\nclass T(unittest.TestCase):\n    def test(self):\n        {body}\n"
        )
        report = str(pathlib.Path(folder, "junit.xml"))
        command = [*(python or [BASE]), str(run_regrtest.LEAKS), "-R", runs, "--junit-xml", report, "--testdir", folder, "test_one"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        self.assertEqual(pathlib.Path(report).read_text().count("<testcase"), 1)
        return done.returncode, done.stderr

    def test_the_hunt_for_leaks_finds_references_that_cost_no_memory(self):
        self.assertEqual(self.hunt("ctypes.py_object(None)")[0], 0)  # what it reports is no leak
        status, said = self.hunt("for i in range(9): ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))")
        self.assertEqual(status, 2)
        self.assertIn("test_one leaked [9, 9, 9] references, sum=27", said)

    def test_code_that_gets_warm_in_the_counted_runs_is_no_leak_and_a_block_is_one(self):
        coluber = os.environ["COLUBER"], "-X", "jit=off"
        made = "for function in ctypes.late: [function() for i in range(7)]"  # warm in the fourth run
        body = f"vars(ctypes).setdefault('late', [eval('lambda: None') for i in range(50)])\n        {made}"
        self.assertEqual(self.hunt(body, *coluber)[0], 0)
        # In the first runs free lists fill: of dead ints, say.
        status, said = self.hunt("ctypes.pythonapi.PyMem_Malloc(8)", *coluber, runs="4:3")
        self.assertEqual(status, 2)
        self.assertIn("test_one leaked [1, 1, 1] memory blocks, sum=3", said)

    def test_what_a_trace_embeds_is_no_leak(self):
        coluber = os.environ["COLUBER"], "-X", "jit=on", "-X", "jit-threshold=30"
        made = "for function in ctypes.late: [function(i) for i in range(3)]"  # 12 turns of each loop: compiled in the third run
        loop = "exec('def f(x):\\n while x < 12:\\n  x = abs(x) + 1', {}, found := {}) or found['f']"
        self.assertEqual(self.hunt(f"vars(ctypes).setdefault('late', [{loop} for i in range(20)])\n        {made}", *coluber)[0], 0)

    def test_the_base_hunts_for_leaks_only_where_its_ordinary_run_came_to_something_else(self):
        well, leaks = {"a": "passed"}, {"a": "failed"}
        base = Scripted(ordinary=Scripted(well))
        self.assertEqual(run_regrtest.check("test_x", base, Scripted(well)).different, {})
        base = Scripted(leaks, ordinary=Scripted(well))
        self.assertEqual(run_regrtest.check("test_x", base, Scripted(leaks)).different, {})
        base = Scripted(well, well, ordinary=Scripted(well))
        report = run_regrtest.check("test_x", base, Scripted(leaks, leaks))
        self.assertEqual(report.different, {"a": ("passed", "failed")})

    def test_what_leaks_no_more_after_a_longer_warm_up_is_no_leak(self):
        well, leaks = {"a": "passed"}, {"a": "failed"}

        def hunt(longer):
            base = Scripted(well, ordinary=Scripted(well), again=Scripted(well))
            return run_regrtest.check("test_x", base, Scripted(leaks, again=Scripted(longer))).different

        self.assertEqual(hunt(well), {})
        self.assertEqual(hunt(leaks), {"a": ("passed", "failed")})
        once = run_regrtest.hunter(BASE, {}, ["-v"], 9, (3, 5))
        self.assertEqual((once.options, once.seconds), (["-v", "-R", "3:5"], 9))
        self.assertEqual((once.again.options, once.again.seconds), (["-v", "-R", "12:5"], 36))

    def test_what_another_hunter_found_under_the_base_is_not_believed(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        hunters = folder / "find_leaks.py"

        def kept(text):
            hunters.write_text(text)
            return run_regrtest.Base(run_regrtest.hunter(BASE, {}, [], 9, (3, 3)), False).folder

        with unittest.mock.patch.multiple(run_regrtest, LEAKS=hunters, KEPT=folder / "kept"):
            self.assertNotEqual(kept("blind"), kept("mended"))
            self.assertEqual(kept("mended"), kept("mended"))

    def test_the_same_outcome_is_no_difference_not_even_a_failure(self):
        self.assertEqual(self.check([{"a": "failed"}], [{"a": "failed"}]), ({}, {}))
        self.assertEqual(self.check(["no end within 1 s"], ["no end within 1 s"]), ({}, {}))

    def test_what_differs_twice_differs(self):
        base, ours = {"a": "passed", "b": "passed", "c": "skipped"}, {"a": "failed", "c": "passed"}
        expected = {"a": ("passed", "failed"), "b": ("passed", run_regrtest.ABSENT), "c": ("skipped", "passed")}
        self.assertEqual(self.check([base] * 2, [ours] * 2), (expected, {}))

    def test_what_wavers_on_either_side_is_flaky(self):
        pair = {"a": ("passed", "failed")}
        self.assertEqual(self.check([{"a": "passed"}] * 2, [{"a": "failed"}, {"a": "passed"}]), ({}, pair))
        self.assertEqual(self.check([{"a": "passed"}, {"a": "failed"}], [{"a": "failed"}] * 2), ({}, pair))

    def test_a_crash_differs_however_seldom_it_comes(self):
        pair = {"test_x": ("ended well", "died of SIGSEGV")}
        self.assertEqual(self.check([{"a": "passed"}] * 2, ["died of SIGSEGV"] * 2), (pair, {}))
        self.assertEqual(self.check([{"a": "passed"}] * 2, ["died of SIGSEGV", {"a": "passed"}]), (pair, {}))

    def test_an_expected_difference_is_taken_out_and_missed_when_it_is_gone(self):
        outcome = run_regrtest.Outcome("ended well", 0.1, {"test_x.A.a": "passed"}, {}, {})
        report = run_regrtest.Report("test_x", 1, {"test_x.A.a": ("passed", "failed")}, {}, outcome, outcome)
        there, gone, other = (run_regrtest.Expected(pattern, True) for pattern in ("test_x.*.a", "test_x.*.a", "test_y.*"))
        there.take(report)
        self.assertEqual((report.different, there.gone()), ({}, False))
        gone.take(report)
        other.take(report)
        self.assertTrue(gone.gone())
        self.assertFalse(other.gone())  # it did not run

    def test_what_the_base_did_is_kept_until_a_refresh(self):
        kept = run_regrtest.KEPT
        self.addCleanup(setattr, run_regrtest, "KEPT", kept)
        run_regrtest.KEPT = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        side = self.executable("exit 2")
        outcome = run_regrtest.Base(side, False).run("test_x")
        pathlib.Path(side.executable).write_text("#!/bin/sh\n")
        self.assertEqual(run_regrtest.Base(side, False).run("test_x"), outcome)
        self.assertEqual(run_regrtest.Base(side, True).run("test_x").file, "ended well")

    def executable(self, body):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "python"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return run_regrtest.Side(str(path), {}, [], 1)

    def test_crashes_and_endless_files_are_told(self):
        crash = self.executable("echo last words; kill -SEGV $$").run("test_x")
        self.assertEqual((crash.file, crash.said["test_x"]), ("died of SIGSEGV", ["last words"]))
        self.assertEqual(self.executable("sleep 60").run("test_x").file, "no end within 1 s")
        self.assertEqual(self.executable("exit 3").run("test_x").file, "changed its environment")

    def test_reports_are_read_test_by_test_and_handovers_added_up(self):
        cases = """<testcase name='test.test_x.A.a'/><testcase name='test.test_x.A.b'><failure>gone\x01</failure></testcase>
            <testcase name='test.test_x.A.c'><skipped>no net</skipped></testcase><testcase/>
            <testcase name='test.test_x.A.d'><output>as ever</output></testcase>"""
        side = self.executable(f"""
            for last; do case $previous in --junit-xml) report=$last ;; esac; previous=$last; done
            cat >$report <<'XML'\n<testsuites>{cases}</testsuites>\nXML
            echo '{{"handovers": {{"sub_interpreter": 2}}}}' >${{COLUBER_JIT_STATS%\\%p}}1
            echo '{{"handovers": {{"sub_interpreter": 1, "NOP": 4}}}}' >${{COLUBER_JIT_STATS%\\%p}}2""")
        outcome = side.run("test_x")
        passed = {"test_x.A.a": "passed", "test_x.A.b": "failed", "test_x.A.c": "skipped", "test_x.A.d": "failed as expected"}
        self.assertEqual((outcome.tests, outcome.said["test_x.A.b"]), (passed, ["gone?"]))
        self.assertEqual(outcome.handovers, {"sub_interpreter": 3, "NOP": 4})


class Bench(unittest.TestCase):
    """benchmarks/bench.py on one small program, for a moment."""

    COLUMNS = ["off", "on"]

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def bench(self, *arguments):
        command = [sys.executable, str(ROOT / "benchmarks/bench.py"), "--base", sys.executable, "--seconds", "0.05", "--processes", "1", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    def check_report(self, form, *arguments):
        name = self.folder / form
        done = self.bench("--columns", "off,on", "--only", "attribute_updates", "--output", str(name), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertRegex(done.stdout, r"(?m)^attribute_updates +[0-9.]+(\|( +[0-9.]+){2}){4}\| yes( .*)?$")
        self.assertRegex(done.stdout, r"(?m)^memory +on +geomean +[0-9.]+  median +[0-9.]+  worst +[0-9.]+ \(attribute_updates\)  of 1 programs$")

        document = json.loads(name.with_suffix(".json").read_text())
        self.assertEqual((document["form"], document["columns"]), (form, self.COLUMNS))
        (row,) = document["programs"]
        self.assertEqual((row["faults"], row["notes"]), ([], []))
        for column in self.COLUMNS:
            self.assertEqual(row["ratios"][column].keys(), {"steady", "first", "work", "memory"})
            self.assertAlmostEqual(row["ratios"][column]["steady"], row["sides"]["base"]["steady"] / row["sides"][column]["steady"])
            self.assertAlmostEqual(document["summary"]["all"]["work"][column]["geomean"], row["ratios"][column]["work"])
        traces = {column: row["sides"][column]["runs"][0]["statistics"]["traces"] for column in self.COLUMNS}
        self.assertEqual(traces["off"], 0)
        self.assertGreater(traces["on"], 0)

        self.assertRegex(name.with_suffix(".md").read_text(), r"(?m)^\| attribute_updates \|( [0-9.]+ \|){9}$")
        circles = xml.etree.ElementTree.parse(name.with_suffix(".svg")).iter("{http://www.w3.org/2000/svg}circle")
        # One in the legend and one in the program's line for each column.
        self.assertEqual(len(list(circles)), 2 * len(self.COLUMNS))
        return name.with_suffix(".json")

    def test_the_executable_is_measured_and_reported(self):
        file = self.check_report("executable", "--coluber", os.environ["COLUBER"])
        again = subprocess.run([sys.executable, str(ROOT / "benchmarks/report.py"), str(file), str(file)], capture_output=True, text=True)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("\n1 programs, 0 with faults\n", again.stdout)

    def test_the_extension_module_is_measured_and_reported(self):
        self.check_report("extension", "--extension", os.environ["COLUBER_EXT"])

    def test_bad_input_costs_one_line_and_the_status(self):
        for arguments, said in [
            (("--only", "no_such_program"), "no program or group no_such_program"),
            (("--base", "/no/such/python"), "no executable /no/such/python"),
            (("--base", "false"), "does not start"),
            (("--columns", "of"), "no column of"),
            (("--seconds", "0"), "must be more than 0"),
            (("--extension", str(self.folder)), "no extension module"),
        ]:
            done = self.bench("--coluber", os.environ["COLUBER"], "--only", "attribute_updates", *arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
            self.assertIn(said, done.stderr)

    def row(self, body, again=0):
        """A row of a program of this test's own, measured under the base and the executable."""
        path = self.folder / "program.py"
        path.write_text(body)
        program = catalogue.Program("program", "own", str(path), check="_once()", call="iteration")
        program.folders = []
        sides = [bench.Side("base", [sys.executable]), bench.Side("on", [os.environ["COLUBER"]], is_coluber=True)]
        options = types.SimpleNamespace(seconds=0.01, processes=1, again=again, core=None, timeout=60, statistic="best")
        return report.complete(bench.measure(program, sides, options, lambda text: None), ["on"])

    def test_another_result_is_a_fault_and_has_no_ratios(self):
        row = self.row("import sys\ndef iteration(): return sys.executable")
        self.assertEqual((row["faults"], row["ratios"]), (["on: the result differs"], {}))
        row = self.row("import sys\ndef iteration(): print(sys.executable)")
        self.assertEqual((row["faults"], row["ratios"]), (["on: the result differs"], {}))

    def test_what_is_slower_under_coluber_is_measured_again(self):
        sleeps = "import sys, time\ndef iteration(): time.sleep(0.01 if ('coluber' in sys.executable) == %s else 0)"
        for slow, runs in (True, 3), (False, 1):
            sides = self.row(sleeps % slow, again=2)["sides"]
            self.assertEqual([len(side["runs"]) for side in sides.values()], [runs, runs])

    def test_a_program_that_fails_is_a_fault_with_its_last_line(self):
        row = self.row("import sys\ndef iteration():\n  if 'coluber' in sys.executable: raise ValueError('here')")
        self.assertEqual(row["faults"], ["on: status 1: ValueError: here"])

    def test_a_hand_over_is_a_fault_and_tracing_needs_none(self):
        row = self.row("import sys\ndef f(): pass\ndef iteration():\n  sys.settrace(lambda *a: None); f(); sys.settrace(None)")
        self.assertEqual(row["faults"], [])
        run = row["sides"]["on"]["runs"][0]
        self.assertEqual(run["statistics"]["handovers"], {})
        run["statistics"]["handovers"]["CALL"] = 3
        self.assertEqual(report.complete(row, ["on"])["faults"], ["on: handed over to CPython's evaluator: CALL 3"])

    def test_a_peer_that_fails_is_noted_only(self):
        row = self.row("def iteration(): return 1")
        row["sides"]["pypy"] = {"error": "status 1: SyntaxError"}
        row = report.complete(row, ["on", "pypy"])
        self.assertEqual((row["faults"], row["notes"], list(row["ratios"])), ([], ["pypy: status 1: SyntaxError"], ["on"]))

    def test_the_catalogue_names_pinned_packages_and_each_program_once(self):
        programs = catalogue.choose(["all"])
        self.assertEqual(len({p.name for p in programs}), len(programs))
        self.assertLessEqual({name for p in programs for name in p.needs} | {"pyperformance"}, fetch.pins().keys())
        self.assertGreaterEqual(len(catalogue.choose(["pyperformance"])), 30)

    def test_two_measurements_at_once_unpack_the_same_package(self):
        with tempfile.TemporaryDirectory() as folder:
            archive, target = os.path.join(folder, "x.whl"), os.path.join(folder, "x-1")
            with zipfile.ZipFile(archive, "w") as z:
                z.writestr("x/__init__.py", "one = 1\n")
            fetch.unpack(archive, target)
            fetch.unpack(archive, target)
            self.assertEqual(pathlib.Path(target, "x/__init__.py").read_text(), "one = 1\n")
            self.assertEqual(sorted(os.listdir(folder)), ["x-1", "x.whl"])


class Bisect(unittest.TestCase):
    """tools/bisect-program with a coluber that is a script: its fifth trace of nine is wrong unless a part of the optimizer is left out."""

    FAKE = """#!{python}
import json, sys
options = dict(word.partition("=")[::2] for flag, word in zip(sys.argv, sys.argv[1:]) if flag == "-X")
only = options.get("jit-only", "")
compiled_only = {{int(only)}} if only.isdigit() else set(range(1, 10))
compiled = [n for n in range(1, 10) if n <= int(options.get("jit-limit", 9)) and n in compiled_only and options.get("jit") != "off"]
if "jit-dump" in options:
    for n in compiled:
        with open("%s/%04d-f%d-loop.json" % (options["jit-dump"], n, n), "w") as f:
            json.dump({{"function": "f%d" % n, "file": "p.py", "line": 10 * n}}, f)
print("wrong" if 5 in compiled and "{cure}" not in options.get("jit-no-pass", "") else "right")
"""

    def bisect(self, cure, *options):
        with tempfile.TemporaryDirectory() as folder:
            program, fake = pathlib.Path(folder, "p.py"), pathlib.Path(folder, "coluber")
            program.write_text("print('right')\n")
            fake.write_text(self.FAKE.format(python=sys.executable, cure=cure))
            fake.chmod(0o755)
            command = [sys.executable, str(ROOT / "tools/bisect-program"), "--coluber", str(fake), "--base", sys.executable, *options, str(program)]
            return subprocess.run(command, capture_output=True, text=True)

    def test_the_trace_the_function_and_the_part_are_found(self):
        done = self.bisect("cse")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("trace 5 (0005-f5-loop) is the first with which it is wrong: f5, p.py:50", done.stdout)
        self.assertIn("-X jit-only=5: wrong: it is wrong by itself", done.stdout)
        self.assertIn("it is right without cse: look at", done.stdout)

    def test_where_no_part_is_to_blame_it_says_so(self):
        self.assertIn("wrong without any part of the optimizer", self.bisect("nothing").stdout)

    def test_a_program_that_is_right_is_told(self):
        done = self.bisect("cse", "-X", "jit-limit=4")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_it_knows_every_part_of_the_optimizer(self):
        named = re.findall(r'^    \w+ "([\w-]+)";$', (ROOT / "tracer/src/optimizer/parts.rs").read_text(), re.M)
        parts = re.search(r"^PARTS = \((.*)\)$", (ROOT / "tools/bisect-program").read_text(), re.M)[1]
        self.assertEqual(re.findall(r'"([\w-]+)"', parts), named)


class RandomPrograms(unittest.TestCase):
    """tests/random_programs.py with a coluber that is a script: an evaluator in which one method answers wrongly."""

    FAKE = """#!{python}
import subprocess, sys
path = sys.argv[-1]
source = open(path).read()
open(path, "w").write(source.replace("        return self.n\\n\\n    def add", "        return self.n + {error}\\n\\n    def add"))
status = subprocess.run([sys.executable, path]).returncode
open(path, "w").write(source)
sys.exit(status)
"""

    def search(self, error, *options):
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder, "coluber")
            fake.write_text(self.FAKE.format(python=sys.executable, error=error))
            fake.chmod(0o755)
            command = [sys.executable, str(ROOT / "tests/random_programs.py"), "--base", sys.executable, "--coluber", str(fake), *options]
            return subprocess.run(command, capture_output=True, text=True)

    def test_a_difference_is_found_and_the_program_made_smaller(self):
        seed = ["--seed", "46", "--count", "1"]
        whole, small = (self.search(1, "--modes", "on", *seed, "--minimise-seconds", seconds) for seconds in ("0", "10"))
        self.assertEqual((whole.returncode, whole.stderr, small.returncode, small.stderr), (1, "", 1, ""))
        mains = [done.stdout[done.stdout.index("def main(n):") : done.stdout.index("stdout, from line")] for done in (whole, small)]
        self.assertIn("box.get()", mains[1])
        self.assertLess(*(len(main.splitlines()) for main in reversed(mains)))

    def test_frames_that_a_failed_guard_rebuilds_otherwise_are_a_difference(self):
        forced = """#!{python}
import json, subprocess, sys
statistics, = [word.split("=", 1)[1] for word in sys.argv if word.startswith("jit-stats=")]
json.dump({{"forced_guards": {{"differences": ["exit 7: another list"] * {error}}}}}, open(statistics, "w"))
sys.exit(subprocess.run([sys.executable, sys.argv[-1]]).returncode)
"""
        with unittest.mock.patch.object(RandomPrograms, "FAKE", forced):
            equal, different = (self.search(n, "--modes", "guards", "--seed", "46", "--count", "1", "--no-minimise") for n in (0, 1))
        self.assertEqual((equal.returncode, equal.stderr, different.returncode, different.stderr), (0, "", 1, ""))
        self.assertIn("exit 7: another list", different.stdout)

    def test_the_seed_alone_makes_the_program(self):
        command = [sys.executable, str(ROOT / "tests/random_programs.py"), "--show", "--seed", "5", "--count", "20"]
        shown = [subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout for seed in "12"]
        self.assertEqual(*shown)
        self.assertIn(b"# seed 24", shown[0])

    def test_the_same_evaluator_differs_in_nothing(self):
        done = self.search(0, "--modes", "on", "--seed", "900", "--count", "12")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "12 passed, 0 failed"), done.stdout)


class Documents(unittest.TestCase):
    def test_files_that_the_documents_name_exist(self):
        for document in "README.md", "ARCHITECTURE.md", "benchmarks/README.md":
            text = (ROOT / document).read_text()
            named = set(re.findall(r"`((?:[a-z_0-9-]+/)+(?:[a-z_0-9-]+(?:\.[a-z]+)?)?|[a-z_0-9/-]+\.(?:rs|py|md|txt|trace))`", text))
            places = ROOT, (ROOT / document).parent
            missing = {name for name in named if not any((place / name).exists() for place in places)} - MADE
            self.assertEqual(missing, set(), document)
            self.assertGreater(len(named), 2)


if __name__ == "__main__":
    unittest.main()
