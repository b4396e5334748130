"""Writes a packed model's folder in float32: the very weights that its codes stand for.

    python floats.py <packed folder> <output folder>

So both forms of a model give the same vectors, and what differs is speed.
"""

import hashlib
import json
import pathlib
import struct
import sys

import numpy

from weights import dequantized, read

SCALES = ".scales"


def unpacked(tensors):
    """The tensors of one file in float32. A matrix lies in one file with its scales."""
    found = {}
    for name, array in tensors.items():
        if name.endswith(SCALES):
            continue
        scales = tensors.get(name + SCALES)
        found[name] = array.astype("<f4") if scales is None else dequantized(array, scales)
    return found


def write(path, tensors):
    """A safetensors file, and its facts for `burrow.json`."""
    header, start = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [start, start + array.nbytes]}
        start += array.nbytes
    text = json.dumps(header).encode()
    # The values begin at a multiple of 8 bytes.
    text += b" " * (-len(text) % 8)
    parts = [struct.pack("<Q", len(text)), text, *(numpy.ascontiguousarray(array, "<f4") for array in tensors.values())]
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def main(folder, output):
    folder, output = pathlib.Path(folder), pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((folder / "burrow.json").read_text())
    manifest.pop("packed")
    for name in manifest["files"]:
        if name.endswith(".safetensors"):
            manifest["files"][name] = write(output / name, unpacked(read(folder / name)))
        else:
            (output / name).write_bytes((folder / name).read_bytes())
    # Last: a folder without it is not whole.
    (output / "burrow.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    main(*sys.argv[1:])
