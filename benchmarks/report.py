#!/usr/bin/env python3
"""What the measurements say: ratios, their means and worst cases, as text, Markdown, JSON and (by `plot.py`) SVG.

    report.py first.json second.json --output build/bench/all      # runs of different programs or columns, made into one report

Who calls it: `bench.py`; people, to put runs together that were made in pieces. Ratios, for each program and column:

    steady   base's seconds for one iteration, once it is warm / the column's           above 1: faster than base
    first    the same of the first iteration
    1st s    iterations in the first second, compilation included, of the column / of base
    memory   peak resident memory of the column / of base                               above 1: needs more than base

A program whose result differs has no ratios: it did other work. A **fault** is what must not be (coluber or base fails, another
result, a hand-over to CPython's evaluator); that PyPy (an older Python) fails is only noted.
"""

import argparse
import json
import math
import os
import statistics
import sys

import plot

# key: (heading, is more better)
RATIOS = {"steady": ("steady", True), "first": ("first", True), "work": ("1st s", True), "memory": ("memory", False)}

# More than this share of the time in which others had the core is worth saying.
MUCH = 0.1


def complete(row, columns):
    """Adds to a measured row its `ratios` by column, its `faults` and `notes`, and what share of the time others had the core."""
    sides = row["sides"]
    row["core_taken"] = max([run["core_taken"] for side in sides.values() for run in side.get("runs", ())], default=0)
    row["ratios"], row["faults"], row["notes"] = {}, [], []
    base = sides["base"]
    if "error" in base:
        row["faults"].append("base: " + base["error"])
        return row
    if len(results(base)) > 1:
        row["faults"].append("base: another result in each process")
    for column in [c for c in columns if c in sides]:
        measured = sides[column]
        complaints = row["notes"] if column == "pypy" else row["faults"]
        if "error" in measured:
            complaints.append("%s: %s" % (column, measured["error"]))
        elif results(measured) != results(base):
            complaints.append("%s: the result differs" % column)
        else:
            row["ratios"][column] = {
                "steady": base["steady"] / measured["steady"], "first": base["first"] / measured["first"], "work": measured["work"] / base["work"],
                "memory": measured["peak_kib"] / base["peak_kib"] if base["peak_kib"] and measured["peak_kib"] else None,
            }
        for run in measured.get("runs", ()):
            handovers = run.get("statistics", {}).get("handovers", {})
            if handovers:
                row["faults"].append("%s: handed over to CPython's evaluator: %s" % (column, ", ".join("%s %d" % pair for pair in handovers.items())))
                break
    return row


def results(side):
    return {(r["state"], r["checked"], tuple(r["printed"])) for r in side["runs"]}


def summary(rows, columns):
    """{group: {ratio: {column: {geomean, median, worst, worst_program, programs}}}}, for all rows and for each group."""
    out = {}
    for group in ["all"] + sorted({r["group"] for r in rows}):
        out[group] = {}
        for key, (_, more_is_better) in RATIOS.items():
            for column in columns:
                chosen = [r for r in rows if group in ("all", r["group"]) and column in r["ratios"]]
                values = sorted((r["ratios"][column][key], r["name"]) for r in chosen if r["ratios"][column][key])
                if values:
                    worst = values[0] if more_is_better else values[-1]
                    out[group].setdefault(key, {})[column] = {
                        "geomean": math.exp(sum(math.log(v) for v, _ in values) / len(values)),
                        "median": statistics.median(v for v, _ in values), "worst": worst[0], "worst_program": worst[1], "programs": len(values),
                    }
    return out


# -- text

def explanation(document):
    """The lines above the table."""
    lines = ["%-8s %s (%s)" % (name, " ".join(side["command"]), side["version"]) for name, side in document["sides"].items()]
    return "\n".join(lines + ["steady, first, 1st s: above 1 is faster than base; memory: above 1 is more than base", ""])


def headings(columns):
    """Two lines: ratios, and under each its columns."""
    width = 8 * len(columns)
    above = "%-42s" % "" + "".join("|%*s" % (width, heading) for heading, _ in RATIOS.values())
    return above + "\n%-32s%10s" % ("program", "base ms") + ("|" + "".join("%8s" % c for c in columns)) * len(RATIOS) + "| same"


def number(value):
    return "-" if value is None else "%.0f" % value if value >= 100 else "%.2f" % value


def row_text(row, columns):
    base = row["sides"]["base"]
    text = "%-32s%10s" % (row["name"], "-" if "error" in base else "%.4g" % (base["steady"] * 1e3))
    for key in RATIOS:
        text += "|" + "".join("%8s" % number(row["ratios"].get(c, {}).get(key)) for c in columns)
    text += "| " + ("NO" if row["faults"] else "yes") + (" (core taken: %.0f%%)" % (100 * row["core_taken"]) if row["core_taken"] > MUCH else "")
    return "\n".join([text] + ["  FAULT %s: %s" % (row["name"], fault) for fault in row["faults"]] + ["  note: %s" % note for note in row["notes"]])


def summary_text(document):
    lines = [""]
    for key, (heading, _) in RATIOS.items():
        for column, s in document["summary"]["all"].get(key, {}).items():
            lines.append("%-8s %-8s geomean %6s  median %6s  worst %6s (%s)  of %d programs" % (
                heading, column, number(s["geomean"]), number(s["median"]), number(s["worst"]), s["worst_program"], s["programs"]))
    for group, ratios in document["summary"].items():
        if group != "all" and "steady" in ratios:
            lines.append("%-17s steady geomean %s" % (group, ", ".join("%s %s" % (c, number(s["geomean"])) for c, s in ratios["steady"].items())))
    disturbed = sum(r["core_taken"] > MUCH for r in document["programs"])
    if disturbed:
        lines.append("%d programs had to share the core; that time is subtracted, but not what it does to caches" % disturbed)
    faults = sum(bool(r["faults"]) for r in document["programs"])
    return "\n".join(lines + ["%d programs, %d with faults" % (len(document["programs"]), faults)])


# -- files

def markdown(document):
    columns, total = document["columns"], document["summary"]["all"]
    lines = ["# Coluber's benchmarks (%s)" % document["form"], "", "| | |", "| --- | --- |"]
    lines += ["| %s | `%s`, %s |" % (name, " ".join(side["command"]), side["version"]) for name, side in document["sides"].items()]
    again = ", in up to %d more where coluber was slower" % document["again"] if document.get("again") else ""
    lines += ["", "Each program ran in %d process(es) of %g s on each side%s, in turn, on one core." % (document["processes"], document["seconds"], again),
              "steady: time of an iteration once warm; first: of the first one; 1st s: work done in the first second; above 1 is faster than base.",
              "memory: peak resident memory; above 1 is more than base.", ""]
    names = ["%s %s" % (heading, c) for heading, _ in RATIOS.values() for c in columns]
    lines += ["| of all programs | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for label in ("geomean", "median", "worst"):
        cells = [total.get(key, {}).get(c) for key in RATIOS for c in columns]
        texts = ["-" if s is None else number(s[label]) + (" (%s)" % s["worst_program"] if label == "worst" else "") for s in cells]
        lines.append("| %s | " % label + " | ".join(texts) + " |")
    lines += ["", "| program | base ms | " + " | ".join(names) + " |", "| --- |" + " ---: |" * (len(names) + 1)]
    for row in document["programs"]:
        base = row["sides"]["base"]
        cells = [number(row["ratios"].get(c, {}).get(key)) for key in RATIOS for c in columns]
        lines.append("| %s | %s | " % (row["name"], "-" if "error" in base else "%.4g" % (base["steady"] * 1e3)) + " | ".join(cells) + " |")
    disturbed = [r["name"] for r in document["programs"] if r["core_taken"] > MUCH]
    if disturbed:
        lines += ["", "Others had the core for more than a tenth of the time (which is subtracted) of: " + ", ".join(disturbed) + "."]
    complaints = ["- **fault** %s: %s" % (r["name"], text) for r in document["programs"] for text in r["faults"]]
    complaints += ["- %s: %s" % (r["name"], text) for r in document["programs"] for text in r["notes"]]
    return "\n".join(lines + [""] + complaints) + "\n"


def write_json(document, path):
    if path:
        with open(path, "w") as f:
            json.dump(document, f, indent=1)


def write(document, name):
    """Writes NAME.json, NAME.md and NAME.svg; the names of the files."""
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    files = [name + suffix for suffix in (".json", ".md", ".svg")]
    write_json(document, files[0])
    for path, text in zip(files[1:], (markdown(document), plot.svg(document))):
        with open(path, "w") as f:
            f.write(text)
    return files


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("documents", nargs="+", help="what bench.py has written; of a program in several, the last one counts")
    p.add_argument("--output", metavar="NAME", help="write NAME.json, NAME.md and NAME.svg")
    options = p.parse_args()
    rows, sides, document = {}, {}, {}
    for path in options.documents:
        try:
            with open(path) as f:
                document = json.load(f)
            rows.update((row["name"], row) for row in document["programs"])
            sides.update(document["sides"])
        except (OSError, ValueError, KeyError) as e:
            sys.exit("report: %s is not what bench.py writes: %s" % (path, e))
    columns = [name for name in sides if name != "base"]
    document.update(sides=sides, columns=columns, programs=[complete(row, columns) for row in rows.values()])
    document["summary"] = summary(document["programs"], columns)
    print(explanation(document))
    print(headings(columns))
    for row in document["programs"]:
        print(row_text(row, columns))
    print(summary_text(document))
    if options.output:
        print("wrote " + ", ".join(write(document, options.output)))
    return 1 if any(row["faults"] for row in document["programs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
