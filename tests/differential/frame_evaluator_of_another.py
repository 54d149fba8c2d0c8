"""Another frame evaluator (PEP 523) that is installed while hot loops run sees each frame from then on, also of calls that were inlined."""

try:
    from _testinternalcapi import set_eval_frame_default, set_eval_frame_record
except ImportError:  # only with CPython's own tests
    set_eval_frame_record = None


class Box:
    def __init__(self, value):
        self.value = value

    def plus(self, n):
        return self.value + n


def inner(x=42):
    return x


def functions(box, i):
    return inner() + inner(i)


def methods(box, i):
    return box.plus(i) + box.plus(1)


def instances(box, i):
    return Box(i).value


def generators(box, i):
    return sum(n for n in (i, 1))


def short_loop(box, i):
    n = 0
    for k in range(i % 3):
        n += inner(k)
    return n


def seen(work):
    box, calls, total = Box(3), [], 0
    for i in range(400):
        if i == 300:
            set_eval_frame_record(calls)
        total += work(box, i)
    set_eval_frame_default()
    return len(calls), calls[:5], total


def main():
    if set_eval_frame_record is None:
        print("no evaluator to install")
        return
    for work in (functions, methods, instances, generators, short_loop):
        print(work.__name__, seen(work))


main()
