"""The programs of examples/ print the same under coluber as under the base Python, in each mode of the JIT.

Run by `make test` with the base Python; COLUBER is the executable. Small sizes here; `make run` takes the full ones.
"""

import os
import pathlib
import subprocess
import sys
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
COLUBER = os.path.abspath(os.environ["COLUBER"])
SIZES = {"nbody": "3000", "spectral_norm": "40", "mandelbrot": "60"}


class Examples(unittest.TestCase):
    def test_the_output_is_the_same(self):
        self.assertEqual({path.stem for path in EXAMPLES.glob("*.py")}, set(SIZES))
        for name, size in SIZES.items():
            program = [str(EXAMPLES / f"{name}.py"), size]
            expected = subprocess.check_output([sys.executable, *program])
            for mode in "off", "on", "stress":
                with self.subTest(program=name, mode=mode):
                    self.assertEqual(subprocess.check_output([COLUBER, "-X", f"jit={mode}", *program]), expected)


if __name__ == "__main__":
    unittest.main()
