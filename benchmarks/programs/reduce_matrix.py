"""Gaussian elimination with row swaps over lists of floats."""

N = 40


def determinant(m):
    n = len(m)
    d = 1.0
    for c in range(n):
        p = c
        for r in range(c + 1, n):
            if abs(m[r][c]) > abs(m[p][c]):
                p = r
        if p != c:
            m[p], m[c] = m[c], m[p]
            d = -d
        pivot = m[c]
        d *= pivot[c]
        for r in range(c + 1, n):
            row = m[r]
            f = row[c] / pivot[c]
            if f != 0.0:
                for k in range(c, n):
                    row[k] -= f * pivot[k]
    return d


def iteration():
    total = 0.0
    for t in range(4):
        total += determinant([[((i * 7 + j * 13 + t) % 11) * 0.1 + (i == j) for j in range(N)] for i in range(N)])
    return total
