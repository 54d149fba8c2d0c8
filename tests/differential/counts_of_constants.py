"""A constant that is passed to a C function has a reference of the call's, in compiled code as well."""

import sys


def counted(n):
    seen = set()
    for i in range(n):
        seen.add((sys.getrefcount(123456789), sys.getrefcount("some text"), sys.getrefcount((1, 2)), sys.getrefcount(2.5)))
    return sorted(seen)


def kept_in_a_local(n):
    text, seen = "other text", set()
    for i in range(n):
        before = sys.getrefcount(text)
        also = "other text"
        seen.add((before, sys.getrefcount("other text"), sys.getrefcount(also)))
    return sorted(seen), sys.getrefcount(text)


for turn in range(2):
    print(counted(3000), kept_in_a_local(3000))
