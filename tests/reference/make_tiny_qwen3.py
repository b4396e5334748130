"""Makes Qwen3 models with all their parts but random weights, and the numbers they are compared with.

    python make_tiny_qwen3.py

writes for every shape of `SHAPES` the folder `tests/data/tiny-qwen3/<shape>` with `config.json`,
`tokenizer.json` and `model.safetensors`, and `tests/data/reference/tiny-qwen3-<shape>.{json,bin}`.

These have the format described at the head of `make_reference.py`. A short case has in addition
`"layers": [[[position, row], ...], ...]`, the residual after each layer, before the final norm;
`vector` of the causal shape is the row of the last token's state, else the mean of all.

The JSON file of the shape `context` has also

    "documents": [{"chunks": [text, ...], "ids": [...], "spans": [[start, end], ...],
        "vectors": [row, ...], "int8": [[code, ...], ...], "bits": ["hex", ...]}, ...],
    "windows": {"chunks": [text, ...], "size": 16, "context": 2, "windows": [{"chunks": [first, end],
        "context": 2, "ids": [...], "spans": [[start, end], ...], "vectors": [row, ...]}, ...]}

A document is its chunks joined by <|endoftext|> and encoded at once; a span holds the tokens of a
chunk, without separators, and its vector is their mean: zeros for an empty one. `int8` is the
vector's tanh times 127, halves to even; `bits` has a bit for every component, the first one
highest, set where it is not negative. The chunks of `windows` are too many for one sequence: a
window of `size` chunks begins with the last `context` ones of the window before, and `vectors`
are those of its other chunks. All numbers are computed in float64 and stored as float32.
"""

import json
import unicodedata

import numpy
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from make_reference import DATA, positions, push, write
from qwen3 import Qwen3, Theirs
from texts import LONG, SHORT

END = "<|endoftext|>"
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# As in real models the embedding has more rows than the tokenizer has tokens.
TOKENS = 500
VOCABULARY = 512

LENGTHS = [1, 2, 3, 5, 16, 17, 33, 64, 65, 127, 200, 257, 300]
LAYERS_UP_TO = 5

# Chunks a window has, how many of them are repeated from the one before, and tokens a chunk has.
WINDOW = 16
CONTEXT = 2
CHUNKS = 40
CHUNK_TOKENS = 20

PPLX = {
    "architectures": ["PPLXQwen3Model"],
    "auto_map": {"AutoConfig": "configuration.PPLXQwen3Config", "AutoModel": "modeling.PPLXQwen3Model"},
    "model_type": "bidirectional_pplx_qwen3",
    "use_bidirectional_attention": True,
}
CONTEXTUAL = PPLX | {"auto_map": PPLX["auto_map"] | {"AutoModel": "modeling.PPLXQwen3ContextualModel"}}
CAUSAL = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}

# Seed, family, hidden, layers, heads, key-value heads, head size, intermediate, theta, prefix of names.
SHAPES = {
    "gqa": (1, PPLX, 64, 2, 4, 2, 32, 96, 1e6, ""),
    "context": (2, CONTEXTUAL, 64, 2, 4, 2, 32, 96, 1e6, ""),
    "mha": (3, PPLX, 40, 1, 5, 5, 8, 56, 1e6, ""),
    "odd": (4, PPLX, 48, 3, 3, 1, 24, 40, 1e4, "model."),
    "causal": (5, CAUSAL, 64, 2, 4, 2, 16, 96, 1e6, ""),
}


def main():
    torch.set_num_threads(1)
    for shape, (seed, family, *sizes, prefix) in SHAPES.items():
        folder = DATA / "tiny-qwen3" / shape
        folder.mkdir(parents=True, exist_ok=True)
        causal = family is CAUSAL
        tokenizer = make_tokenizer(append=causal)
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        config = make_config(family, *sizes, end=tokenizer.token_to_id(END))
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        weights = make_weights(config, seed)
        named = {prefix + name: weight for name, weight in weights.items()}
        save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
        make_numbers(f"tiny-qwen3-{shape}", config, weights, tokenizer, causal, family is CONTEXTUAL)


def make_tokenizer(append):
    """Byte-level BPE set up as Qwen3's; `append` as Qwen3-Embedding's, which ends every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    level = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(**level)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=TOKENS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text for _, text in SHORT + LONG], trainer)
    tokenizer.add_special_tokens([AddedToken(END, normalized=False, special=True)])
    tokenizer.post_processor = processors.ByteLevel(**level)
    if append:
        ending = processors.TemplateProcessing(
            single=f"$A {END}",
            pair=f"$A {END} $B:1 {END}:1",
            special_tokens=[(END, tokenizer.token_to_id(END))],
        )
        tokenizer.post_processor = processors.Sequence([tokenizer.post_processor, ending])
    # What the Python package cannot set.
    made = json.loads(tokenizer.to_str())
    made["decoder"] = {"type": "ByteLevel", **level}
    made["model"] |= {"continuing_subword_prefix": "", "end_of_word_suffix": ""}
    return Tokenizer.from_str(json.dumps(made))


def make_config(family, hidden, layers, heads, kv_heads, head, intermediate, theta, end):
    return {
        **family,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": end,
        "dtype": "float32",
        "eos_token_id": end,
        "head_dim": head,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "layer_types": ["full_attention"] * layers,
        "max_position_embeddings": 4096,
        "max_window_layers": layers,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "pad_token_id": None,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        "rope_theta": theta,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_cache": False,
        "use_sliding_window": False,
        "vocab_size": VOCABULARY,
    }


def shapes(config):
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    layer = {
        "input_layernorm": [hidden],
        "mlp.down_proj": [hidden, inner],
        "mlp.gate_proj": [inner, hidden],
        "mlp.up_proj": [inner, hidden],
        "post_attention_layernorm": [hidden],
        "self_attn.k_norm": [head],
        "self_attn.k_proj": [keys, hidden],
        "self_attn.o_proj": [hidden, queries],
        "self_attn.q_norm": [head],
        "self_attn.q_proj": [queries, hidden],
        "self_attn.v_proj": [keys, hidden],
    }
    named = {"embed_tokens.weight": [config["vocab_size"], hidden], "norm.weight": [hidden]}
    for number in range(config["num_hidden_layers"]):
        named |= {f"layers.{number}.{part}.weight": shape for part, shape in layer.items()}
    return named


def make_weights(config, seed):
    """Norms vary around one, so that none can be left out unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator) * 0.2 + (1.0 if len(shape) == 1 else 0.0)
        for name, shape in sorted(shapes(config).items())
    }


def make_numbers(name, config, weights, tokenizer, causal, contextual):
    double = {name: weight.double() for name, weight in weights.items()}
    model = Qwen3(config, double.__getitem__)
    encode = lambda ids: list(model.residuals(double["embed_tokens.weight"][torch.tensor(ids)]))
    cases = make_cases(tokenizer, causal)
    rows = []
    for case in cases:
        layers = encode(case["ids"])
        hidden = model.final(layers[-1]).numpy()
        case["vector"] = push(rows, hidden[-1] if causal else hidden.mean(axis=0))
        case["states"] = [[at, push(rows, hidden[at])] for at in positions(len(hidden))]
        if len(hidden) <= LAYERS_UP_TO:
            every = range(len(hidden))
            case["layers"] = [[[at, push(rows, layer[at].numpy())] for at in every] for layer in layers]
    extra = {}
    if contextual:
        mean = lambda ids, spans: means(model.final(encode(ids)[-1]).numpy(), spans)
        extra["documents"] = [document(tokenizer, mean, rows, chunks) for chunks in make_documents(tokenizer)]
        extra["windows"] = windows(tokenizer, mean, rows)
    check(config, weights, cases, rows, causal)
    write(name, cases, numpy.stack(rows), extra)


def make_cases(tokenizer, causal):
    """A case of each length, turning through the languages, and some texts whole."""
    cases = []
    for turn, length in enumerate(LENGTHS):
        texts = SHORT[3:] if length < 50 else LONG
        choices = [texts[(turn * 5 + step) % len(texts)] for step in range(len(texts))]
        cases.append(next(filter(None, (exact(tokenizer, *choice, length) for choice in choices))))
    whole = [SHORT[0]] if causal else []
    whole += [text for text in SHORT if text[0] in ("ja", "ar", "hi", "und")]
    decomposed = unicodedata.normalize("NFD", dict(SHORT)["fr"])
    whole += [("fr", decomposed), ("en", SHORT[4][1])]
    cases += [case_of(tokenizer, language, text, True) for language, text in whole]
    if causal:
        cases.append(case_of(tokenizer, "en", "river", False))
    return cases


def case_of(tokenizer, language, text, special):
    ids = tokenizer.encode(text, add_special_tokens=special).ids
    return {"language": language, "text": text, "special": special, "ids": ids}


def exact(tokenizer, language, text, length):
    """The shortest start of the text that makes exactly so many tokens."""
    for end in range(len(text) + 1):
        found = len(tokenizer.encode(text[:end]).ids)
        if found == length:
            return case_of(tokenizer, language, text[:end], True)
        if found > length + 8:
            return None


def make_documents(tokenizer):
    short = [text for _, text in SHORT]
    long = dict(LONG)
    english = long["en"].split("\n")
    return [
        short[2:5],
        ["river"],
        [english[0], "", english[1]],
        [short[5], short[6], ""],
        ["", short[14]],
        ["a", "b", "", "", "c"],
        short[5:21],
        [long["zh"], "\n\n", long["ru"], " \n", long["ar"]],
        english[:12],
    ]


def document(tokenizer, mean, rows, chunks):
    ids, spans = join(tokenizer, chunks)
    vectors = mean(ids, spans)
    return {
        "chunks": chunks,
        "ids": ids,
        "spans": spans,
        "vectors": [push(rows, vector) for vector in vectors],
        "int8": [int8(vector) for vector in vectors],
        "bits": [bits(vector) for vector in vectors],
    }


def join(tokenizer, chunks):
    ids = tokenizer.encode(END.join(chunks)).ids
    ends = [at for at, token in enumerate(ids) if token == tokenizer.token_to_id(END)]
    spans = [list(span) for span in zip([0] + [end + 1 for end in ends], ends + [len(ids)])]
    assert len(spans) == len(chunks)
    parts = [tokenizer.encode(chunk).ids for chunk in chunks]
    assert parts == [ids[start:end] for start, end in spans], "a separator splits before BPE"
    return ids, spans


def means(hidden, spans):
    return [hidden[start:end].sum(axis=0) / max(end - start, 1) for start, end in spans]


def int8(vector):
    return numpy.clip(numpy.rint(127 * numpy.tanh(vector)), -128, 127).astype(int).tolist()


def bits(vector):
    return numpy.packbits(vector >= 0).tobytes().hex()


def windows(tokenizer, mean, rows):
    chunks = cut_chunks(tokenizer)
    found = []
    first = 0
    while not found or found[-1]["chunks"][1] < len(chunks):
        last = min(first + WINDOW, len(chunks))
        ids, spans = join(tokenizer, chunks[first:last])
        context = CONTEXT if first else 0
        vectors = [push(rows, vector) for vector in mean(ids, spans)[context:]]
        found.append({"chunks": [first, last], "context": context, "ids": ids, "spans": spans, "vectors": vectors})
        first = last - CONTEXT
    assert sum(len(window["vectors"]) for window in found) == len(chunks)
    return {"chunks": chunks, "size": WINDOW, "context": CONTEXT, "windows": found}


def cut_chunks(tokenizer):
    """Pieces of the long texts in turn, each from about `CHUNK_TOKENS` tokens on."""
    rest = [text for _, text in LONG]
    chunks = []
    while len(chunks) < CHUNKS:
        text = rest.pop(0)
        end = next((end for end in range(len(text)) if len(tokenizer.encode(text[:end])) >= CHUNK_TOKENS), None)
        if end is not None:
            chunks.append(text[:end])
            rest.append(text[end:])
    return chunks


def check(config, weights, cases, rows, causal):
    """Shows that transformers agrees, that padding changes nothing and that attention looks both ways."""
    theirs = Theirs(config, weights)
    apart = lambda hidden, case: max(abs(hidden[at].numpy() - rows[row]).max() for at, row in case["states"])
    single = [theirs.hidden([case["ids"]])[0] for case in cases]
    batched = theirs.hidden([case["ids"] for case in cases])
    alone = max(map(apart, single, cases))
    padded = max((one - other).abs().max().item() for one, other in zip(single, batched))
    ids = list(cases[3]["ids"])
    changed = theirs.hidden([ids[:-1] + [ids[-1] ^ 1]])[0]
    earlier = (changed[0] - single[3][0]).abs().max().item()
    print(f"transformers differs by {alone:.1e}, padded by {padded:.1e}")
    print(f"a later token moves an earlier state by {earlier:.1e}")
    assert alone < 1e-4 and padded < 1e-5 and (earlier == 0) == causal


if __name__ == "__main__":
    main()
