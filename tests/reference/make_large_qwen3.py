"""Makes the numbers for a model of the exact shape of pplx-embed-v1-0.6b with invented weights.

    python make_large_qwen3.py <Qwen3's tokenizer.json>

The weights are a function of tensor name and place, so that nothing large has to be stored: see
`weights` below, which the Rust tests repeat. There are two variants: `plain`, and `outliers`, whose
residual has a few channels beyond what a half can hold, as that of the real model has.
Writes `tests/data/reference/large-qwen3.json` and `large-qwen3.bin`. The JSON file is

    {"dimension": 1024, "rows": R, "config": {...},
     "variants": [{"name": "plain", "peaks": [p, ...],
        "cases": [{"language": "en", "ids": [...], "vector": row, "residuals": [[layer, position, row], ...]}, ...],
        "weights": [{"name": "embed_tokens.weight", "start": 0, "bits": ["3c1f...", ...]}, ...]}, ...]}

and the binary file holds R rows of 1024 little-endian float32. `vector` is the mean of the final
hidden states, a residual what comes out of a layer, before the final norm; `peaks` has the largest
magnitude in it after each layer, over all cases. `weights` are eight weights of a tensor from the
flat index `start` on, as the bits of their float32. Computed in float64.
"""

import itertools
import json
import sys
import zlib

import numpy
import torch
from tokenizers import Tokenizer

from make_reference import DATA, push
from make_tiny_qwen3 import CONTEXTUAL, PPLX, make_config, shapes
from qwen3 import Qwen3, Theirs
from texts import LONG, SHORT

VOCABULARY = 151936
CONFIG = make_config(PPLX, 1024, 28, 16, 8, 128, 3072, 1e6, end=151643)
CONFIG |= {"max_position_embeddings": 32768, "vocab_size": VOCABULARY}

# Language and tokens of the sequences; those with the layers checked have `CHECKED` tokens.
SEQUENCES = [("en", 1), ("en", 8), ("de", 16), ("zh", 16), ("ru", 64), ("en", 200)]
CHECKED = 8
CHECKED_LAYERS = [0, 1, 13, 27]

GAIN = {"q_proj": 1.0, "k_proj": 1.0, "v_proj": 1.0, "gate_proj": 1.0, "up_proj": 1.0, "o_proj": 0.5, "down_proj": 0.5}
# The standard deviation of codes that are spread evenly from -127 to 127.
SPREAD = 73.6
COLUMNS = 32

# What differs in the variant with outliers.
LOUD = 1000.0
OUTLIERS = [7, 300, 811]
OUTLIER_LAYERS = [2, 3, 4, 5]
OUTLIER_GAIN = 200.0
OUTLIER_NORM = 0.05

SAMPLES = [
    ("embed_tokens.weight", 0),
    ("embed_tokens.weight", 151935 * 1024 + 1016),
    ("layers.0.self_attn.q_proj.weight", 0),
    ("layers.0.self_attn.o_proj.weight", 0),
    ("layers.3.mlp.down_proj.weight", 0),
    ("layers.3.mlp.down_proj.weight", 811 * 3072 + 28),
    ("layers.27.mlp.gate_proj.weight", 3072 * 1024 - 8),
    ("layers.13.self_attn.k_norm.weight", 0),
    ("layers.5.post_attention_layernorm.weight", 296),
    ("norm.weight", 0),
]


def weights(name, shape, indices, outliers):
    """The float32 weights at some flat indices of a tensor."""
    seed = numpy.uint32(zlib.crc32(name.encode()))
    part = name.split(".")[-2]
    if len(shape) == 1:
        # From 0.75 to 1.25.
        weight = (1 + 0.25 * (hashed(seed, indices) / 2.0**31 - 1)).astype(numpy.float32)
        if outliers and part not in ("q_norm", "k_norm"):
            weight[numpy.isin(indices, OUTLIERS)] *= numpy.float32(OUTLIER_NORM)
        return weight
    base = 1 / SPREAD if part == "embed_tokens" else GAIN[part] / (SPREAD * shape[1] ** 0.5)
    if outliers and part in ("embed_tokens", "o_proj", "down_proj"):
        base *= LOUD
    base = numpy.full(len(indices), base)
    if outliers and part == "down_proj" and int(name.split(".")[1]) in OUTLIER_LAYERS:
        base[numpy.isin(indices // shape[1], OUTLIERS)] *= OUTLIER_GAIN
    spread = hashed(seed ^ numpy.uint32(0xA5A5A5A5), indices // COLUMNS) / 2.0**32
    scale = (base * (0.5 + spread)).astype(numpy.float16).astype(numpy.float32)
    code = numpy.maximum((hashed(seed, indices) >> 24).astype(numpy.int32) - 128, -127).astype(numpy.float32)
    return code * scale


def hashed(seed, index):
    """A well mixed u32 for every index; all arithmetic wraps."""
    x = index.astype(numpy.uint32) * numpy.uint32(0x9E3779B9) + seed
    x ^= x >> 16
    x *= numpy.uint32(0x7FEB352D)
    x ^= x >> 15
    x *= numpy.uint32(0x846CA68B)
    return x ^ (x >> 16)


def main(tokenizer):
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(tokenizer)
    cases = [{"language": language, "ids": sequence(tokenizer, language, count)} for language, count in SEQUENCES]
    rows = []
    variants = [variant(name, cases, rows) for name in ("plain", "outliers")]
    rows = numpy.stack(rows)
    description = {"dimension": rows.shape[1], "rows": len(rows), "config": CONFIG, "variants": variants}
    lines = json.dumps(description)
    for start in ('{"name"', '{"language"'):
        lines = lines.replace(start, "\n" + start)
    (DATA / "reference" / "large-qwen3.json").write_text(lines + "\n")
    (DATA / "reference" / "large-qwen3.bin").write_bytes(rows.tobytes())


def sequence(tokenizer, language, count):
    """The first tokens of the first text that has as many."""
    texts = [text for known, text in SHORT[1:] + LONG if known == language]
    return next(ids for ids in (tokenizer.encode(text).ids for text in texts) if len(ids) >= count)[:count]


def variant(name, cases, rows):
    outliers = name == "outliers"
    tokens = sorted({token for case in cases for token in case["ids"]})
    kept = {name: tensor(name, shape, outliers, tokens) for name, shape in shapes(CONFIG).items()}
    model = Qwen3(CONFIG, lambda name: kept[name].double())
    known = [[tokens.index(token) for token in case["ids"]] for case in cases]
    found = []
    peaks = numpy.zeros(CONFIG["num_hidden_layers"])
    for case, ids in zip(cases, known):
        case = dict(case)
        residuals = []
        for layer, hidden in enumerate(model.residuals(kept["embed_tokens.weight"].double()[ids])):
            peaks[layer] = max(peaks[layer], hidden.abs().max())
            if len(ids) == CHECKED and layer in CHECKED_LAYERS:
                residuals += [[layer, at, push(rows, hidden[at].numpy())] for at in (0, len(ids) - 1)]
        case["vector"] = push(rows, model.final(hidden).mean(dim=0).numpy())
        case["residuals"] = residuals
        found.append(case)
    vectors = [torch.tensor(rows[case["vector"]]).double() for case in found]
    check(name, kept, known, vectors)
    print("peaks of the residual:", *(f"{peak:.4g}" for peak in peaks))
    samples = [{"name": at, "start": start, "bits": bits(at, start, outliers)} for at, start in SAMPLES]
    return {"name": name, "peaks": [float(f"{peak:.6g}") for peak in peaks], "cases": found, "weights": samples}


def tensor(name, shape, outliers, tokens):
    """A whole tensor, except of the embedding only the rows that are needed."""
    places = numpy.array(tokens) if name == "embed_tokens.weight" else numpy.arange(shape[0])
    indices = places if len(shape) == 1 else places[:, None] * shape[1] + numpy.arange(shape[1])
    return torch.from_numpy(weights(name, shape, indices.ravel(), outliers).reshape(indices.shape))


def bits(name, start, outliers):
    found = weights(name, shapes(CONFIG)[name], numpy.arange(start, start + 8), outliers)
    return [f"{bits:08x}" for bits in found.view(numpy.uint32)]


def check(name, kept, known, vectors):
    """Shows that transformers agrees and that different texts have different vectors."""
    cosine = lambda one, other: torch.nn.functional.cosine_similarity(one.double(), other, dim=0).item()
    theirs = Theirs(CONFIG | {"vocab_size": len(kept["embed_tokens.weight"])}, kept)
    same = min(cosine(theirs.hidden([ids])[0].mean(dim=0), vector) for ids, vector in zip(known, vectors))
    pairs = [cosine(*pair) for pair in itertools.combinations(vectors, 2)]
    spread = ", ".join(f"{vector.abs().mean():.3f}" for vector in vectors)
    print(f"{name}: transformers' cosine is 1 - {1 - same:.1e} or more")
    print(f"cosines of two texts: {min(pairs):.3f} to {max(pairs):.3f}")
    print("mean magnitudes of the vectors:", spread)
    assert same > 1 - 1e-6 and max(pairs) < 0.98


if __name__ == "__main__":
    main(*sys.argv[1:])
