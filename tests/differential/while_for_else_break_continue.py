"""`else` of loops, break, continue, at different depths and turns."""


def search(limit, needle):
    for i in range(limit):
        if i == needle:
            found = i
            break
    else:
        found = -1
    return found


def while_else(limit, stop):
    i = 0
    seen = 0
    while i < limit:
        i += 1
        if i % 3 == 0:
            continue
        if i == stop:
            break
        seen += i
    else:
        seen = -seen
    return seen


def primes(limit):
    out = []
    for n in range(2, limit):
        for d in out:
            if d * d > n:
                out.append(n)
                break
            if n % d == 0:
                break
        else:
            out.append(n)
    return out


def three_deep(n):
    total = 0
    for i in range(n):
        for j in range(i):
            k = 0
            while True:
                k += 1
                if k > j:
                    break
                if (i + j + k) % 4 == 0:
                    continue
                total += k
                if total % 11 == 0:
                    break
            else:
                total += 100000
            if j == 7:
                break
        else:
            total += 1
    return total


def break_value(turns):
    for outer in range(turns):
        while 1:
            if outer % 2:
                break
            outer += 1
        if outer > turns - 3:
            break
    return outer


print([search(300, k) for k in (0, 1, 150, 299, 300)])
print([while_else(400, k) for k in (1, 200, 399, 400, 999)])
print(primes(600)[-10:])
print(three_deep(30))
print(break_value(300))


def empty_else(turns):
    log = 0
    for t in range(turns):
        for x in ():
            log += 1000000
        else:
            log += 1
        while False:
            log += 1000000
        else:
            log += 100
    return log


print(empty_else(200))
