"""The table of benchmark programs: name, group, where it is, how it is started, how its result is checked.

Who uses it: `bench.py`. A program of our own is a file in `programs/` with a function `iteration()`; it is found by itself and its
returned value is the check. Of pyperformance's, each line says the folder, the arguments, and an expression for the final check.
Groups: `own`, `numeric` (pyperformance's numeric programs) and `mixed` (others of pyperformance's); `pyperformance` is both of these.
"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (group, folder, arguments, check)
# The check is evaluated after the measurement, in the program's namespace, so it calls functions that are hot by then.
PYPERFORMANCE = {
    "nbody": ("numeric", "nbody", [], None),
    "spectral_norm": ("numeric", "spectral_norm", [], "eval_AtA_times_u([1.0] * 40)"),
    "fannkuch": ("numeric", "fannkuch", [], "[fannkuch(n) for n in range(3, 8)]"),
    "float": ("numeric", "float", [], "benchmark(500)"),
    "scimark_sor": ("numeric", "scimark", ["sor"], "(lambda G: (SOR_execute(1.25, G, 3, Array2D), list(G.data)))(Random(7).RandomMatrix(Array2D(20, 20)))"),
    "scimark_sparse_mat_mult": ("numeric", "scimark", ["sparse_mat_mult"],
                                "(lambda y: SparseCompRow_matmult(3, y, [1.5, 2.0, 3.0], [0, 1, 3, 3], [0, 1, 2], [0.5, 0.25, 4.0], 2) and list(y))(array('d', [0]) * 3)"),
    "scimark_monte_carlo": ("numeric", "scimark", ["monte_carlo"], "MonteCarlo(5000)"),
    "scimark_lu": ("numeric", "scimark", ["lu"],
                   "(lambda A, p: (LU_factor(A, p), [list(r) for r in A.data], list(p)))(Random(7).RandomMatrix(ArrayList(30, 30)), array('i', [0]) * 30)"),
    "scimark_fft": ("numeric", "scimark", ["fft"], "(lambda x: (FFT_transform(64, x), list(x)))(Random(7).RandomVector(64))"),
    "pidigits": ("numeric", "pidigits", [], "calc_ndigits(100)"),
    "barnes_hut": ("numeric", "barnes_hut", [], "calculate_system_energy(create_deterministic_galaxy(30, 500, 400))"),
    # The generator is seeded in each iteration, so its next number tells whether each iteration took the same path.
    "chaos": ("numeric", "chaos", [], "random.random()"),
    "raytrace": ("numeric", "raytrace", [], "(bench_raytrace(1, 40, 40, _file), open(_file, 'rb').read())[1]"),
    "nqueens": ("numeric", "nqueens", [], "[bench_n_queens(n) for n in (4, 5, 6)]"),
    "mdp": ("mixed", "mdp", [], None),
    "hexiom": ("mixed", "hexiom", [], None),
    "meteor_contest": ("mixed", "meteor_contest", [], None),
    "deltablue": ("mixed", "deltablue", [], None),
    "richards": ("mixed", "richards", [], None),
    "richards_super": ("mixed", "richards_super", [], None),
    "go": ("mixed", "go", [], "random.random()"),
    "telco": ("mixed", "telco", [], None),
    "pyflate": ("mixed", "pyflate", [], None),
    "generators": ("mixed", "generators", [], "list(tree(range(100)))"),
    "comprehensions": ("mixed", "comprehensions", [], None),
    "coroutines": ("mixed", "coroutines", [], None),
    "unpack_sequence": ("mixed", "unpack_sequence", [], None),
}


class Program:
    def __init__(self, name, group, path, argv=(), check=None):
        self.name, self.group, self.path, self.argv, self.check = name, group, path, list(argv), check


def own():
    folder = os.path.join(HERE, "programs")
    return [Program(f[:-3], "own", os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith(".py")]


def pyperformance(folder):
    """`folder` is what fetch_pyperformance prints."""
    return [Program(name, group, os.path.join(folder, "bm_" + where, "run_benchmark.py"), argv, check)
            for name, (group, where, argv, check) in PYPERFORMANCE.items()]


def choose(wanted, fetch):
    """The programs for a list of names and groups, in the order of the catalogue; `fetch()` is called only if one needs it.

    Raises KeyError with the first unknown name."""
    mine = own()
    groups = {"own", "numeric", "mixed", "pyperformance", "all"}
    known = groups | {p.name for p in mine} | set(PYPERFORMANCE)
    for w in wanted:
        if w not in known:
            raise KeyError(w)
    wanted = set(wanted)

    def is_wanted(name, group):
        return name in wanted or group in wanted or "all" in wanted or group != "own" and "pyperformance" in wanted

    chosen = [p for p in mine if is_wanted(p.name, p.group)]
    if any(is_wanted(name, entry[0]) for name, entry in PYPERFORMANCE.items()):
        chosen += [p for p in pyperformance(fetch()) if is_wanted(p.name, p.group)]
    return chosen
