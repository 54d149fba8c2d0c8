"""os.fork out of a hot loop: parent and child both go on in it with their own variables."""

import os
import sys


def child_result(total):
    return total % 251


def run(turns):
    total = 0
    pid = None
    for i in range(turns):
        total += i
        if i == 300:
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                total += 1000003
    return pid, total


pid, total = run(600)
if pid == 0:
    os._exit(child_result(total))
_, status = os.waitpid(pid, 0)
print(total, os.waitstatus_to_exitcode(status) == child_result(total + 1000003))


def many_children(n):
    codes = []
    x = 0.0
    for i in range(n):
        x = x * 0.5 + i
        if i % 50 == 49:
            pid = os.fork()
            if not pid:
                y = 0
                for k in range(200):
                    y += k
                os._exit(int(x + y) % 256)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return codes, x.hex()


print(many_children(200))
