"""Makes tests/data/quantize.json: the codes of some vectors by Python's own arithmetic.

Run: python3 tests/reference/quantize.py > tests/data/quantize.json
"""

import json
import math
import random
import struct


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def pack(bits):
    return [sum(bit << (7 - place) for place, bit in enumerate(bits[i : i + 8])) for i in range(0, len(bits), 8)]


def case(vector):
    vector = [f32(x) for x in vector]
    largest = max(abs(x) for x in vector)
    return {
        "vector": vector,
        # Python rounds halves to even, as PyTorch does.
        "tanh": [max(-128, min(127, round(127 * math.tanh(x)))) for x in vector],
        "max_abs": [round(x * 127 / largest) if largest else 0 for x in vector],
        "bits": pack([int(x >= 0) for x in vector]),
    }


source = random.Random(7)
gauss = lambda count, scale: [source.gauss(0, scale) for _ in range(count)]
edges = [0.0, -0.0, 1e-45, -1e-45, 1e-8, -0.001, 0.001, 0.5, -0.5, 1, -1, 3, -3, 9, -9, 60, -60, 3e38, 0.25, -0.25, 2, -2, 4, -4]
# Under MaxAbs 127 * x / 254 is a whole number and a half for every odd x.
halves = [254, 1, 3, -1, -3, 5, -5, 253]
vectors = [edges, [0.0] * 16, halves, gauss(64, 1), gauss(384, 0.05), gauss(64, 20)]
print(json.dumps([case(vector) for vector in vectors]))
