"""A local that the compiled turn only sets, always to the same number, and that other paths read and change: they see the number it has."""


def few_in_a_row(turns):
    k, out = 0, []
    for turn in range(turns):
        if turn % 40 > 35:
            out.append(k)
            k = k - 3
        else:
            k = abs(3) // 2
        max([turn, 7])
    return out[:12], sum(out), len(out)


def floats(turns):
    x, total = 0.0, 0.0
    for turn in range(turns):
        if turn % 50 > 44:
            total += x
            x = x * 2.5
        else:
            x = abs(-1.5)
        min([turn, 7])
    return total


def truths(turns):
    flag, count = True, 0
    for turn in range(turns):
        if turn % 60 > 55:
            count += 10 if flag else 1
            flag = not flag
        else:
            flag = len("ab") == 2
        max([turn, 7])
    return count


class Seen:
    def __init__(self, value):
        self.value = value

    def __del__(self):
        dead.append(self.value)


dead = []


def objects(turns):
    k, held = 0, None
    t = 0
    while t < turns:
        t += 1
        if t % 45 > 40:
            held = Seen(k)
            k = k - 3
        else:
            k = abs(3) // 2
        max([t, 7])
    return held.value


for attempt in range(3):
    print(few_in_a_row(6000), floats(6000), truths(6000), objects(3000))
print(len(dead), sum(dead), dead[-9:])
