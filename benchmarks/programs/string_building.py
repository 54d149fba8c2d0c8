"""Text built piece by piece, split and joined."""


def build(n):
    s = ""
    for i in range(n):
        s += "abc"[i % 3]
        if i % 10 == 0:
            s += str(i)
    words = []
    for i in range(n // 10):
        words.append("%d:%s" % (i, s[i:i + 3]))
    text = " ".join(words)
    return len(s), len(text), text.count("ab"), text.split()[-1]


def iteration():
    return build(100000)
