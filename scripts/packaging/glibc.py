#!/usr/bin/env python3
"""The oldest glibc with all symbols that a program asks for: glibc.py PROGRAM"""

import re
import sys
from pathlib import Path


def oldest_glibc(program):
    """Version such as (2, 17), from the names of symbol versions in the program's string table."""
    versions = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", Path(program).read_bytes())
    if not versions:
        sys.exit(f"{program}: names no version of glibc")
    return max((int(major), int(minor)) for major, minor in versions)


if __name__ == "__main__":
    print("{}.{}".format(*oldest_glibc(sys.argv[1])))
