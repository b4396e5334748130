"""Which crates hold the bytes of a wasm module's code, by the names of its functions.

    python3 scripts/wasm_bytes.py <module.wasm> [how many crates]

The module must still have its names: as cargo wrote it, before wasm-bindgen. A function counts for
the crate of its type or, where that is a parameter, of its trait; generic code for the crate that
wrote it, not for the one that asked for it.
"""

import collections
import re
import sys

CODE, CUSTOM = 10, 0
KIB = 1024


def number(data, at):
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def sections(data):
    """Kind, start and end of each."""
    if data[:4] != b"\0asm":
        sys.exit("this is no wasm module")
    at = 8
    while at < len(data):
        kind = data[at]
        size, at = number(data, at + 1)
        yield kind, at, at + size
        at += size


def names(data, at, end):
    """Names by function, from the custom section `name`; of any other section none."""
    length, at = number(data, at)
    if data[at : at + length] != b"name":
        return {}
    at += length
    while at < end:
        part = data[at]
        size, at = number(data, at + 1)
        if part == 1:
            return function_names(data, at)
        at += size
    return {}


def function_names(data, at):
    found = {}
    count, at = number(data, at)
    for _ in range(count):
        function, at = number(data, at)
        length, at = number(data, at)
        found[function] = data[at : at + length].decode()
        at += length
    return found


def bodies(data, at):
    """The bytes of every function of the module itself."""
    count, at = number(data, at)
    for _ in range(count):
        size, at = number(data, at)
        yield size
        at += size


def crate_of(name):
    """The crate in a mangled name; what is not mangled is C or the linker's."""
    mangled = re.match(r"_ZN(\d+)(.*)", name)
    if not mangled:
        return "other"
    path = mangled.group(2)[: int(mangled.group(1))]
    path = re.sub(r"^_?\$LT\$", "", path)
    path = re.sub(r"^(\$\w+\$|mut\$u20\$|dyn\$u20\$|_)+", "", path)
    path = re.sub(r"^[A-Z]\w{0,2}\$u20\$as\$u20\$(\$\w+\$)*", "", path)
    crate = re.match(r"[A-Za-z]\w*", path)
    return crate.group(0) if crate else "core"


def main(path, most=25):
    data = open(path, "rb").read()
    known, sizes = {}, []
    for kind, at, end in sections(data):
        if kind == CUSTOM:
            known |= names(data, at, end)
        elif kind == CODE:
            sizes = list(bodies(data, at))
    if not known:
        sys.exit("the module has no names: give the one that cargo wrote")
    # Imported functions come first, and have names, too; they are numbered before the module's own.
    imported = max(known) + 1 - len(sizes)
    total, count = collections.Counter(), collections.Counter()
    for place, size in enumerate(sizes):
        crate = crate_of(known.get(imported + place, ""))
        total[crate] += size
        count[crate] += 1
    print(f"{len(data) / KIB:.0f} KiB, of them code {sum(sizes) / KIB:.0f} KiB in {len(sizes)} functions")
    print("| crate | KiB of code | share | functions |\n|---|---|---|---|")
    for crate, size in total.most_common(int(most)):
        print(f"| {crate} | {size / KIB:.0f} | {100 * size / sum(sizes):.1f} % | {count[crate]} |")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
