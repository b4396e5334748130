"""Writes the numbers that the encoder is compared with.

    python make_reference.py <model folder> <output name>

runs the model with transformers in float32 on the CPU and writes, beside the tests' data,
`reference/<name>.json` and `reference/<name>.bin`.

The JSON file is

    {"dimension": D, "rows": R, "cases": [
        {"language": "de", "text": "...", "special": true, "ids": [101, ...],
         "vector": 0, "states": [[position, row], ...]}, ...]}

and the binary file holds R rows of D little-endian float32. `vector` is the row of the mean over
all hidden states of the case, each of `states` the row of the hidden state at a position: all
positions of a short case, some of a long one. `special` tells whether `ids` have the tokenizer's
special tokens around them. All numbers come from sequences encoded one by one.
"""

import json
import pathlib
import sys

import numpy
import torch
import transformers
from tokenizers import Tokenizer

from texts import LONG, SHORT

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"

# Up to so many tokens all hidden states are kept, else about SAMPLED of them.
FULL = 16
SAMPLED = 12

# Tokens of the long cases with special tokens: around the sizes at which kernels change their way.
LENGTHS = [31, 64, 65, 127, 128, 200, 256, 257, 384, 511, 512]


def main(folder, name):
    torch.manual_seed(0)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(pathlib.Path(folder) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    cases = make_cases(tokenizer, model.config.max_position_embeddings)
    rows = []
    for case in cases:
        hidden = encode(model, case["ids"])
        case["vector"] = push(rows, hidden.mean(axis=0))
        case["states"] = [[at, push(rows, hidden[at])] for at in positions(len(hidden))]
    check_batched(model, cases, rows)
    write(name, cases, numpy.stack(rows))


def make_cases(tokenizer, positions_max):
    cases = [case_of(tokenizer, language, text, True) for language, text in SHORT]
    cases.append(case_of(tokenizer, "en", "river", False))
    everything = "\n\n".join(text for _, text in LONG)
    for length in LENGTHS:
        if length <= positions_max:
            cases.append(case_of(tokenizer, "mul", cut(tokenizer, everything, length), True))
    for language, text in LONG[1:]:
        text = cut(tokenizer, text, min(positions_max, 300))
        cases.append(case_of(tokenizer, language, text, True))
    return cases


def case_of(tokenizer, language, text, special):
    ids = tokenizer.encode(text, add_special_tokens=special).ids
    return {"language": language, "text": text, "special": special, "ids": ids}


def cut(tokenizer, text, length):
    """The start of the text that makes at most `length` tokens with the special ones."""
    special = len(tokenizer.encode("").ids)
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    kept = min(length - special, len(offsets))
    return text[: offsets[kept - 1][1]]


def encode(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()


def positions(length):
    if length <= FULL:
        return range(length)
    return sorted({round(step * (length - 1) / (SAMPLED - 1)) for step in range(SAMPLED)})


def push(rows, row):
    rows.append(row.astype("<f4"))
    return len(rows) - 1


def check_batched(model, cases, rows):
    """Shows that the reference itself does not depend on padding."""
    longest = max(len(case["ids"]) for case in cases)
    ids = torch.zeros(len(cases), longest, dtype=torch.long)
    mask = torch.zeros(len(cases), longest, dtype=torch.long)
    for row, case in enumerate(cases):
        ids[row, : len(case["ids"])] = torch.tensor(case["ids"])
        mask[row, : len(case["ids"])] = 1
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
    worst = max(
        numpy.abs(hidden[row, at] - rows[state]).max()
        for row, case in enumerate(cases)
        for at, state in case["states"]
    )
    print(f"batched and single differ by at most {worst:.2e}")
    assert worst < 1e-4


def write(name, cases, rows, extra={}):
    folder = DATA / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    description = {"dimension": rows.shape[1], "rows": rows.shape[0], "cases": cases, **extra}
    lines = json.dumps(description, ensure_ascii=False)
    for start in ('{"language"', '{"chunks"'):
        lines = lines.replace(start, "\n" + start)
    (folder / f"{name}.json").write_text(lines + "\n", encoding="utf-8")
    (folder / f"{name}.bin").write_bytes(rows.tobytes())
    lengths = sorted(len(case["ids"]) for case in cases)
    print(f"{name}: {len(cases)} cases of {lengths} tokens, {rows.shape[0]} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
