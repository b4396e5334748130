"""Writes what others have published of the real models' vectors, for tests with the real weights.

    python make_goldens.py <Qwen3's tokenizer.json> <folder of text-embeddings-inference's vectors>

The folder has `test_pplx1__pplx1_cpu_batch.json` and `test_qwen3__qwen3_cpu_batch.json`: snapshots
of backends/candle/tests/snapshots as lists of vectors. Writes `tests/data/goldens/<model>.json`:

    {"model": "...", "source": "...", "licence": "...", "documents": [
        {"chunks": [text, ...], "ids": [...], "pooled": [base64, ...], "int8": [base64, ...], "bits": ["hex", ...]}, ...]}

A document is its chunks joined by <|endoftext|>; the three lists have an entry for every chunk and
are there as far as such values were published. `pooled` is little-endian float32, for
pplx-embed-context-v1 only the first components, none for some chunks; `int8` the codes; `bits` a bit
for every component, the first one highest, set where the pooled value is not negative.
"""

import base64
import json
import pathlib
import sys

import numpy
from tokenizers import Tokenizer

from make_reference import DATA

END = "<|endoftext|>"
TEI = {
    "source": "huggingface/text-embeddings-inference, commit 0d124dc9773be6ac5a9a57d8439aba9bbbf33273,"
    " backends/candle/tests/snapshots",
    "licence": "Apache-2.0",
}
TEXTS = ["What is Deep Learning?", "Deep Learning is..."]

METALLIX = {
    "source": "arclabs561/metallix, commit 0bb657e2fdcbc1f5b70cd63e0fd70098d7f745c1,"
    " fixtures/pplx-embed-context-v1-0.6b/context-reference.json, document card_curiosity: the first components",
    "licence": "MIT",
}
CONTEXT_CHUNKS = [
    "Curiosity begins in childhood with endless questions about the world.",
    "As we grow, curiosity drives us to explore new ideas.",
    "Scientific breakthroughs often start with a curious question.",
]
CONTEXT_IDS = """
    16704 32179 12033 304 19990 448 25678 4755 911 279 1879 13 151643
    2121 582 3063 11 40228 20118 601 311 13186 501 6708 13 151643
    50565 1086 41345 82 3545 1191 448 264 22208 3405 13"""
CONTEXT_POOLED = [
    "63bb52be c87199bd bdde2abb be1115be 983dcd3c 057625bd 901eb8bc b1b19b3e",
    "6f74ccbd ded089bc f48829bb 688ccebd 7f1f9b3d",
    "",
]


def main(tokenizer, folder):
    tokenizer = Tokenizer.from_file(tokenizer)
    encode = lambda text: tokenizer.encode(text).ids
    vectors = lambda test: json.loads((pathlib.Path(folder) / f"test_{test}_cpu_batch.json").read_text())
    documents = []
    for text, vector in zip(TEXTS, vectors("pplx1__pplx1")):
        codes = numpy.array(vector)
        assert (codes == numpy.rint(codes)).all() and abs(codes).max() <= 127
        # A code of nought keeps the sign of the value it was rounded from.
        bits = numpy.packbits(~numpy.signbit(codes)).tobytes().hex()
        document = {"chunks": [text], "ids": encode(text), "int8": [encoded(codes.astype("i1"))], "bits": [bits]}
        documents.append(document)
    write("pplx-embed-v1-0.6b", TEI, documents)

    documents = []
    for text, vector in zip(TEXTS, vectors("qwen3__qwen3")):
        pooled = [encoded(numpy.array(vector).astype("<f4"))]
        documents.append({"chunks": [text], "ids": encode(text + END), "pooled": pooled})
    write("qwen3-embedding-0.6b", TEI, documents)

    ids = [int(token) for token in CONTEXT_IDS.split()]
    assert encode(END.join(CONTEXT_CHUNKS)) == ids
    pooled = [base64.b64encode(bytes.fromhex(words)).decode() for words in CONTEXT_POOLED]
    write("pplx-embed-context-v1-0.6b", METALLIX, [{"chunks": CONTEXT_CHUNKS, "ids": ids, "pooled": pooled}])


def encoded(values):
    return base64.b64encode(values.tobytes()).decode()


def write(model, source, documents):
    (DATA / "goldens").mkdir(parents=True, exist_ok=True)
    lines = json.dumps({"model": model, **source, "documents": documents}, ensure_ascii=False)
    (DATA / "goldens" / f"{model}.json").write_text(lines.replace('{"chunks"', '\n{"chunks"') + "\n")
    print(f"{model}: {len(documents)} documents")


if __name__ == "__main__":
    main(*sys.argv[1:])
