"""What `tools/profile-library` and `tools/order-text` run besides loops: Python as it is written, which is calls, attributes, exceptions and
generators. Each function is one program; they go through modules of the standard library that are written in Python, often enough that importing
these counts for little."""

import ast
import collections
import configparser
import dataclasses
import difflib
import email.message
import email.parser
import fractions
import functools
import html.parser
import inspect
import io
import logging
import pickle
import string
import textwrap
import tokenize
import typing

SOURCE = textwrap.dedent(inspect.getsource(textwrap.TextWrapper))

# What short programs consist of: statements of most kinds, each executed once or twice.
ONCE = """
import os.path, sys

class Base:
    limit = 2

    def __init__(self, name, *rest, size=0):
        self.name, self.rest, self.size = name, rest, size

    @property
    def title(self):
        return f"{self.name!r:>5} {self.size + 1}"

    @staticmethod
    def add(a, b):
        return a + b

class Derived(Base):
    def __init__(self, name):
        super().__init__(name, *"ab", size=len(name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

def numbers(first=0):
    while first < 2:
        yield first
        first += 1

def outer(x):
    def inner(y):
        nonlocal x
        x -= y
        return x
    return inner

with Derived("it") as derived, open(os.devnull) as file:
    lines = [line for line in file if line.strip()]
try:
    {}["missing"]
except (KeyError, ValueError) as error:
    said = str(error)
finally:
    del lines[:]
first, *others = sorted({n * 2.5 for n in numbers()} | {1}, key=lambda n: -n)
table = {**{str(n): n for n in range(2)}, "rest": others[:1]}
if said and not lines and table.get("0") is not None and "rest" in table:
    print("%s %s" % (first, table), derived.title, Base.add(1, b=2), outer(3)(1), next(n for n in others), file=sys.stderr)
assert isinstance(derived, Base) and Base.limit != 3
"""


def repeated(times):
    """A function that runs so many times in one call."""

    def decorate(function):
        @functools.wraps(function)
        def program():
            return [function() for _ in range(times)][-1]

        return program

    return decorate


@repeated(8)
def source_code():
    """Tokens, a syntax tree and its text, of a class of the library."""
    tokens = [token.string for token in tokenize.generate_tokens(io.StringIO(SOURCE).readline)]
    tree = ast.parse(SOURCE)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return len(tokens), len(names), ast.unparse(tree)


class Outline(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        self.text.append(data.strip())


@repeated(8)
def documents():
    """Markup, templates, wrapped text, differences, a mail."""
    rows = "".join(f"<li class='row' id=r{i}>item <b>{i}</b> &amp; more</li>\n" for i in range(40))
    outline = Outline()
    outline.feed(f"<html><body><ul>{rows}</ul></body></html>")
    text = " ".join(outline.text)
    filled = string.Template("Dear $name, $$5 for ${what}").substitute(name="you", what=text[:20])
    wrapped = textwrap.wrap(text + filled, 40)
    changes = list(difflib.unified_diff(wrapped, wrapped[::2] + ["end"], lineterm=""))
    mail = email.message.EmailMessage()
    mail["Subject"], mail["To"] = "changes", "someone <some@example.org>"
    mail.set_content("\n".join(changes))
    return email.parser.Parser().parsestr(mail.as_string())["subject"]


@dataclasses.dataclass(order=True)
class Part:
    price: fractions.Fraction
    name: str = dataclasses.field(default="part", compare=False)
    parts: list = dataclasses.field(default_factory=list, compare=False)

    def total(self, factor=1, *, discount=0):
        return (self.price + sum(part.total(factor, discount=discount) for part in self.parts)) * factor - discount


@repeated(80)
def objects():
    """Classes with properties and defaults, pickled by the Python code for it; exceptions for what is not there."""
    parts = [Part(fractions.Fraction(i, 7), f"part {i}") for i in range(30)]
    whole = Part(fractions.Fraction(1), parts=sorted(parts, reverse=True))
    data = io.BytesIO()
    pickle._Pickler(data).dump([dataclasses.asdict(whole), {part.name: part.price for part in parts}])
    copy = pickle._loads(data.getvalue())
    missing = 0
    for name in ("part 3", "part 33", "other"):
        try:
            copy[1][name]
        except KeyError as error:
            missing += name in str(error)
    return whole.total(2, discount=1), missing, dataclasses.replace(whole, name="whole").name


@repeated(80)
def services():
    """Configuration, records of a log, signatures and the types of parameters."""
    config = configparser.ConfigParser()
    config.read_string("[DEFAULT]\nroot = /srv\n" + "".join(f"[site{i}]\nname: s{i}\npath = %(root)s/%(name)s\n" for i in range(20)))
    log, output = logging.getLogger("typical"), io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.propagate = False
    for section in config.sections():
        if not config.getboolean(section, "hidden", fallback=False):
            log.warning("%s is at %s", section, config.get(section, "path"))
    log.removeHandler(handler)
    signature = inspect.signature(Part.total).bind(None, 2, discount=3)
    signature.apply_defaults()
    return len(output.getvalue()), typing.get_type_hints(Part), signature.arguments


class Ticket:
    issued = 0

    def __init__(self, seed):
        Ticket.issued += 1
        self.number, self.seed = Ticket.issued, seed


@repeated(40)
def records():
    """Rows that are dicts, tables that are filled, a queue, checksums of more than a machine word, a class that counts."""
    rows, queue, seed, check = [], collections.deque(), 12345, 0xCBF29CE484222325
    for i in range(300):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        check = ((check ^ (seed & 255)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        rows.append({"id": i, "key": seed % 17, "text": str(seed), "total": 0})
        queue.append(Ticket(seed))
    by_key, seen, squares = {}, {}, 0
    for row in rows:
        row["total"] += row["id"] * row["key"]
        row["text"] = row["text"].upper() + "," + str(row["total"])
        seen[row["id"]] = row["key"] in by_key
        by_key.setdefault(row["key"], []).append(row)
        squares += row["id"] ** 2 * row["id"]
    while queue:
        ticket = queue.popleft()
        squares = (squares * 31 + ticket.seed + ticket.number) % 1000000007
    return squares, check, sum(seen.values()), max(len(rows) for rows in by_key.values())


PROGRAMS = source_code, documents, objects, services, records
