# cython: language_level=3, profile=True
"""What Cython compiles in its own ways: types, calls in both directions, generators, coroutines, exceptions, threads."""

cimport cython


@cython.freelist(8)
cdef class Vector:
    """An extension type with fields in C, arithmetic, a property, and a subclass in Python."""

    cdef public double x, y
    cdef readonly object owner
    cdef object __weakref__

    def __init__(self, double x, double y, owner=None):
        self.x, self.y, self.owner = x, y, owner

    def __add__(self, other):
        if not isinstance(self, Vector) or not isinstance(other, Vector):
            return NotImplemented
        return Vector(self.x + other.x, self.y + other.y)

    def __getitem__(self, int index):
        return (self.x, self.y)[index]

    def __len__(self):
        return 2

    def __call__(self, function):
        return function(self.x, self.y)

    def __iter__(self):
        yield self.x
        yield self.y

    @property
    def length(self):
        return (self.x * self.x + self.y * self.y) ** 0.5

    cpdef double scaled(self, double by):
        return self.x * by + self.offset()

    cpdef double offset(self):
        return 0.0


cdef class Deaths:
    cdef list log

    def __init__(self, list log):
        self.log = log

    def __dealloc__(self):
        self.log.append("dead")


def call_with_each(function, list items):
    """A loop in C that calls Python code."""
    return [function(item) for item in items]


def call_by_name(function, *args, **names):
    return function(*args, **names)


def squares(n):
    for i in range(n):
        sent = yield i * i
        if sent is not None:
            yield sent


def nested(inner):
    result = yield from inner
    return result


async def awaits(awaitable):
    return await awaitable


def adder(n):
    def add(k, *, twice=False):
        return n + k + (k if twice else 0)

    return add


def raises(kind, text):
    raise kind(text)


def handles(function):
    try:
        return function()
    except ValueError as error:
        return "handled", str(error), error.__traceback__.tb_next.tb_frame.f_code.co_name
    finally:
        pass


def total(cython.numeric[:] view):
    """Of a typed memoryview of any number type."""
    cdef cython.numeric sum = 0
    cdef Py_ssize_t i
    for i in range(view.shape[0]):
        sum += view[i]
    return sum


cdef double c_callback(void *function, double x) noexcept with gil:
    return (<object>function)(x)


def called_without_gil(function, int turns):
    """Gives the GIL away in each turn and takes it for the call."""
    cdef double sum = 0
    cdef void *pointer = <void *>function
    cdef int i
    with nogil:
        for i in range(turns):
            sum += c_callback(pointer, i)
    return sum


def local_names(a, b=2):
    c = a
    return sorted(locals())
