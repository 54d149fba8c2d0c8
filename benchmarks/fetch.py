#!/usr/bin/env python3
"""Fetches pyperformance's benchmark programs and the packages that they need, unmodified, into build/packages (once).

    fetch.py [NAME ...]         # prints the folder of each, of all in packages.txt if none is named

Who calls it: `bench.py`, for the programs that are wanted. Versions and SHA-256 are pinned in `packages.txt`. Downloading is pip's
business; an archive that is already in build/downloads is taken if its hash is right. Nothing is installed, and of the packages
only Python code is unpacked, no native library: every interpreter is to run the same.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PINS = os.path.join(HERE, "packages.txt")
BUILD = os.path.join(os.path.dirname(HERE), "build")
DOWNLOADS = os.path.join(BUILD, "downloads")
PACKAGES = os.path.join(BUILD, "packages")

# Pure wheels, or CPython 3.9's where a package has none, whatever interpreter asks: see packages.txt. Only pyaes has no wheel.
PLATFORM = ["--only-binary", ":all:", "--no-binary", "pyaes", "--ignore-requires-python", "--python-version", "3.9", "--implementation", "cp",
            "--abi", "cp39", "--abi", "none"]
PLATFORM += [word for tag in ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "any") for word in ("--platform", tag)]


def pins():
    """{name: (version, SHA-256, its line)} of packages.txt."""
    with open(PINS) as f:
        lines = [line.strip() for line in f if not line.startswith("#")]
    found = (re.fullmatch(r"([a-z0-9-]+)==(\S+) --hash=sha256:([0-9a-f]{64})", line) for line in lines)
    return {m[1]: (m[2], m[3], m[0]) for m in found}


def folders(names):
    """{name: the folder to put on sys.path}, fetched if need be. Ends the process with one line that names the remedy if it can't."""
    known = pins()
    where = {name: os.path.join(PACKAGES, "%s-%s" % (name, known[name][0])) for name in names}
    missing = [name for name in names if not os.path.isdir(where[name])]
    if missing:
        os.makedirs(DOWNLOADS, exist_ok=True)
        os.makedirs(PACKAGES, exist_ok=True)
        archives = downloaded()
        wanted = [name for name in missing if known[name][1] not in archives]
        if wanted:
            print("bench: fetching %s" % ", ".join(wanted), file=sys.stderr)
            download([known[name][2] for name in wanted])
            archives = downloaded()
        for name in missing:
            unpack(archives[known[name][1]], where[name])
    return where


def downloaded():
    """{SHA-256: path} of what is in build/downloads."""
    found = {}
    for file in os.listdir(DOWNLOADS):
        path = os.path.join(DOWNLOADS, file)
        with open(path, "rb") as f:
            found[hashlib.sha256(f.read()).hexdigest()] = path
    return found


def download(lines):
    """Has pip download the pinned lines; pip refuses what has another hash."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        wanted = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", *PLATFORM, "--dest", DOWNLOADS, "--requirement", file.name]
        last = ""
        for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
            if shutil.which(pip[0]) is None:
                continue
            done = subprocess.run(pip + wanted, capture_output=True, text=True)
            if done.returncode == 0:
                return
            last = last or (done.stderr.strip().splitlines() or ["?"])[-1]
    sys.exit("bench: pip could not download %s (%s); connect to the network, install python3-pip, or put the archives into %s" % (
        ", ".join(line.split()[0] for line in lines), last or "no pip found", DOWNLOADS))


def unpack(archive, target):
    with tempfile.TemporaryDirectory(suffix=".part", dir=os.path.dirname(target)) as folder:
        part = os.path.join(folder, "package")
        extract(archive, part)
        try:
            os.rename(part, target)
        except OSError:
            # Another measurement, begun at the same time, was faster.
            if not os.path.isdir(target):
                raise


def extract(archive, folder):
    if archive.endswith(".whl"):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                if not info.is_dir():
                    with z.open(info) as source:
                        place(folder, info.filename, source)
    else:
        with tarfile.open(archive) as t:
            for info in t:
                if info.isfile():
                    # A source archive has everything in one folder.
                    place(folder, info.name.partition("/")[2], t.extractfile(info))


def place(folder, name, source):
    # Archives are pinned by their hash; the check of the path is for the day when someone changes a pin.
    if name.endswith((".so", ".pyd")) or name.startswith("/") or ".." in name.split("/"):
        return
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(source, target)


def compile_all(paths, command):
    """Has an interpreter write its .pyc files, so that no measured process spends time and memory on compiling packages.

    What doesn't compile (a template, Python 2) fails or succeeds when it is imported."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    subprocess.run(command + ["-m", "compileall", "-q", "-q", "-x", "/tests?/", *paths], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in pins()]
    if unknown:
        sys.exit("bench: %s is not in packages.txt" % unknown[0])
    for folder in folders(sys.argv[1:] or list(pins())).values():
        print(folder)
