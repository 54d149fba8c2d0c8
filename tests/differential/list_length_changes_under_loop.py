"""A list that grows, shrinks, is cleared or replaced while a hot `for` walks over it."""


def grows(limit):
    data = [1]
    total = 0
    for x in data:
        total += x
        if len(data) < limit:
            data.append(x + 1)
    return total, len(data)


def shrinks(n):
    data = list(range(n))
    seen = []
    for x in data:
        seen.append(x)
        if x % 2:
            data.pop()
    return len(seen), seen[-1], len(data)


def cleared(n, at):
    data = list(range(n))
    seen = 0
    for x in data:
        seen += 1
        if x == at:
            data.clear()
    return seen, data


def slice_deleted(n):
    data = list(range(n))
    seen = []
    for x in data:
        seen.append(x)
        if x == n // 2:
            del data[10:n // 2]
        if x == n - 5:
            data[:] = [7] * 20
    return len(seen), seen[-3:], len(data)


def removes_current(n):
    data = list(range(n))
    for x in data:
        if x % 3 == 0:
            data.remove(x)
    return len(data), sum(data)


def inserts_front(n):
    data = [0] * n
    turns = 0
    for x in data:
        turns += 1
        if turns % 2 and turns < 300:
            data.insert(0, turns)
    return turns, len(data), sum(data)


def shrink(data, keep):
    del data[keep:]


def by_callee(n):
    data = list(range(n))
    total = 0
    for x in data:
        total += x
        if x == 200:
            shrink(data, 150)
    return total, len(data)


def index_loop(n):
    data = list(range(n))
    i = 0
    total = 0
    while i < len(data):
        total += data[i]
        if i % 5 == 4:
            del data[i]
        i += 1
    return total, len(data)


def rebound(n):
    """Rebinding the name does not change what the loop walks over."""
    data = list(range(n))
    total = 0
    for x in data:
        if x == 100:
            data = []
        total += x
    return total, data


def exhausted_then_grown(n):
    """An exhausted list iterator stays exhausted."""
    data = list(range(n))
    it = iter(data)
    for x in it:
        pass
    data.append(99)
    left = list(it)
    return x, left, len(data)


for _ in range(3):
    print(grows(500), shrinks(600), cleared(400, 200), slice_deleted(400), removes_current(300))
    print(inserts_front(150), by_callee(400), index_loop(400), rebound(200), exhausted_then_grown(200))


def pops_from_under(n):
    data = list(range(n))
    out = 0
    while data:
        x = data.pop()
        out = (out * 31 + x) % 1000003
        if x % 7 == 0 and x > 10:
            data.pop(0)
    return out


print(pops_from_under(500))


def mutated_by_comparison(n):
    class Evil:
        def __eq__(self, other):
            del data[5:]
            return False

    data = [Evil() for _ in range(n)]
    hits = 0
    for i in range(n):
        if 3 in data:
            hits += 1
    return hits, len(data)


print(mutated_by_comparison(100))
