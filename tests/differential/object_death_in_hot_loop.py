"""Objects die at the instruction where their last reference goes: `__del__` shows the line, instruction and locals of the frame.

Each case runs three times: with a `__del__` that only notes the name, one that reads line and instruction of its caller,
and one that also reads `f_locals` (which itself makes the frame keep the objects that it shows until the next reading)."""

import dis
import sys

log = []
look = 0


def at(code, lasti):
    """The offset that does not depend on how warm CPython's code is: its specialiser moves the call of a builtin from CALL to the PRECALL
    before it, and joins two STORE_FASTs to one at the first's place."""
    op = [dis.opname[code.co_code[i]] for i in (lasti - 2, lasti)]
    if op[1] == "PRECALL":
        return lasti + 4
    return lasti - 2 if op == ["STORE_FAST", "STORE_FAST"] else lasti


class Mortal:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        if look == 0:
            log.append(self.name)
            return
        frame = sys._getframe(1)
        place = (self.name, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, at(frame.f_code, frame.f_lasti))
        if look == 1:
            log.append(place)
            return
        log.append(place + tuple(sorted((k, v) for k, v in frame.f_locals.items() if isinstance(v, int))))

    def __add__(self, other):
        return Mortal("%s+%s" % (self.name, other))

    def touch(self):
        return self

    def number(self):
        return 1


def report(function, *args):
    global look
    for look in range(3):
        del log[:]
        result = function(*args)
        print(function.__name__, look, result, len(log))
        for entry in log[:3] + log[-3:]:
            print("   ", entry)


def overwritten_local(turns):
    for i in range(turns):
        x = Mortal(i)
        y = i * 2
    y = -1
    return y


def temporary(turns):
    total = 0
    for i in range(turns):
        total += Mortal(i).number()
        total += 1
    return total


def temporary_in_middle_of_expression(turns):
    total = 0
    for i in range(turns):
        total = total + Mortal(i).number() * 2 + Mortal(-i).number()
    return total


def list_item_replaced(turns):
    data = [None] * 3
    for i in range(turns):
        data[i % 3] = Mortal(i)
        j = i
    data[0] = None
    return j


def callee(i):
    inner = Mortal(i)
    k = i + 1
    return k


def callee_returns(turns):
    total = 0
    for i in range(turns):
        total += callee(i)
    return total


def deep(i):
    keep = Mortal(i)
    return callee(-i) + 1


def two_callees(turns):
    total = 0
    for i in range(turns):
        total += deep(i)
    return total


def argument(x, i):
    x = None
    return i


def argument_dropped(turns):
    total = 0
    for i in range(turns):
        total += argument(Mortal(i), i)
    return total


def deleted(turns):
    for i in range(turns):
        x = Mortal(i)
        z = i
        del x
        z = -i
    return z


def attribute_replaced(turns):
    holder = Mortal("holder")
    for i in range(turns):
        holder.child = Mortal(i)
    holder.child = None
    holder.name = "holder dies"
    return 0


def dict_item_replaced(turns):
    d = {}
    for i in range(turns):
        d[i % 2] = Mortal(i)
    d.clear()
    return 0


def tuple_dies(turns):
    t = None
    for i in range(turns):
        t = (Mortal(i), Mortal(-i))
    return i


def operator_result(turns):
    for i in range(turns):
        m = Mortal(i) + i
    return i


def comparison(turns):
    n = 0
    for i in range(turns):
        if Mortal(i) is None or Mortal(-i) == 3:
            n += 1
        else:
            n += 2
    return n


def pop_result(turns):
    data = []
    for i in range(turns):
        data.append(Mortal(i))
        if i % 2:
            data.pop()
            data.pop().touch()
    return len(data)


def exception_carries(turns):
    n = 0
    for i in range(turns):
        try:
            m = Mortal(i)
            raise ValueError(m)
        except ValueError as e:
            n += 1
        n += 1
    return n


def loop_variable(turns):
    data = [Mortal(i) for i in range(turns)]
    n = 0
    data.reverse()
    while data:
        m = data.pop()
        n += 1
    return n


def iterator_of_generator(turns):
    n = 0
    for m in (Mortal(i) for i in range(turns)):
        n += 1
    return n


def swap_drops(turns):
    a, b = Mortal("a"), Mortal("b")
    for i in range(turns):
        a, b = b, Mortal(i)
    return i


for function in (overwritten_local, temporary, temporary_in_middle_of_expression, list_item_replaced, callee_returns, two_callees,
                 argument_dropped, deleted, attribute_replaced, dict_item_replaced, tuple_dies, operator_result, comparison, pop_result,
                 exception_carries, loop_variable, iterator_of_generator, swap_drops):
    report(function, 150)


def rare(turns):
    """Only each 50th turn makes an object that anyone can see die."""
    x = None
    n = 0
    for i in range(turns):
        x = Mortal(i) if i % 50 == 0 else i
        n += 1
        x = i
    return n


report(rare, 300)
