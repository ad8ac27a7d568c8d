#!/usr/bin/env python3
"""Licence texts of everything that is linked into the program, on standard output: licences.py TARGET

A crate without a licence text ends this with an error, unless its terms allow Apache-2.0, whose text is the same for everybody."""

import json
import subprocess
import sys
from pathlib import Path

BEGINNINGS = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
HERE = Path(__file__).resolve().parents[2]
RULE = "=" * 100


def crates(target):
    """What the program is linked from, without what only builds or tests it."""
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(words, cwd=HERE, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    reached, waiting = set(), [root]
    while waiting:
        crate = waiting.pop()
        if crate not in reached:
            reached.add(crate)
            links = nodes[crate]["deps"]
            waiting += [link["pkg"] for link in links if any(kind["kind"] is None for kind in link["dep_kinds"])]
    found = [package for package in metadata["packages"] if package["id"] in reached - {root}]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence texts that lie in a crate's folder."""
    folder = Path(package["manifest_path"]).parent
    files = {path for path in folder.iterdir() if path.is_file() and path.name.upper().startswith(BEGINNINGS)}
    if package["license_file"]:
        files.add(folder / package["license_file"])
    if files:
        return [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted(files)]
    if "Apache-2.0" in (package["license"] or ""):
        return [(HERE / "LICENSE-APACHE").read_text(encoding="utf-8").strip()]
    return []


def main():
    # By its words: lines are broken differently here and there.
    users, whole, without = {}, {}, []
    for package in crates(sys.argv[1]):
        name = f"{package['name']} {package['version']} ({package['license'] or 'see its text'})"
        found = texts(package)
        if not found:
            without.append(name)
        for text in found:
            words = tuple(text.split())
            whole.setdefault(words, text)
            users.setdefault(words, []).append(name)
    if without:
        sys.exit("no licence text is in these crates, and their terms need one: " + ", ".join(without))
    compiler = subprocess.run(["rustc", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    print("netdissect is linked from the works below, each followed by the terms it comes under, and from the standard")
    print(f"library of {compiler}, whose terms are in THIRD-PARTY-RUST.html.\n")
    for words, names in users.items():
        print(RULE, *names, RULE, "", whole[words], "", sep="\n")


if __name__ == "__main__":
    main()
