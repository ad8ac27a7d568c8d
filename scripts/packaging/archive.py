#!/usr/bin/env python3
"""A folder as .tar.xz, the same bytes for the same files: archive.py FOLDER FILE.tar.xz"""

import os
import sys
import tarfile
from pathlib import Path


def main():
    folder, output = Path(sys.argv[1]), sys.argv[2]

    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with tarfile.open(output, "w:xz", preset=9, format=tarfile.GNU_FORMAT) as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            archive.add(path, path.relative_to(folder.parent), recursive=False, filter=plain)


if __name__ == "__main__":
    main()
