"""Draws a run of the benchmarks as SVG: for each program a line with a dot for each column, on a logarithmic scale.

Who calls it: `report.py`. The programs are sorted by the steady speed of the last of coluber's columns, the fastest first. Base is
the vertical line at 1; to the right of it is faster. Circles are the steady speed, ticks above the line the work of the first second.
"""

import math
from xml.sax.saxutils import escape

COLOURS = {"off": "#8a8f98", "on": "#0b63ce", "coluber": "#0b63ce", "pypy": "#e07b00"}
LABELS = 230  # width of the programs' names
SCALE = 640  # width of the scale
STEP = 15  # height of a program
TOP = 92
MARKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def svg(document):
    columns = document["columns"]
    rows = [r for r in document["programs"] if r["ratios"]]
    ours = [c for c in columns if c != "pypy"]
    rows.sort(key=lambda r: -r["ratios"].get(ours[-1] if ours else columns[-1], {"steady": 0})["steady"])
    values = [v for r in rows for ratios in r["ratios"].values() for v in (ratios["steady"], ratios["work"]) if v]
    low, high = min(values + [0.7]) / 1.1, max(values + [1.5]) * 1.1

    def x(value):
        return LABELS + SCALE * math.log(value / low) / math.log(high / low)

    bottom = TOP + STEP * len(rows)
    width, height = LABELS + SCALE + 30, bottom + 30
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' % (width, height, width, height),
           '<rect width="%d" height="%d" fill="white"/>' % (width, height),
           '<text x="10" y="20" font-size="14">Speed against %s (%s)</text>' % (escape(version(document["sides"]["base"]["version"])), escape(document["form"])),
           '<text x="10" y="36" fill="#555">circle: an iteration once warm; tick: the work of the first second; to the right of 1 is faster</text>']
    for i, column in enumerate(columns):
        mean = document["summary"]["all"].get("steady", {}).get(column)
        text = "%s%s" % (column if column in ("pypy", "coluber") else "JIT " + column, ": geometric mean %.2f" % mean["geomean"] if mean else "")
        out.append('<circle cx="%d" cy="52" r="4" fill="%s"/><text x="%d" y="56">%s</text>' % (16 + 220 * i, COLOURS[column], 26 + 220 * i, text))
    for mark in MARKS:
        if low <= mark <= high:
            line = 'stroke="#222" stroke-width="1.5"' if mark == 1 else 'stroke="#ddd"'
            for y in (TOP - 8, bottom + 16):
                out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%g</text>' % (x(mark), y, mark))
            out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" %s/>' % (x(mark), TOP - 4, x(mark), bottom + 4, line))
    for i, row in enumerate(rows):
        y = TOP + STEP * i + STEP / 2
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LABELS - 8, y + 4, escape(row["name"])))
        out.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#f0f0f0"/>' % (LABELS, y, LABELS + SCALE, y))
        for column in columns:
            ratios = row["ratios"].get(column)
            if ratios:
                out.append('<line x1="{0:.1f}" y1="{1:.1f}" x2="{0:.1f}" y2="{2:.1f}" stroke="{3}" stroke-width="1.5"/>'.format(
                    x(ratios["work"]), y - 6, y - 1, COLOURS[column]))
                out.append('<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s" fill-opacity="0.85"><title>%s, %s: %.2f</title></circle>' % (
                    x(ratios["steady"]), y, COLOURS[column], escape(row["name"]), column, ratios["steady"]))
    return "\n".join(out + ["</svg>"]) + "\n"


def version(text):
    """'Python 3.11.2' of what -VV says."""
    return " ".join(text.split()[:2])
