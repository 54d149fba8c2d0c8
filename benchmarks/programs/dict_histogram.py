"""Counting in dicts with int and str keys."""


def loop(n):
    counts = {}
    words = {}
    names = ["alpha", "beta", "gamma", "delta", "epsilon"]
    x = 7
    for i in range(n):
        x = (x * 75 + 74) % 65537
        k = x & 255
        if k in counts:
            counts[k] += 1
        else:
            counts[k] = 1
        w = names[x % 5]
        words[w] = words.get(w, 0) + 1
    return sorted(counts.items())[:5], words


def iteration():
    return loop(120000)
