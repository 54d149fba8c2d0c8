"""Who asked for a place on code objects is told of the death of those that it put something on, and of no others."""

import ctypes
import gc

FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
request = ctypes.pythonapi._PyEval_RequestCodeExtraIndex
request.argtypes, request.restype = (FREE,), ctypes.c_ssize_t
put = ctypes.pythonapi._PyCode_SetExtra
put.argtypes, put.restype = (ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p), ctypes.c_int
get = ctypes.pythonapi._PyCode_GetExtra
get.argtypes, get.restype = (ctypes.py_object, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p)), ctypes.c_int

SOURCE = """
def hot(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""
freed = []
free = FREE(freed.append)
index = request(free)


def make():
    namespace = {}
    exec(SOURCE, namespace)
    hot = namespace["hot"]
    for _ in range(50):
        hot(100)
    return hot


make()
gc.collect()
print(freed)
hot = make()
pointer = ctypes.c_void_p(1)
print(put(hot.__code__, index, 4711), get(hot.__code__, index, pointer), pointer.value, hot(100))
del hot
gc.collect()
print(freed)
freed.clear()
