"""Errors of every opcode family late in a hot loop: the text, and that all variables hold what they held."""

import dis
import traceback


def at(code, lasti):
    """The offset that does not depend on how warm CPython's code is: its specialiser moves the call of a builtin from CALL to the PRECALL
    before it, and calls a __getitem__ from the end of BINARY_SUBSCR's caches."""
    name = lambda i: dis.opname[code.co_code[i]]
    start = lasti
    while name(start) == "CACHE":
        start -= 2
    if name(start) == "BINARY_SUBSCR":
        return start
    return lasti + 4 if name(lasti) == "PRECALL" else lasti


class Hostile:
    def __add__(self, o):
        raise RuntimeError("add")

    def __lt__(self, o):
        raise RuntimeError("lt")

    def __bool__(self):
        raise RuntimeError("bool")

    def __iter__(self):
        raise RuntimeError("iter")

    def __getitem__(self, k):
        raise RuntimeError("getitem")

    def __setitem__(self, k, v):
        raise RuntimeError("setitem")

    def __delitem__(self, k):
        raise RuntimeError("delitem")

    def __contains__(self, k):
        raise RuntimeError("contains")

    def __neg__(self):
        raise RuntimeError("neg")

    def __call__(self):
        raise RuntimeError("call")

    def __format__(self, s):
        raise RuntimeError("format")

    def __hash__(self):
        raise RuntimeError("hash")

    def __enter__(self):
        raise RuntimeError("enter")

    def __exit__(self, *e):
        pass

    def __len__(self):
        raise RuntimeError("len")

    @property
    def attr(self):
        raise RuntimeError("attr")

    @attr.setter
    def attr(self, v):
        raise RuntimeError("set attr")


class Tame(Hostile):
    def __add__(self, o):
        return 1

    def __lt__(self, o):
        return True

    def __bool__(self):
        return True

    def __iter__(self):
        return iter((1, 2))

    def __getitem__(self, k):
        return 1

    def __setitem__(self, k, v):
        pass

    def __delitem__(self, k):
        pass

    def __contains__(self, k):
        return True

    def __neg__(self):
        return 1

    def __call__(self):
        return 1

    def __format__(self, s):
        return "x"

    def __hash__(self):
        return 1

    def __enter__(self):
        return 1

    def __len__(self):
        return 1

    attr = 1


operations = ["v = h + i", "v = h < i", "v = 1 if h else 2", "for q in h: v = q", "v = h[i]", "h[i] = v", "del h[i]", "v = i in h", "v = -h", "v = h()",
              "v = f'{h}'", "v = {h: 1}", "with h: v = i", "v = len(h)", "v = h.attr", "h.attr = i", "a, b = h", "v = [*h]", "v = not h",
              "while h: break", "v = (h and 1)", "v = max(*h)", "v += h + 1", "v = {**{}, h: 2}", "v = h in {1}", "v = i + (h + 1) * 2", "assert h",
              "v = h.nothing if type(h) is not T else 1"]

source = """
def run(turns, T, H):
    h = T()
    v = x = 0
    for i in range(turns):
        x += 1
        if i == turns - 3:
            h = H()
        {0}
        x += 1
    return x
"""

for operation in operations:
    space = {}
    exec(compile(source.format(operation), "case", "exec"), space)
    try:
        print(operation, "gave", space["run"](80, Tame, Hostile))
    except (RuntimeError, AttributeError, TypeError) as e:
        tb = e.__traceback__.tb_next
        state = {k: v if isinstance(v, int) else type(v).__name__ for k, v in tb.tb_frame.f_locals.items() if k not in "TH"}
        print(operation, "|", type(e).__name__, e, tb.tb_lineno, at(tb.tb_frame.f_code, tb.tb_lasti), sorted(state.items()), len(traceback.extract_tb(tb)))
