"""`s += x` in a hot loop: value, and that a second reference to the old string is never changed in place."""


def build(turns):
    s = ""
    for i in range(turns):
        s += str(i)
    return len(s), s[-10:]


def held(turns):
    s = "a"
    old = []
    for i in range(turns):
        if i % 50 == 0:
            old.append(s)
        s += "b"
    return [len(o) for o in old], s.count("b"), {o[:1] for o in old}


def aliased(turns):
    s = "x"
    for i in range(turns):
        t = s
        s += "yz"
        if t is s or len(t) + 2 != len(s):
            return "bad"
    return len(t), len(s)


def empty_keeps_identity(turns):
    s = "".join(["some", "text"])
    first = s
    for i in range(turns):
        s += ""
        s = "" + s
    return s is first


def global_string(turns):
    global g
    g = ""
    for i in range(turns):
        g += "."
    return len(g)


class Holder:
    s = ""


def attribute(turns):
    h = Holder()
    parts = [""]
    for i in range(turns):
        h.s += "q"
        parts[0] += "r"
    return len(h.s), len(parts[0]), Holder.s


def widths(turns):
    """The character width grows in the middle."""
    s = ""
    for i in range(turns):
        s += chr(32 + i * 23 % 60)
        if i == 100:
            s += "\u00e9"
        if i == 150:
            s += "\u20ac"
        if i == 200:
            s += "\U0001F40D"
    return len(s), ascii(s[95:105]), ascii(s[-3:]), sum(map(ord, s))


def operations(turns):
    out = ""
    for i in range(turns):
        c = "abcdefg"[i % 7]
        if c in "ace" and c < "d" or c * 2 == "gg":
            out = c + out[:20]
        out = out.replace("a", "A") if i % 9 == 0 else out
        out = "%s%d" % (out[-15:], i) if i % 5 == 0 else f"{out[-15:]}{i:>3}{c!r}"
        if out.startswith("1") or out[-1:] == "9":
            out = out[::-1]
    return out


def cell_string(turns):
    s = ""

    def inner():
        return s

    for i in range(turns):
        s += "c"
    return len(inner())


print(build(300), held(200), aliased(200), empty_keeps_identity(100), global_string(200), attribute(200))
print(widths(300), operations(300), cell_string(150))


def wrong_type(turns):
    s = ""
    for i in range(turns):
        s += "x" if i < turns - 1 else i


try:
    wrong_type(200)
except TypeError as e:
    f = e.__traceback__.tb_next.tb_frame
    print(e, len(f.f_locals["s"]), f.f_locals["i"])


def bytes_too(turns):
    b = b""
    a = bytearray()
    for i in range(turns):
        b += bytes([i % 256])
        a += b[-1:]
        a[i // 2] ^= 0x55
    return len(b), sum(b), sum(a), bytes(a[:8])


print(bytes_too(300))
