"""match with literals, captures, sequences, mappings, classes, guards and or-patterns in a hot loop."""


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Odd:
    def __eq__(self, other):
        return other % 2 == 1


def classify(v):
    match v:
        case 0:
            return "zero"
        case 1 | 2 | 3:
            return "few"
        case float(f) if f > 10:
            return "large float"
        case float():
            return "float"
        case bool():
            return "bool"
        case int(n) if n < 0:
            return n
        case [x]:
            return "one " + str(x)
        case [x, y] if x == y:
            return "pair of same"
        case (x, *rest, y):
            return x, len(rest), y
        case {"kind": "a", "n": n}:
            return n
        case {"kind": k, **others}:
            return k, sorted(others)
        case Point(0, y):
            return "on axis", y
        case Point(x=px, y=py) as p:
            return px + py, p.x
        case "text" | b"bytes":
            return "text"
        case None:
            return None
        case str(s):
            return len(s)
        case _:
            return "other"


values = [0, 1, 3, 4, -5, 11.5, 1.5, True, [1], [2, 2], [1, 2, 3], (4, 5), {"kind": "a", "n": 7}, {"kind": "b", "z": 1}, {"n": 1}, Point(0, 9),
          Point(3, 4), "text", "longer", None, b"bytes", {1}, range(3), 1 << 70, -(1 << 70)]


def run(turns):
    log = {}
    for i in range(turns):
        r = classify(values[i % len(values)])
        log[repr(r)] = log.get(repr(r), 0) + 1
    return log


print(run(600))


def machine(turns):
    state, n = "idle", 0
    for i in range(turns):
        match state, i % 5:
            case "idle", 0 | 1:
                state = "run"
            case "run", k if k == 3:
                state = "stop"
                n += i
            case "run", _:
                n += 1
            case "stop", k:
                n -= k
                state = "idle"
    return state, n


print(machine(500))


def growing(turns):
    total = 0
    for i in range(turns):
        match [0] * (i % 4):
            case []:
                total += 1
            case [_]:
                total += 10
            case [_, _]:
                total += 100
            case [*_]:
                total += 1000
        match i:
            case 50 | 60 | 70:
                total += 10000
            case n if n % 9 == 0:
                total += n
    return total


print(growing(200))


def capture_survives(turns):
    for i in range(turns):
        match (i, i * 2):
            case (a, 8):
                pass
            case (b, c) if c > 300:
                pass
    return a, b, c


print(capture_survives(200))
