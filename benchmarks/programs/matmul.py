"""Matrix product over lists of lists of floats."""

N = 60
a = [[(i * N + j) * 0.001 for j in range(N)] for i in range(N)]
b = [[(i - j) * 0.01 for j in range(N)] for i in range(N)]


def multiply(a, b, n):
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        row = a[i]
        out = c[i]
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += row[k] * b[k][j]
            out[j] = s
    return c


def iteration():
    c = multiply(a, b, N)
    return c[0][0], c[N // 2][3], c[-1][-1]
