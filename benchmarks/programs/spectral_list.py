"""Power iteration over a symmetric matrix given by a function of the indices: calls, int and float mixed, list stores."""


def entry(i, j):
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1)


def multiply(v, out, n):
    for i in range(n):
        s = 0.0
        for j in range(n):
            s += entry(i, j) * v[j]
        out[i] = s


def iteration():
    n = 100
    v = [1.0] * n
    w = [0.0] * n
    for _ in range(5):
        multiply(v, w, n)
        multiply(w, v, n)
    return v[0], v[-1]
