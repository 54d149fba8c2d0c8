"""Quicksort in place over a list of ints: item loads, stores, swaps, comparisons, recursion."""

numbers = []
seed = 42
for _ in range(20000):
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    numbers.append(seed)


def quicksort(a, low, high):
    while low < high:
        pivot = a[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while a[i] < pivot:
                i += 1
            while a[j] > pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if j - low < high - i:
            quicksort(a, low, j)
            low = i
        else:
            quicksort(a, i, high)
            high = j


def iteration():
    a = list(numbers)
    quicksort(a, 0, len(a) - 1)
    return a[0], a[len(a) // 2], a[-1], a == sorted(numbers)
