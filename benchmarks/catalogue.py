"""The table of benchmark programs: name, group, where it is, how it is started, what it needs, how its result is checked.

Who uses it: `bench.py`. A program of our own is a file in `programs/` with a function `iteration()`; it is found by itself and what
it returns is the check. Of pyperformance's, each row says the folder, the arguments and an expression for the final check.
Groups: `own`, `examples`, and of pyperformance's `numeric`, `mixed` (both need the standard library only) and `packages` (which
need pure-Python packages); `pyperformance` is these three.

Left out are pyperformance's programs that need a native library (dask, fastapi, sqlalchemy's greenlet …), measure other processes
(2to3, python_startup, concurrent_imap) or the network (asyncio_tcp, asyncio_websockets, tornado_http), or need Python 3.12 (eager tasks).
"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(os.path.dirname(HERE), "examples")


class Program:
    """What `harness.py` needs to run one program; `needs` are names in packages.txt, `benchmark` is which one of several in the file."""

    def __init__(self, name, group, path, arguments="", check=None, needs="", benchmark=None, call=None):
        self.name, self.group, self.path, self.argv, self.check = name, group, path, arguments.split(), check
        self.needs, self.benchmark, self.call = needs.split(), benchmark, call


# name: (group, folder, arguments, check, packages, benchmark)
# The check is evaluated after the measurement, in the program's namespace, so it calls functions that are hot by then; `_once()` is one
# more iteration, `_await(x)` the value of an awaitable, `_file` the name of a file to write. No check: the program compares its result
# with the right one itself and raises (or prints) where it is wrong, or it has none (unpack_sequence, async_tree).
PYPERFORMANCE = {
    "nbody": ("numeric", "nbody", "",
              "(lambda s: (advance(0.01, 200, s, combinations(s)), s))([([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], 4.0), ([4.0, 1.0, -1.0], [-0.1, 0.0, 0.2], 2.0)])"),
    "spectral_norm": ("numeric", "spectral_norm", "", "eval_AtA_times_u([1.0] * 40)"),
    "fannkuch": ("numeric", "fannkuch", "", "[fannkuch(n) for n in range(3, 8)]"),
    "float": ("numeric", "float", "", "benchmark(500)"),
    "scimark_sor": ("numeric", "scimark", "sor", "(lambda G: (SOR_execute(1.25, G, 3, Array2D), list(G.data)))(Random(7).RandomMatrix(Array2D(20, 20)))"),
    "scimark_sparse_mat_mult": ("numeric", "scimark", "sparse_mat_mult",
                                "(lambda y: SparseCompRow_matmult(3, y, [1.5, 2.0, 3.0], [0, 1, 3, 3], [0, 1, 2], [0.5, 0.25, 4.0], 2) and list(y))(array('d', [0]) * 3)"),
    "scimark_monte_carlo": ("numeric", "scimark", "monte_carlo", "MonteCarlo(5000)"),
    "scimark_lu": ("numeric", "scimark", "lu",
                   "(lambda A, p: (LU_factor(A, p), [list(r) for r in A.data], list(p)))(Random(7).RandomMatrix(ArrayList(30, 30)), array('i', [0]) * 30)"),
    "scimark_fft": ("numeric", "scimark", "fft", "(lambda x: (FFT_transform(64, x), list(x)))(Random(7).RandomVector(64))"),
    "pidigits": ("numeric", "pidigits", "", "calc_ndigits(100)"),
    "barnes_hut": ("numeric", "barnes_hut", "", "calculate_system_energy(create_deterministic_galaxy(30, 500, 400))"),
    # The generator is seeded in each iteration, so its next number tells whether each iteration took the same path.
    "chaos": ("numeric", "chaos", "", "random.random()"),
    "raytrace": ("numeric", "raytrace", "", "(bench_raytrace(1, 40, 40, _file), open(_file, 'rb').read())[1]"),
    "nqueens": ("numeric", "nqueens", "", "[bench_n_queens(n) for n in (4, 5, 6)]"),
    "decimal_pi": ("numeric", "decimal_pi", "", "str(pi_decimal())"),
    "decimal_factorial": ("numeric", "decimal_factorial", "", "str(factorial(decimal.Decimal(300), 0))"),

    "mdp": ("mixed", "mdp", "", "Battle().evaluate(0.192)"),
    "hexiom": ("mixed", "hexiom", "", "(lambda s: (solve_file(LEVELS[10][0].strip(), Done.FIRST_STRATEGY, DESCENDING, s), s.getvalue()))(io.StringIO())"),
    "meteor_contest": ("mixed", "meteor_contest", "", None),
    "deltablue": ("mixed", "deltablue", "", None),
    "richards": ("mixed", "richards", "", "_once()"),
    "richards_super": ("mixed", "richards_super", "", "_once()"),
    "go": ("mixed", "go", "", "random.random()"),
    # Runs the measured function once more with another `print`.
    "telco": ("mixed", "telco", "", "(lambda kept: (globals().update(print=lambda t, file: kept.append(str(t))), bench_telco(1, filename), kept)[2])([])"),
    "pyflate": ("mixed", "pyflate", "", None),
    "generators": ("mixed", "generators", "", "list(tree(range(100)))"),
    "comprehensions": ("mixed", "comprehensions", "", "[w.widget_id for w in WidgetTray(1, make_some_widgets()).sorted_widgets]"),
    "coroutines": ("mixed", "coroutines", "", "_await(fibonacci(12))"),
    "async_generators": ("mixed", "async_generators", "", "(lambda a: [_await(a.__anext__()) for _ in range(100)])(tree(range(100)).__aiter__())"),
    "async_tree_none": ("mixed", "async_tree", "none", None),
    "async_tree_none_tg": ("mixed", "async_tree", "none --task-groups", None),
    "async_tree_cpu_io_mixed": ("mixed", "async_tree", "cpu_io_mixed", None),
    "unpack_sequence": ("mixed", "unpack_sequence", "", None),
    "argparse_many_optionals": ("mixed", "argparse", "many_optionals",
                                "(lambda p: (p.add_argument('--x', type=int, nargs='+').dest, vars(p.parse_args(['--x', '1', '2']))))(argparse.ArgumentParser())"),
    "argparse_subparsers": ("mixed", "argparse", "subparsers",
                            "(lambda p: (p.add_argument('--x', type=int, nargs='+').dest, vars(p.parse_args(['--x', '1', '2']))))(argparse.ArgumentParser())"),
    "base64_small": ("mixed", "base64", "", "(base64.b64encode(DATA_SMALL), base64.b64decode(B64_SMALL))", "", "base64_small"),
    "base32_small": ("mixed", "base64", "", "(base64.b32encode(DATA_SMALL), base64.b32decode(B32_SMALL))", "", "base32_small"),
    "ascii85_small": ("mixed", "base64", "", "(base64.a85encode(DATA_SMALL), base64.a85decode(A85_SMALL))", "", "ascii85_small"),
    "base85_small": ("mixed", "base64", "", "(base64.b85encode(DATA_SMALL), base64.b85decode(B85_SMALL))", "", "base85_small"),
    "bpe_tokeniser": ("mixed", "bpe_tokeniser", "",
                      "SimpleBytePairEncoding.train('the cat that sat on the mat ' * 9, vocab_size=262, pat_str=r' ?[a-z]+').encode('the hat')"),
    "deepcopy": ("mixed", "deepcopy", "", "copy.deepcopy({'a': A('x', [1, [2]], True)})", "", "deepcopy"),
    "deepcopy_reduce": ("mixed", "deepcopy", "", "copy.deepcopy({'a': A('x', [1, [2]], True)})", "", "deepcopy_reduce"),
    "deepcopy_memo": ("mixed", "deepcopy", "", "(lambda a: (lambda b: (b, b[0] is b[1], a is b[0]))(copy.deepcopy([a, a])))([1])", "", "deepcopy_memo"),
    "gc_collect": ("mixed", "gc_collect", "", None),
    "gc_traversal": ("mixed", "gc_traversal", "", None),
    "json_dumps": ("mixed", "json_dumps", "", "json.dumps([EMPTY, SIMPLE, NESTED])"),
    "json_loads": ("mixed", "json_loads", "", "[json.loads(o) for o in objs]"),
    "logging_silent": ("mixed", "logging", "silent", "(stream.seek(0), stream.truncate(), logger.debug(FORMAT, MESSAGE), stream.getvalue())"),
    "logging_simple": ("mixed", "logging", "simple", "(stream.seek(0), stream.truncate(), logger.warning(MESSAGE), stream.getvalue())"),
    "logging_format": ("mixed", "logging", "format", "(stream.seek(0), stream.truncate(), logger.warning(FORMAT, MESSAGE), stream.getvalue())"),
    "pathlib": ("mixed", "pathlib", "", "sorted([p.name for p in pathlib.Path(tmp_path).glob('*.py')])"),
    "pickle": ("mixed", "pickle", "pickle", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "pickle_dict": ("mixed", "pickle", "pickle_dict", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "pickle_list": ("mixed", "pickle", "pickle_list", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "pickle_pure_python": ("mixed", "pickle", "--pure-python pickle", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "unpickle": ("mixed", "pickle", "unpickle", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "unpickle_list": ("mixed", "pickle", "unpickle_list", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "unpickle_pure_python": ("mixed", "pickle", "--pure-python unpickle", "repr(pickle.loads(pickle.dumps((DICT, TUPLE, DICT_GROUP), options.protocol)))"),
    "pprint_safe_repr": ("mixed", "pprint", "", "p._safe_repr(printable[:7], {}, None, 0)[0]", "", "pprint_safe_repr"),
    "pprint_pformat": ("mixed", "pprint", "", "p.pformat(printable[:7])", "", "pprint_pformat"),
    "regex_compile": ("mixed", "regex_compile", "", "[re.compile(pattern, flags).groups for pattern, flags in regexes]"),
    "regex_dna": ("mixed", "regex_dna", "", None),
    "regex_effbot": ("mixed", "regex_effbot", "", "[bool(re.search(r, s)) for r, s in bench_regex_effbot.data]"),
    "regex_v8": ("mixed", "regex_v8", "", "[bool(r.search('xbadhrebe jva32 qg .nwnk ' * 3)) for r in regexs]"),
    "sqlite_synth": ("mixed", "sqlite_synth", "", "(lambda a: (a.step('abc'), a.step('z'), a.finalize())[2])(AvgLength())"),
    "typing_runtime_protocols": ("mixed", "typing_runtime_protocols", "",
                                 "[[isinstance(c(), p) for c in (Empty, PropertyX, HasIntMethod, HasManyMethods, ManyInstanceVars, NominalXWithInt)]"
                                 " for p in (HasX, HasManyAttributes, SupportsInt, SupportsManyMethods, SupportsIntAndX)]"),
    "xml_etree_parse": ("mixed", "xml_etree", "parse", "etree_module.tostring(build_xml_tree(etree_module))"),
    "xml_etree_iterparse": ("mixed", "xml_etree", "iterparse", "etree_module.tostring(build_xml_tree(etree_module))"),
    "xml_etree_generate": ("mixed", "xml_etree", "generate", "etree_module.tostring(build_xml_tree(etree_module))"),
    "xml_etree_process": ("mixed", "xml_etree", "process", "process(etree_module, xml_root=build_xml_tree(etree_module))"),

    "chameleon": ("packages", "chameleon", "", "_once()", "chameleon"),
    "crypto_pyaes": ("packages", "crypto_pyaes", "", "pyaes.AESModeOfOperationCTR(KEY).encrypt(CLEARTEXT[:500])", "pyaes"),
    "django_template": ("packages", "django_template", "", "_once()", "django asgiref pytz sqlparse"),
    "docutils": ("packages", "docutils", "",
                 "core.publish_string('T\\n=\\n\\n* a\\n* *b* :math:`x`\\n', writer_name='html5', settings_overrides={'output_encoding': 'unicode'})", "docutils"),
    "dulwich_log": ("packages", "dulwich_log", "", "[entry.commit.id for entry in repo.get_walker(head)]", "dulwich certifi urllib3"),
    "genshi_text": ("packages", "genshi", "text", "NewTextTemplate(BIGTABLE_TEXT).generate(table=[{'a': 1, 'b': 2}] * 3).render()", "genshi six"),
    "genshi_xml": ("packages", "genshi", "xml", "MarkupTemplate(BIGTABLE_XML).generate(table=[{'a': 1, 'b': 2}] * 3).render()", "genshi six"),
    "html5lib": ("packages", "html5lib", "", "html5lib.serialize(html5lib.parse('<p>a<b>c<table><td>x&lt;<div class=k>'))", "html5lib six webencodings"),
    "mako": ("packages", "mako", "", "_once()", "mako markupsafe"),
    "networkx_shortest_path": ("packages", "networkx", "shortest_path", "sorted(networkx.shortest_path_length(networkx.path_graph(20), 3).items())", "networkx"),
    "networkx_connected_components": ("packages", "networkx", "connected_components", "networkx.number_connected_components(graph)", "networkx"),
    "networkx_k_core": ("packages", "networkx", "k_core", "sorted(networkx.k_core(networkx.complete_graph(20)))", "networkx"),
    "sqlalchemy_declarative": ("packages", "sqlalchemy_declarative", "", "sorted([p.name for p in session.query(Person).all()])", "sqlalchemy"),
    "sqlalchemy_imperative": ("packages", "sqlalchemy_imperative", "", None, "sqlalchemy"),
    "sqlglot_v2_parse": ("packages", "sqlglot_v2", "parse", "parse_one(SQL).sql()", "sqlglot"),
    "sqlglot_v2_transpile": ("packages", "sqlglot_v2", "transpile", "transpile(SQL, write='spark')", "sqlglot"),
    "sqlglot_v2_optimize": ("packages", "sqlglot_v2", "optimize", "optimize(parse_one(SQL), TPCH_SCHEMA).sql()", "sqlglot"),
    "sqlglot_v2_normalize": ("packages", "sqlglot_v2", "normalize", "normalize.normalize(parse_one('(A AND B) OR (C AND D)')).sql()", "sqlglot"),
    "sympy_expand": ("packages", "sympy", "expand", "str(expand((1 + symbols('x') + 2 * symbols('y')) ** 6))", "sympy mpmath"),
    "sympy_integrate": ("packages", "sympy", "integrate", "str(bench_integrate())", "sympy mpmath"),
    "sympy_sum": ("packages", "sympy", "sum", "str(summation(symbols('x') ** symbols('i') / symbols('i'), (symbols('i'), 1, 20)))", "sympy mpmath"),
    "sympy_str": ("packages", "sympy", "str", "str(expand((symbols('x') + 2 * symbols('y')) ** 12))", "sympy mpmath"),
    "tomli_loads": ("packages", "tomli_loads", "", "tomli.loads(DATA_FILE.read_text('utf-8'))", "tomli"),
    "xdsl_constant_fold": ("packages", "xdsl", "", "(lambda m, c: (c.load_dialect(Arith), c.load_dialect(Builtin), TestConstantFoldingPass().apply(c, m), str(m))[3])"
                           "(get_constant_folding_module(20), Context(allow_unregistered=True))", "xdsl immutabledict ordered-set typing-extensions"),
    "yaml": ("packages", "yaml", "", "yaml.load(yaml_dict_group, Loader=yaml.Loader)", "pyyaml"),
}

# Our examples, on less work than when they are run by hand. What they print is compared.
EXAMPLE_ARGUMENTS = {"nbody": "2000", "mandelbrot": "120", "spectral_norm": "60"}

GROUPS = ("own", "examples", "numeric", "mixed", "packages", "pyperformance", "all")


def here():
    """The programs of this repository."""
    folder = os.path.join(HERE, "programs")
    own = [Program(f[:-3], "own", os.path.join(folder, f), check="_once()", call="iteration") for f in sorted(os.listdir(folder)) if f.endswith(".py")]
    examples = [Program("example_" + name, "examples", os.path.join(EXAMPLES, name + ".py"), arguments, call="main")
                for name, arguments in EXAMPLE_ARGUMENTS.items()]
    return own + examples


def pyperformance():
    """Pyperformance's programs; `path` is relative to the folder of the package."""
    return [Program(name, row[0], os.path.join("pyperformance", "data-files", "benchmarks", "bm_" + row[1], "run_benchmark.py"), *row[2:])
            for name, row in PYPERFORMANCE.items()]


def choose(wanted):
    """The programs for a list of names and groups, in the order of the catalogue. Raises KeyError with the first unknown name."""
    programs = here() + pyperformance()
    known = set(GROUPS) | {p.name for p in programs}
    for word in wanted:
        if word not in known:
            raise KeyError(word)
    of_groups = {"all": GROUPS, "pyperformance": ("numeric", "mixed", "packages")}
    groups = {group for word in wanted for group in of_groups.get(word, (word,))}
    return [p for p in programs if p.name in wanted or p.group in groups]
