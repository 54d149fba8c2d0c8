"""A module that Cython compiles here, used from loops that get compiled, too."""

import array
import asyncio
import inspect
import pickle
import sys
import threading
import traceback
import weakref

import pyximport
import pytest

TURNS = 3000


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    pyximport.install(build_dir=str(tmp_path_factory.mktemp("built")), language_level=3)
    global m
    import compiled as m


def test_arithmetic_of_an_extension_type():
    v = m.Vector(0, 0)
    for i in range(TURNS):
        v = v + m.Vector(i, 1.5)
    assert (v.x, v[1], len(v)) == (sum(range(TURNS)), 1.5 * TURNS, 2)
    with pytest.raises(TypeError):
        v + 1


def test_fields_and_properties():
    v = m.Vector(3, 4)
    total = 0.0
    for i in range(TURNS):
        v.x = 3 + (i & 1)
        total += v.length + v.y
    assert total == pytest.approx(TURNS / 2 * (5 + 32**0.5 + 8))
    with pytest.raises(AttributeError):
        v.owner = 1


def test_a_subclass_in_python_overrides_what_c_calls():
    class Sub(m.Vector):
        def offset(self):
            return self.x * 100

    assert sum(Sub(1, 0).scaled(i) for i in range(TURNS)) == sum(range(TURNS)) + 100 * TURNS
    sub = Sub(1, 0)
    total = 0
    for i in range(TURNS):
        if i == TURNS // 2:
            Sub.offset = lambda self: 7
        total += sub.scaled(0)
    assert total == (100 + 7) * TURNS / 2


def test_c_calls_python_loops():
    def triangle(n):
        total = 0
        for k in range(n):
            total += k
        return total

    assert m.call_with_each(triangle, list(range(300))) == [n * (n - 1) // 2 for n in range(300)]
    assert m.Vector(3, 4)(lambda x, y: x * y) == 12


def test_keywords_in_both_directions():
    def function(a, *rest, b=1, **more):
        return a, rest, b, more

    for i in range(TURNS):
        assert m.call_by_name(function, i, 2, b=3, c=4) == (i, (2,), 3, {"c": 4})
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        m.call_by_name(lambda: 0, z=1)


def test_closures():
    add = m.adder(10)
    total = 0
    for i in range(TURNS):
        total += add(i, twice=i % 2 == 0)
    assert total == sum(10 + i + (0 if i % 2 else i) for i in range(TURNS))


def test_generators_in_hot_loops():
    total = 0
    for value in m.squares(TURNS):
        total += value
    assert total == sum(i * i for i in range(TURNS))
    g = m.squares(5)
    assert [next(g), g.send("sent"), next(g)] == [0, "sent", 1]
    g.close()
    assert list(g) == []


def test_generators_of_both_kinds_delegate_to_each_other():
    def python(inner):
        return (yield from inner)

    def numbers(n):
        for i in range(n):
            yield i
        return "end"

    g = python(m.nested(python(m.nested(numbers(TURNS)))))
    total, end = 0, None
    while True:
        try:
            total += next(g)
        except StopIteration as stop:
            end = stop.value
            break
    assert (total, end) == (sum(range(TURNS)), "end")


def test_an_exception_thrown_through_generators_of_both_kinds():
    log = []

    def innermost():
        try:
            yield 1
        except KeyError:
            log.append("caught")
            yield 2

    g = m.nested(m.nested(innermost()))
    assert [next(g), g.throw(KeyError("x"))] == [1, 2]
    assert log == ["caught"]


def test_coroutines_of_both_kinds_await_each_other():
    async def python(n):
        await asyncio.sleep(0)
        total = 0
        for i in range(n):
            total += await m.awaits(leaf(i))
        return total

    async def leaf(i):
        return i

    async def main():
        return await asyncio.gather(*(m.awaits(python(n)) for n in range(100)))

    assert asyncio.run(main()) == [n * (n - 1) // 2 for n in range(100)]


def test_exceptions_cross_in_both_directions():
    def failing():
        m.raises(ValueError, "text")

    for _ in range(TURNS):
        assert m.handles(failing) == ("handled", "text", "failing")


def test_a_traceback_names_compiled_and_python_functions():
    def python():
        m.raises(LookupError, "deep")

    for _ in range(500):
        try:
            m.call_with_each(lambda item: python(), [1])
        except LookupError as error:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    here = "test_a_traceback_names_compiled_and_python_functions"
    assert names == [here, "compiled.call_with_each", "<lambda>", "python", "compiled.raises"]


def test_objects_die_where_they_should():
    log = []
    seen = []
    for i in range(TURNS):
        d = m.Deaths(log)
        seen.append(len(log))
        d = None
    assert seen == list(range(TURNS))
    v = m.Vector(1, 2)
    reference = weakref.ref(v)
    del v
    assert reference() is None


def test_reference_counts_stay():
    owner = object()
    before = sys.getrefcount(owner)
    for i in range(TURNS):
        v = m.Vector(i, i, owner)
        assert v.owner is owner
    del v
    # Cython keeps some dead instances, without what they held.
    assert sys.getrefcount(owner) == before


def test_memoryviews():
    total = 0
    doubles, ints = array.array("d", [0.5] * 100), array.array("i", range(100))
    for i in range(500):
        total += m.total(doubles) + m.total(ints)
    assert total == 500 * (50 + 4950)
    with pytest.raises(TypeError):
        m.total(array.array("d", [1]).tolist())


def test_python_code_called_where_the_gil_was_given_away():
    state = {"n": 0}

    def function(x):
        for _ in range(3):
            state["n"] += 1
        return x * 0.5

    results = []
    threads = [threading.Thread(target=lambda: results.append(m.called_without_gil(function, 500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [sum(range(500)) * 0.5] * 4
    assert state["n"] <= 4 * 500 * 3


def test_a_profiler_sees_compiled_functions():
    def run(function):
        events = []
        sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
        try:
            m.call_with_each(function, [1, 2])
        finally:
            sys.setprofile(None)
        return [event for event in events if event[1] in ("call_with_each", "function")]

    def function(x):
        return x

    for _ in range(300):
        m.call_with_each(function, [1])
    assert run(function) == [
        ("call", "call_with_each"),
        ("call", "function"), ("return", "function"), ("call", "function"), ("return", "function"),
        ("return", "call_with_each"),
    ]  # fmt: skip


def test_introspection():
    assert m.local_names(1) == ["a", "b", "c"]
    assert str(inspect.signature(m.local_names)) == "(a, b=2)"
    assert m.local_names.__defaults__ == (2,)


def test_iteration_and_unpacking():
    total = 0
    for i in range(TURNS):
        x, y = m.Vector(i, 1)
        total += x + y
    assert total == sum(range(TURNS)) + TURNS


def test_pickle_of_functions():
    assert pickle.loads(pickle.dumps(m.raises)) is m.raises
