"""A path that was recorded while a local was bound is taken later when it is not yet: a loop is come to from the loop around it."""

WORDS = ["False", "and", "as", "assert", "async", "finally", "for", "from", "import", "try"] * 3
NAMES = {"abs": 1, "all": 2, "any": 3, "filter": 4, "float": 5, "format": 6, "frozenset": 7, "int": 8, "max": 9, "tuple": 10}


def matches(text, names):
    found = []
    seen = {"hidden"}
    n = len(text)
    for word in WORDS:
        if word[:n] == text:
            seen.add(word)
            if word in {"finally", "try"}:
                word = word + ":"
            found.append(word)
    for space in [names, NAMES]:
        for word, value in space.items():
            if word[:n] == text and word not in seen:
                seen.add(word)
                found.append(word)
    return found


some = {"f%d" % i: i for i in range(12)}
for turn in range(12):
    for text in ("", "f", "a", "im", "t", "xx"):
        matches(text, some if turn % 3 else {})
print(matches("f", some))
