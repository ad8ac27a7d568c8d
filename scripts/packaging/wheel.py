#!/usr/bin/env python3
"""The program as a Python wheel: wheel.py FOLDER VERSION OUTPUT; FOLDER holds it as the archive does"""

import base64
import hashlib
import os
import platform
import sys
import time
import zipfile
from pathlib import Path

from glibc import oldest_glibc

METADATA = """\
Metadata-Version: 2.4
Name: netdissect
Version: {version}
Summary: Shows what every single unit of a vision network has learned, on any Vulkan, Metal or DX12 adapter
License-Expression: MIT OR Apache-2.0
License-File: LICENSE-MIT
License-File: LICENSE-APACHE
License-File: THIRD-PARTY.txt
License-File: THIRD-PARTY-RUST.html
Requires-Python: >=3.8
Description-Content-Type: text/markdown

The program `netdissect`, also as `python -m netdissect`; `netdissect demo` tells what it does on networks that come with it.
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: netdissect-scripts-package
Root-Is-Purelib: false
Tag: py3-none-{tag}
"""

LICENCES = ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "THIRD-PARTY-RUST.html"]


def platform_tag(program):
    """Where the wheel can be installed, in the words of pip."""
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return f"macosx_11_0_{machine}"
    if sys.platform == "win32":
        return f"win_{machine}"
    return "manylinux_{}_{}_{}".format(*oldest_glibc(program), machine)


def contents(folder, version, tag):
    """Name in the wheel, bytes and mode of each file but the list of them."""
    about, data = f"netdissect-{version}.dist-info", f"netdissect-{version}.data"
    program = "netdissect.exe" if sys.platform == "win32" else "netdissect"
    package = Path(__file__).resolve().parent / "netdissect"
    yield from ((f"netdissect/{path.name}", path.read_bytes(), 0o644) for path in sorted(package.glob("*.py")))
    yield f"{data}/scripts/{program}", (folder / program).read_bytes(), 0o755
    yield f"{about}/METADATA", METADATA.format(version=version).encode(), 0o644
    yield f"{about}/WHEEL", WHEEL.format(tag=tag).encode(), 0o644
    yield from ((f"{about}/licenses/{name}", (folder / name).read_bytes(), 0o644) for name in LICENCES)


def main():
    folder, version, output = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    tag = platform_tag(folder / "netdissect")
    when = max(time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6], (1980, 1, 1, 0, 0, 0))
    record = []
    with zipfile.ZipFile(output / f"netdissect-{version}-py3-none-{tag}.whl", "w") as wheel:

        def write(name, data, mode):
            entry = zipfile.ZipInfo(name, when)
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)

        for name, data, mode in contents(folder, version, tag):
            write(name, data, mode)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
        name = f"netdissect-{version}.dist-info/RECORD"
        write(name, "".join([*record, f"{name},,\n"]).encode(), 0o644)


if __name__ == "__main__":
    main()
