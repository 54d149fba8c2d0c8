"""Proves the optimizer's algebraic identities with Z3, for every value of their operands.

    python3.11 tests/prove_rules.py

Who runs it: `make prove`, and `make test` where the `z3` module is there (`tools/prove-rules` puts it into build/z3). The rules are read from
the table that the optimizer itself uses, the lines `[Op(x, second) is result]` of tracer/src/optimizer/rules.rs. Each is
translated into an equation between what the op is defined to compute (traces/src/op.rs) and the result; Z3 looks for
an `x` for which it does not hold, and what it finds is printed. Ints are 64 bits wide; floats are IEEE doubles rounded to nearest even,
and two are equal when they have the same bits, or both are NaN. A guarded op (`Ovf`) must not leave either.

`FORMULAS` are facts that other files of the optimizer rest on, each with the place where it is used.
Ends with `N passed, N failed`.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "build/z3"))
try:
    import z3
except ImportError:
    sys.exit("no z3 module: tools/prove-rules fetches it")

TABLE = ROOT / "tracer/src/optimizer/rules.rs"
RULE = re.compile(r"^\s*\[(\w+)\(x, (\S+)\) is (\S+)\]$", re.M)
INT, DOUBLE, NEAREST = z3.BitVecSort(64), z3.Float64(), z3.RNE()


def floor_div(a, b):
    """Python's `//` on machine words, as `traces::fold` and the backend compute it."""
    quotient, rest = a / b, z3.SRem(a, b)
    return z3.If(z3.And(rest != 0, (a < 0) != (b < 0)), quotient - 1, quotient)


def floor_mod(a, b):
    rest = z3.SRem(a, b)
    return z3.If(z3.And(rest != 0, (rest < 0) != (b < 0)), rest + b, rest)


def multiply_fits(a, b):
    return z3.And(z3.BVMulNoOverflow(a, b, True), z3.BVMulNoUnderflow(a, b))


# name: (sort of the operands, what it computes, when it does not leave; what the op table demands of the operands)
OPS = {
    "IntAdd": (INT, lambda a, b: a + b),
    "IntSub": (INT, lambda a, b: a - b),
    "IntMul": (INT, lambda a, b: a * b),
    "IntAddOvf": (INT, lambda a, b: a + b, lambda a, b: z3.And(z3.BVAddNoOverflow(a, b, True), z3.BVAddNoUnderflow(a, b))),
    "IntSubOvf": (INT, lambda a, b: a - b, lambda a, b: z3.And(z3.BVSubNoOverflow(a, b), z3.BVSubNoUnderflow(a, b, True))),
    "IntMulOvf": (INT, lambda a, b: a * b, multiply_fits),
    "IntAnd": (INT, lambda a, b: a & b),
    "IntOr": (INT, lambda a, b: a | b),
    "IntXor": (INT, lambda a, b: a ^ b),
    "IntShl": (INT, lambda a, b: a << b),
    "IntShr": (INT, lambda a, b: a >> b),
    "IntFloorDiv": (INT, floor_div),
    "IntMod": (INT, floor_mod),
    "IntEq": (INT, lambda a, b: a == b),
    "IntNe": (INT, lambda a, b: a != b),
    "IntLt": (INT, lambda a, b: a < b),
    "IntLe": (INT, lambda a, b: a <= b),
    "IntGt": (INT, lambda a, b: a > b),
    "IntGe": (INT, lambda a, b: a >= b),
    "IntULt": (INT, lambda a, b: z3.ULT(a, b)),
    "AddressEq": (INT, lambda a, b: a == b),
    "BoolAnd": (z3.BoolSort(), z3.And),
    "FloatAdd": (DOUBLE, lambda a, b: z3.fpAdd(NEAREST, a, b)),
    "FloatSub": (DOUBLE, lambda a, b: z3.fpSub(NEAREST, a, b)),
    "FloatMul": (DOUBLE, lambda a, b: z3.fpMul(NEAREST, a, b)),
    "FloatDiv": (DOUBLE, lambda a, b: z3.fpDiv(NEAREST, a, b)),
    "FloatEq": (DOUBLE, z3.fpEQ),
    "FloatLt": (DOUBLE, z3.fpLT),
    "FloatLe": (DOUBLE, z3.fpLEQ),
}


def literal(text, sort):
    if text in ("true", "false"):
        return z3.BoolVal(text == "true")
    return z3.FPVal(float(text), DOUBLE) if sort == DOUBLE else z3.BitVecVal(int(text), 64)


def same(a, b):
    """Equal bits, all NaNs being one."""
    return a == b  # Z3's structural equality: -0.0 is not 0.0, NaN is NaN


def counterexample(claim):
    """None when the claim holds for every value; else values for which it does not, or why that is not known."""
    solver = z3.Solver()
    solver.set("timeout", 60000)
    solver.add(z3.Not(claim))
    result = solver.check()
    if result == z3.unsat:
        return None
    return str(solver.model()) if result == z3.sat else f"not decided: {solver.reason_unknown()}"


def claim_of(name, second, result):
    """What a rule claims."""
    sort, compute, *stays = OPS[name]
    x = z3.Const("x", sort)
    other = x if second == "x" else literal(second, sort)
    becomes = x if result == "x" else literal(result, sort)
    return z3.And(same(compute(x, other), becomes), *[fits(x, other) for fits in stays])


def is_commutative(name):
    """That operands may be exchanged; by which a rule holds for the other one, too. Only of ops with rules on constants."""
    sort, compute, *_ = OPS[name]
    a, b = z3.Const("a", sort), z3.Const("b", sort)
    return same(compute(a, b), compute(b, a))


def floor_formulas():
    """Division and modulo of 8-bit words: a = q*b + r, and r has the sign of b and is smaller."""
    a, b = z3.BitVecs("a b", 8)
    lowest = z3.BitVecVal(-(1 << 7), 8)
    defined = z3.And(b != 0, z3.Not(z3.And(a == lowest, b == -1)))
    q, r = floor_div(a, b), floor_mod(a, b)
    small = z3.If(b > 0, z3.And(r >= 0, r < b), z3.And(r <= 0, r > b))
    return z3.Implies(defined, z3.And(q * b + r == a, small))


def exchanged_comparisons():
    a, b = z3.BitVecs("a b", 64)
    return z3.And((a < b) == (b > a), (a <= b) == (b >= a), (a < b) == z3.Not(a >= b), (a == b) == z3.Not(a != b))


def small_int():
    """header.rs, unbox_slot: `payload + 5 <u 262` says that an int is one of the small ones, -5 to 256."""
    x = z3.BitVec("x", 64)
    return z3.ULT(x + 5, z3.BitVecVal(262, 64)) == z3.And(x >= -5, x <= 256)


def bounds_check():
    """One unsigned comparison checks 0 <= index < length, for lengths that are not negative."""
    i, n = z3.BitVecs("i n", 64)
    return z3.Implies(n >= 0, z3.ULT(i, n) == z3.And(i >= 0, i < n))


def half_of_a_sum():
    """lower.rs, Undo::Halve: what was added to itself is the sum rotated right through the carry."""
    x = z3.BitVec("x", 64)
    wide = z3.ZeroExt(1, x) + z3.ZeroExt(1, x)
    return z3.Extract(63, 0, z3.LShR(wide, 1)) == x


def undone_addition():
    """lower.rs, Undo::Sub and Undo::Add, overflow or not."""
    a, b = z3.BitVecs("a b", 64)
    return z3.And((a + b) - b == a, (a - b) + b == a)


def overflow_of_truncation():
    """arithmetic.rs, int_from_float: only of i64::MIN does subtracting 1 overflow."""
    x = z3.BitVec("x", 64)
    return z3.Not(z3.BVSubNoUnderflow(x, z3.BitVecVal(1, 64), True)) == (x == z3.BitVecVal(-(1 << 63), 64))


FORMULAS = (floor_formulas, exchanged_comparisons, small_int, bounds_check, half_of_a_sum, undone_addition, overflow_of_truncation)

# Not rules, for good reason: the prover has to find that out.
WRONG = (("FloatAdd", "0.0", "x"), ("FloatSub", "x", "0.0"), ("FloatMul", "0.0", "0.0"), ("FloatEq", "x", "true"), ("IntMod", "-1", "x"), ("IntShl", "1", "x"))


def main():
    rules = RULE.findall(TABLE.read_text())
    if len(rules) < 30:
        sys.exit(f"only {len(rules)} rules found in {TABLE}")
    passed = failed = 0
    claims = [(f"{name}(x, {second}) is {result}", claim_of(name, second, result)) for name, second, result in rules]
    flagged = re.findall(r"^    (\w+) \"\w+\" .*\[commutative", (ROOT / "traces/src/op.rs").read_text(), re.M)
    claims += [(f"{name}(x, y) is {name}(y, x)", is_commutative(name)) for name in [*flagged, "FloatMul"] if name in OPS]
    claims += [(formula.__name__, formula()) for formula in FORMULAS]
    for name, claim in claims:
        found = counterexample(claim)
        passed, failed = passed + (found is None), failed + (found is not None)
        if found:
            print(f"FAILED {name}: not for {found}")
    for name, second, result in WRONG:
        found = counterexample(claim_of(name, second, result))
        known = found is not None and not found.startswith("not decided")
        passed, failed = passed + known, failed + (not known)
        if not known:
            print(f"FAILED no counterexample found to the wrong rule {name}(x, {second}) is {result}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
