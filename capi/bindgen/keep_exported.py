"""Drops the functions and statics that a stock libpython does not export from bindgen's output."""
import re
import sys

exported = set(open(sys.argv[1]).read().split())
text = sys.stdin.read()
start = text.index('unsafe extern "C" {\n') + len('unsafe extern "C" {\n')
end = text.index("\n}\n", start)
items = re.findall(r"(?:    #\[[^\n]*\]\n)*    pub (?:fn|static).*?;$", text[start : end + 1], re.S | re.M)
kept = [i for i in items if re.search(r"pub (?:fn|static(?: mut)?) (\w+)", i).group(1) in exported]
sys.stdout.write(text[:start] + "\n".join(kept) + text[end:])
