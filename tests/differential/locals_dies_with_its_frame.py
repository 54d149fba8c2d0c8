# `locals()` makes a dict that belongs to the frame: what it holds dies with the frame, hot or not.
import gc

alive = 0


class Counted:
    def __init__(self):
        global alive
        alive += 1

    def __del__(self):
        global alive
        alive -= 1


def look(a, b):
    counted = Counted()
    return "%(a)s %(b)s" % locals()


class Looking(Counted):
    def __init__(self, a):
        super().__init__()
        self.names = sorted(locals())


def generate(a):
    counted = Counted()
    yield len(locals())
    yield sorted(locals())


gc.disable()
for turn in range(300):
    text = look(turn, 2)
    names = Looking(turn).names
    counts = list(generate(turn))
    if turn % 60 == 0:
        print(text, names, counts, alive)
print(alive)
