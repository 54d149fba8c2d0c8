"""The executable behaves as python3.11 does on the command line, in a venv, and when it starts itself.

Run by `make test` with the base Python. COLUBER is the executable, COLUBER_EXT the folder of the extension module.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile

COLUBER = os.path.abspath(os.environ["COLUBER"])
EXTENSION = os.path.abspath(os.environ["COLUBER_EXT"])


def run(executable, *arguments, stdin="", cwd=None, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COLUBER", "PYTHON"))}
    return subprocess.run(
        [executable, *arguments], input=stdin, capture_output=True, text=True, cwd=cwd, env=environment | variables, timeout=300
    )


def coluber(*arguments, **how):
    return run(COLUBER, *arguments, **how)


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, name, source):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return str(path)


class CommandLine(Folder):
    def assertSame(self, *arguments, **how):
        """The same output, errors and status as python3.11 has."""
        expected, got = run(sys.executable, *arguments, **how), coluber(*arguments, **how)
        self.assertEqual(got.stdout, expected.stdout)
        self.assertEqual(got.stderr.replace(COLUBER, sys.executable), expected.stderr)
        self.assertEqual(got.returncode, expected.returncode)
        return got

    def test_each_way_of_naming_a_program_works(self):
        show = "import sys; print(__name__, sys.argv, sys.flags, sys.path[0])"
        script = self.write("package/__main__.py", show)
        for arguments in [("-c", show, "x"), (script, "x"), (str(self.folder / "package"), "x"), ("-m", "package", "-x")]:
            self.assertEqual(self.assertSame(*arguments, cwd=self.folder).returncode, 0)
        self.assertSame("-", "x", stdin=show)
        self.assertSame(stdin=show)

    def test_the_prompt_works(self):
        session = "x = 6\nx * 7\n1 / 0\nraise SystemExit(5)\n"
        self.assertEqual(self.assertSame("-i", stdin=session).returncode, 5)

    def test_options_have_pythons_meaning(self):
        show = "import sys, os; print(sys.flags, sys.warnoptions, sys._xoptions, sys.dont_write_bytecode, os.environ.get('A'))"
        for options in [("-I",), ("-E",), ("-s", "-S"), ("-OO", "-B"), ("-X", "dev", "-W", "error"), ("-P", "-b"), ("-X", "utf8=0")]:
            self.assertSame(*options, "-c", show)

    def test_pythons_variables_are_heeded_and_ignored_as_by_python(self):
        (self.folder / "found.py").write_text("print('found')")
        for options in [(), ("-E",), ("-I",)]:
            self.assertSame(*options, "-c", "import found", PYTHONPATH=str(self.folder))
        self.assertSame("-c", "import sys; print(sys.flags.optimize, sys.flags.verbose)", PYTHONOPTIMIZE="2")
        self.assertSame("-c", "x = 1\nbreakpoint()\nprint('on')", PYTHONBREAKPOINT="0")

    def test_errors_look_the_same(self):
        self.assertSame("-c", "def f(): return 1 / 0\nf()")
        self.assertSame("-c", "import sys; sys.exit('message')")
        self.assertSame("-c", "syntax error here")
        self.assertSame(str(self.folder / "missing.py"))
        self.assertSame("-m", "no_such_module_here")
        self.assertSame("-Z")
        self.assertEqual(self.assertSame("-X").returncode, 2)

    def test_a_signal_ends_the_process_as_it_ends_python(self):
        for name in "SIGINT", "SIGSEGV", "SIGTERM", "SIGPIPE":
            number = getattr(signal, name)
            code = f"import os, signal; print(signal.getsignal({number}), flush=True); os.kill(os.getpid(), {number})"
            self.assertSame("-c", code)

    def test_the_version_tells_coluber_apart_only_when_asked(self):
        self.assertSame("-V")
        self.assertSame("-c", "import sys; print(sys.version, sys.implementation, sys.hexversion)")
        base, ours = run(sys.executable, "-VV").stdout, coluber("-VV").stdout
        self.assertTrue(ours.startswith(base))
        self.assertRegex(ours.removeprefix(base), r"^Coluber \d+\.\d+\.\d+\b.*\n$")

    def test_paths_are_the_base_pythons_and_the_executable_is_our_own(self):
        code = """if True:
            import json, site, sys, sysconfig
            print(json.dumps([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.path, sys.platlibdir,
                              site.getsitepackages(), sysconfig.get_paths(), sysconfig.get_config_var("EXT_SUFFIX")]))
            print(sys.executable, sys._base_executable)"""
        expected, got = run(sys.executable, "-c", code), coluber("-c", code)
        self.assertEqual(got.stdout.splitlines()[0], expected.stdout.splitlines()[0])
        self.assertEqual(got.stdout.splitlines()[1], f"{COLUBER} {COLUBER}")

    def test_it_is_found_on_path(self):
        os.symlink(COLUBER, self.folder / "coluber")
        code = "import sys; print(sys.executable, sys.prefix)"
        done = subprocess.run(["coluber", "-c", code], env={"PATH": str(self.folder)}, executable=COLUBER, capture_output=True, text=True)
        self.assertEqual(done.stdout, f"{self.folder}/coluber {sys.base_prefix}\n")

    def test_it_goes_elsewhere_with_its_library(self):
        library = pathlib.Path(COLUBER).with_name("libcoluber.so")
        for file in COLUBER, library:
            shutil.copy(file, self.folder)
        show = "import sys; print([line.split()[-1] for line in open('/proc/self/maps') if 'libcoluber' in line][0], sys.prefix)"
        done = run(str(self.folder / "coluber"), "-c", show)
        self.assertEqual((done.stdout, done.stderr), (f"{self.folder}/libcoluber.so {sys.base_prefix}\n", ""))

    def test_extension_modules_of_the_standard_library_import(self):
        known = [name for name in sys.stdlib_module_names if name not in ("antigravity", "this", "idlelib")]
        code = f"""if True:
            import importlib, warnings
            warnings.simplefilter("ignore")
            for name in {sorted(known)!r}:
                try:
                    importlib.import_module(name)
                except ImportError as error:
                    print(name, error)"""
        self.assertSame("-c", code)


class Options(Folder):
    def test_an_unknown_or_malformed_option_names_the_valid_ones(self):
        calls = [(("-X", "jit-treshold=4"), {}), (("-X", "jit=maybe"), {}), (("-X", "jit"), {}), (("-X", "jit-threshold=x"), {})]
        calls += [((), {"COLUBER_JIT": "maybe"}), ((), {"COLUBER_JIT_TRESHOLD": "4"})]
        for arguments, variables in calls:
            done = coluber(*arguments, "-c", "print('ran')", **variables)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn("jit=on|off|stress, jit-threshold=N, jit-stats[=FILE], jit-dump=DIR", done.stderr)

    def test_the_environment_is_ignored_where_pythons_is(self):
        for option in "-E", "-I":
            self.assertEqual(coluber(option, "-c", "print('ran')", COLUBER_JIT="maybe").stdout, "ran\n")

    def test_statistics_go_to_a_file_as_json_or_to_stderr_as_a_table(self):
        file = self.folder / "stats.json"
        for how in [("-X", f"jit-stats={file}"), {}], [(), {"COLUBER_JIT_STATS": str(file)}]:
            done = coluber(*how[0], "-c", "raise SystemExit(3)", **how[1])
            self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "", ""))
            self.assertLessEqual({"traces", "bridges", "exits"}, json.loads(file.read_text()).keys())
            file.unlink()
        self.assertRegex(coluber("-X", "jit-stats", "-c", "").stderr, r"(?m)^ +traces +\d+$")

    def test_a_forked_child_does_not_write_over_its_parents_statistics(self):
        file = self.folder / "stats.json"
        code = "import os, sys\nif os.fork() == 0: sys.exit()\nos.wait()\nos.remove(%r) if os.path.exists(%r) else None" % ((str(file),) * 2)
        coluber("-X", f"jit-stats={file}", "-c", code)
        self.assertTrue(file.exists())

    def test_a_statistics_file_that_cannot_be_written_costs_one_line_only(self):
        done = coluber("-X", f"jit-stats={self.folder}/no/such/folder", "-c", "raise SystemExit(3)")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (3, 1))

    def test_a_frame_that_was_traced_for_some_turns_is_compiled_afterwards(self):
        script = self.write(
            "traced.py",
            """
            import sys

            def watched(n):
                t = 0
                for i in range(n):
                    if i == 5:
                        sys.settrace(lambda *event: None)
                    if i == 9:
                        sys.settrace(None)
                    t += i & 3
                return t

            print(watched(20000))
            """,
        )
        file = self.folder / "stats.json"
        self.assertEqual(coluber("-X", f"jit-stats={file}", script).stdout, "30000\n")
        statistics = json.loads(file.read_text())
        self.assertEqual(statistics["handovers"], {})
        self.assertGreater(statistics["traces"], 0)
        self.assertGreater(statistics["entries"], 0)

    def test_a_loop_over_a_class_that_keeps_changing_grows_no_chain_of_bridges(self):
        script = self.write(
            "versions.py",
            """
            class Node:
                def get(self):
                    return self.k

            def total(n, changes):
                node, t = Node(), 0
                node.k = 1
                for i in range(n):
                    if i % 300 == 299 and i < 300 * changes:
                        setattr(Node, "x%d" % i, 1)
                    t += node.get()
                return t

            print(total(60000, 100))
            """,
        )
        file = self.folder / "stats.json"
        self.assertEqual(coluber("-X", f"jit-stats={file}", script).stdout, "60000\n")
        statistics = json.loads(file.read_text())
        # What is waited doubles each time, so that a hundred changes cost about seven recordings.
        self.assertLessEqual(statistics["traces"] + statistics["bridges"], 30)
        self.assertIn(statistics["invalidations"], range(3, 12))
        # Once the class is settled, the loop stays in compiled code.
        self.assertEqual(statistics["blacklisted"], 0)
        self.assertLess(statistics["entries"], 500)

    def test_a_dump_shows_each_trace_from_bytecode_to_machine_code(self):
        script = self.write(
            "loop.py",
            """
            def total(n):
                s = 0.0
                for i in range(n):
                    if i % 2:
                        s += i
                    else:
                        s -= 1.5
                return s
            print(total(5000))
            """,
        )
        done = coluber("-X", f"jit-dump={self.folder}/dump", script)
        self.assertEqual((done.stdout, done.stderr), ("6246250.0\n", ""))
        names = sorted(file.name for file in (self.folder / "dump").iterdir())
        self.assertRegex(names[0], r"^0001-total-4-loop\.json$")
        self.assertRegex(names[2], r"^0002-total-\d+-bridge\.json$")
        loop, bridge = ((self.folder / "dump" / name).read_text() for name in (names[1], names[3]))
        for shown in ["FOR_ITER", "guard_type v1, <class range_iterator> @s0", "= float_sub ", "  w0 = float v", "+0  mov"]:
            self.assertIn(shown, loop)
        self.assertRegex(bridge, r"(?m)^continues exit \d+ of 0001-total-4-loop$")
        exits = json.loads((self.folder / "dump" / "exits.json").read_text())
        grown = [row for row in exits if row["bridge"]]
        self.assertEqual([row["bridge"] + ".txt" for row in grown], [names[3]])
        self.assertGreater(grown[0]["count"], 1)

    def test_a_dump_is_the_same_text_each_time(self):
        script = self.write("loop.py", "def f(xs):\n  for x in xs: y = (x * 2, len(xs.__name__))\nf(x for x in [1.5, 2.5] * 1000)\n")
        ir = []
        for name in ["a", "b"]:
            coluber("-X", f"jit-dump={self.folder}/{name}", script)
            files = sorted((self.folder / name).glob("0*.txt"))
            self.assertGreater(len(files), 0)
            ir.append([(file.name, file.read_text().split("---- machine code")[0]) for file in files])
        self.assertEqual(*ir)

    def test_a_dump_folder_that_cannot_be_written_is_refused_in_one_line(self):
        done = coluber("-X", f"jit-dump={self.write('file', '')}", "-c", "print(1)")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^coluber: cannot write dumps to .*/file: it is not a folder\n$")

    def test_help_on_x_options_names_ours_after_pythons(self):
        done = coluber("--help-xoptions")
        self.assertTrue(done.stdout.startswith(run(sys.executable, "--help-xoptions").stdout))
        self.assertIn("jit-threshold=N", done.stdout)


class Package(Folder):
    def test_the_package_is_there_without_any_path(self):
        for options in [(), ("-I",), ("-S", "-I"), ("-X", "frozen_modules=off")]:
            code = "import coluber; from coluber import jit; jit.disable(); jit.enable(); print(jit.stats()['traces'], coluber.__version__)"
            self.assertRegex(coluber(*options, "-c", code).stdout, r"^\d+ \d+\.\d+\.\d+\n$")

    def test_the_package_looks_like_any_other(self):
        code = """if True:
            import coluber.jit, importlib, inspect, sys
            print(coluber.jit is sys.modules["coluber.jit"], coluber.jit.__name__, coluber.jit.__package__)
            print([name for name in vars(coluber) if name[:2] != "__"], [name for name in vars(coluber.jit) if name[0] != "_"])
            print(inspect.signature(coluber.jit.enable), inspect.getdoc(coluber.jit.enable).splitlines()[0])
            print(importlib.reload(coluber) is coluber, coluber.jit is sys.modules["coluber.jit"], coluber.jit.stats()["traces"] >= 0)
            from coluber import *
            print(jit is coluber.jit)
        """
        expected = [
            "True coluber.jit coluber",
            "['jit'] ['enable', 'disable', 'stats']",
            "() Run frames that start from now on under Coluber's evaluator.",
            "True True True",
            "True",
        ]
        for done in coluber("-c", code), run(sys.executable, "-c", code, PYTHONPATH=EXTENSION):
            self.assertEqual((done.stdout.splitlines(), done.stderr), (expected, ""))

    def test_statistics_count_the_code_objects_that_are_warm_and_live(self):
        code = """if True:
            from coluber import jit
            jit.stats()
            before = jit.stats()["code_objects"]
            functions = [eval("lambda: None") for i in range(500)]
            for turn in range(100):
                for function in functions:
                    function()
            warm = jit.stats()["code_objects"]
            del function, functions
            print(warm - before >= 500, jit.stats()["code_objects"] - before < 20)
        """
        self.assertEqual(coluber("-c", code).stdout, "True True\n")

    def test_the_extension_module_works_in_a_stock_python(self):
        code = "import coluber; coluber.jit.enable(); print(sum(i for i in range(99))); print('traces' in coluber.jit.stats())"
        done = run(sys.executable, "-c", code, PYTHONPATH=EXTENSION)
        self.assertEqual((done.stdout, done.stderr), ("4851\nTrue\n", ""))

    def test_the_extension_modules_check_of_the_python_leaves_nothing_and_shows_nothing(self):
        code = """if True:
            import gc, sys
            seen = []
            sys.settrace(lambda frame, event, arg: seen.append(frame.f_globals.get("__name__")))
            import coluber
            coluber.jit.enable()
            (lambda: None)()
            gc.collect()
            sys.settrace(None)
            left = any(getattr(o, "__module__", None) == "coluber.check" for o in gc.get_objects())
            print("__main__" in seen, "coluber.check" in seen, left)
        """
        self.assertEqual(run(sys.executable, "-c", code, PYTHONPATH=EXTENSION).stdout, "True False False\n")

    def test_the_extension_module_reads_and_checks_options(self):
        code = "import coluber; coluber.jit.enable()"
        for arguments, variables in [(("-X", "jit=maybe"), {}), ((), {"COLUBER_JIT": "maybe"})]:
            done = run(sys.executable, *arguments, "-c", code, PYTHONPATH=EXTENSION, **variables)
            self.assertIn("ValueError: malformed option", done.stderr)
        done = run(sys.executable, "-X", "jit-stats", "-c", code, PYTHONPATH=EXTENSION)
        self.assertIn("traces", done.stderr)


class Children(Folder):
    """Whatever starts Python again starts coluber again."""

    def test_subprocess(self):
        code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys, coluber; print(sys.executable)'])"
        self.assertEqual(coluber("-c", code).stdout, f"{COLUBER}\n")

    def test_multiprocessing(self):
        script = self.write(
            "pool.py",
            """
            import multiprocessing
            import sys

            def work(number):
                import coluber
                return number * number, sys.executable

            if __name__ == "__main__":
                with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                    print(pool.map(work, range(4)))
            """,
        )
        for method in "fork", "spawn", "forkserver":
            done = coluber(script, method)
            self.assertEqual(done.stdout, f"{[(number * number, COLUBER) for number in range(4)]}\n", done.stderr)


class Venv(Folder):
    def check(self, *options):
        done = coluber("-m", "venv", *options, str(self.folder / "venv"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        binaries = self.folder / "venv/bin"
        code = "import sys, coluber; print(sys.executable, sys.prefix, sys.base_prefix, any('site-packages' in p for p in sys.path))"
        for name in "python", "python3", "python3.11":
            got = run(str(binaries / name), "-c", code).stdout
            self.assertEqual(got, f"{binaries / name} {self.folder / 'venv'} {sys.base_prefix} True\n")
        return binaries

    def test_a_venv_has_coluber_and_pip(self):
        binaries = self.check()
        done = run(str(binaries / "pip"), "list", "--disable-pip-version-check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^pip +\d")
        tags = run(str(binaries / "pip"), "debug", "--verbose", "--disable-pip-version-check").stdout
        self.assertRegex(tags, r"\bcp311-cp311-")

    def test_pip_installs_a_package_into_the_venv(self):
        binaries = self.check()
        wheel = self.folder / "thing-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("thing.py", "import sys\ndef main(): print(sys.executable)\n")
            archive.writestr("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
            archive.writestr("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr("thing-1.dist-info/entry_points.txt", "[console_scripts]\nthing = thing:main\n")
            archive.writestr("thing-1.dist-info/RECORD", "")
        done = run(str(binaries / "pip"), "install", "--no-index", "--disable-pip-version-check", str(wheel))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        executable = pathlib.Path(run(str(binaries / "thing")).stdout.strip())
        self.assertEqual((executable.parent, executable.resolve()), (binaries, pathlib.Path(COLUBER).resolve()))

    def test_a_venv_of_copies(self):
        self.check("--copies", "--without-pip")

    def test_a_venv_made_inside_a_venv(self):
        binaries = self.check("--without-pip")
        inner = self.folder / "inner"
        self.assertEqual(run(str(binaries / "python"), "-m", "venv", "--without-pip", str(inner)).returncode, 0)
        code = "import sys, coluber; print(sys.prefix, sys.base_prefix)"
        self.assertEqual(run(str(inner / "bin/python"), "-c", code).stdout, f"{inner} {sys.base_prefix}\n")


if __name__ == "__main__":
    unittest.main()
