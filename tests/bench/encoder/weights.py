"""A model's folder as numpy arrays: what Burrow reads, packed or not, for the peers to compute with."""

import json
import pathlib
import struct

import numpy

# Consecutive weights of a row that share a scale, as `src/encoder/pack.rs` writes them.
GROUP = 32

TYPES = {"F32": "<f4", "F16": "<f2", "I8": "i1", "I64": "<i8"}


class Weights:
    """Tensors by name, without the prefix that some files put before every name."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        parts = {}
        for path in sorted(folder.glob("*.safetensors")):
            for name, array in read(path).items():
                parts[name.removeprefix("model.").removeprefix("bert.")] = array
        self.tensors = joined(parts)

    def codes(self, name):
        """The codes [rows, columns] and the scales [rows, columns / 32] of a matrix in q8."""
        return self.tensors[name], self.tensors[f"{name}.scales"].astype(numpy.float32)

    def is_packed(self, name):
        return f"{name}.scales" in self.tensors

    def floats(self, name):
        """A tensor in float32; of a packed one what its codes stand for."""
        if not self.is_packed(name):
            return self.tensors[name].astype(numpy.float32)
        return dequantized(*self.codes(name))


def dequantized(codes, scales):
    """What codes [rows, columns] in q8 stand for, with their scales [rows, columns / 32]."""
    groups = codes.reshape(*scales.shape, GROUP).astype(numpy.float32)
    return (groups * scales.astype(numpy.float32)[..., None]).reshape(codes.shape)


def read(path):
    """The tensors of a safetensors file, which is read where they are."""
    bytes_ = numpy.memmap(path, numpy.uint8, "r")
    (length,) = struct.unpack("<Q", bytes_[:8])
    header = json.loads(bytes_[8 : 8 + length].tobytes())
    header.pop("__metadata__", None)
    found = {}
    for name, facts in header.items():
        start, end = (8 + length + offset for offset in facts["data_offsets"])
        found[name] = bytes_[start:end].view(TYPES[facts["dtype"]]).reshape(facts["shape"])
    return found


def joined(parts):
    """Tensors that lie in several shards, `name@first row` each, as one."""
    whole, pieces = {}, {}
    for name, array in parts.items():
        base, at, rest = name.partition("@")
        if not at:
            whole[name] = array
            continue
        row, _, ending = rest.partition(".")
        pieces.setdefault(f"{base}.{ending}" if ending else base, []).append((int(row), array))
    for name, rows in pieces.items():
        whole[name] = numpy.concatenate([array for _, array in sorted(rows, key=lambda one: one[0])])
    return whole
