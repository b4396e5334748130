"""Writes a model's folder as an ONNX graph with the very same weights, for onnxruntime here and in the browser.

    python onnx_models.py <model folder> <output folder>

The graph takes `ids`, int32 [tokens], and gives `vector`, float32 [dimension]: the mean of the last
hidden states. It is made of the operators that onnxruntime's own optimizer puts into such models
(fused attention, skip norms, biased GELU, rotary embedding), so that the peer is at its best, and
not of what an export without that optimizer leaves. Matrices in q8 become MatMulNBits, which has
Burrow's form: 8 bits, groups of 32. Weights lie beside the graph in `model.data`.
"""

import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from weights import GROUP, Weights

# Rotary angles are tabled up to so many positions.
POSITIONS_MAX = 4096
MICROSOFT = "com.microsoft"

# MatMulNBits may round activations to 8 bits, which is its fastest way where it has one.
ROUNDED = 4


class Graph:
    """Nodes and weights as they are added; a value is known by its name."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.initializers = {}

    def constant(self, name, array):
        self.initializers.setdefault(name, numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def tensor(self, name):
        return self.constant(name, self.weights.floats(name))

    def shape(self, *sizes):
        return self.constant("shape_" + "_".join(map(str, sizes)), numpy.array(sizes, numpy.int64))

    def node(self, kind, inputs, domain="", outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def ours(self, kind, inputs, outputs=1, **attributes):
        return self.node(kind, inputs, MICROSOFT, outputs, **attributes)

    def linear(self, value, *names):
        """`value` times the transposed matrices of these names, one beside the other; without a bias."""
        key = "+".join(names)
        if self.weights.is_packed(names[0]):
            parts = [self.weights.codes(name) for name in names]
            codes, scales = (numpy.concatenate(part) for part in zip(*parts))
            rows, columns = codes.shape
            biased = (codes.astype(numpy.int16) + 128).astype(numpy.uint8).reshape(rows, columns // GROUP, GROUP)
            inputs = [value, self.constant(f"{key}.codes", biased), self.constant(f"{key}.scales", scales.ravel())]
            return self.ours("MatMulNBits", inputs, K=columns, N=rows, bits=8, block_size=GROUP, accuracy_level=ROUNDED)
        matrix = numpy.concatenate([self.weights.floats(name) for name in names]).T
        return self.node("MatMul", [value, self.constant(f"{key}.transposed", matrix)])

    def rows(self, name, ids):
        """The rows `ids` of a table, [tokens, dimension]."""
        if not self.weights.is_packed(name):
            return self.node("Gather", [self.tensor(name), ids])
        codes, scales = self.weights.codes(name)
        groups = self.constant(f"{name}.codes", codes.reshape(*scales.shape, GROUP))
        values = self.node("Cast", [self.node("Gather", [groups, ids])], to=TensorProto.FLOAT)
        scale = self.node("Gather", [self.constant(f"{name}.scales", scales[..., None]), ids])
        return self.node("Reshape", [self.node("Mul", [values, scale]), self.shape(-1, codes.shape[1])])


def bert(graph, config):
    """The hidden states of a BERT, [1, tokens, dimension]."""
    epsilon, width, heads = config["layer_norm_eps"], config["hidden_size"], config["num_attention_heads"]
    weights = graph.weights
    words = graph.rows("embeddings.word_embeddings.weight", "ids")
    # The type of every token is 0.
    places = weights.floats("embeddings.position_embeddings.weight") + weights.floats("embeddings.token_type_embeddings.weight")[0]
    count = graph.node("Shape", ["ids"])
    place = graph.node("Slice", [graph.constant("places", places), graph.shape(0), count, graph.constant("axis", numpy.zeros(1, numpy.int64))])
    norm = lambda name: [graph.tensor(f"{name}.weight"), graph.tensor(f"{name}.bias")]
    hidden = graph.node("Unsqueeze", [graph.node("Add", [words, place]), graph.shape(0)])
    hidden = graph.node("LayerNormalization", [hidden, *norm("embeddings.LayerNorm")], epsilon=epsilon, axis=-1)
    for layer in range(config["num_hidden_layers"]):
        name = lambda part: f"encoder.layer.{layer}.{part}"
        asking = [name(f"attention.self.{part}") for part in ("query", "key", "value")]
        bias = graph.constant(name("bias"), numpy.concatenate([weights.floats(f"{part}.bias") for part in asking]))
        linear = lambda value, part: graph.linear(value, name(f"{part}.weight"))
        together = graph.linear(hidden, *(f"{part}.weight" for part in asking))
        parts = graph.node("Split", [together, graph.shape(width, width, width)], outputs=3, axis=-1)
        mixed = graph.ours("MultiHeadAttention", [*parts, bias], num_heads=heads)
        skipped = lambda part, value, residual: graph.ours(
            "SkipLayerNormalization", [residual, value, *norm(name(f"{part}.LayerNorm")), graph.tensor(name(f"{part}.dense.bias"))], epsilon=epsilon)
        hidden = skipped("attention.output", linear(mixed, "attention.output.dense"), hidden)
        inner = graph.ours("BiasGelu", [linear(hidden, "intermediate.dense"), graph.tensor(name("intermediate.dense.bias"))])
        hidden = skipped("output", linear(inner, "output.dense"), hidden)
    return hidden


def qwen3(graph, config):
    """The hidden states of a bidirectional Qwen3, [1, tokens, dimension]."""
    epsilon, size = config["rms_norm_eps"], config["head_dim"]
    heads, asked = config["num_attention_heads"], config["num_key_value_heads"]
    powers = numpy.arange(0, size, 2) / size
    turn = numpy.arange(POSITIONS_MAX)[:, None] / config["rope_theta"] ** powers
    cosine, sine = (graph.constant(name, f(turn).astype(numpy.float32)) for name, f in (("cos", numpy.cos), ("sin", numpy.sin)))
    zero, one = (graph.constant(name, numpy.array(value, numpy.int64)) for name, value in (("zero", 0), ("one", 1)))
    count = graph.node("Squeeze", [graph.node("Shape", ["ids"])])
    positions = graph.node("Unsqueeze", [graph.node("Range", [zero, count, one]), graph.shape(0)])
    table = "embed_tokens.weight"
    residual = graph.node("Unsqueeze", [graph.rows(table, "ids"), graph.shape(0)])
    hidden = None
    # The residual and the norm of it, once `added` is in it.
    def entered(added, gain):
        if added is None:
            return residual, graph.node("SimplifiedLayerNormalization", [residual, gain], epsilon=epsilon, axis=-1)
        normed, _, _, total = graph.ours("SkipSimplifiedLayerNormalization", [residual, added, gain], outputs=4, epsilon=epsilon)
        return total, normed
    def turned(value, count, gain):
        split = graph.node("Reshape", [value, graph.shape(1, -1, count, size)])
        normed = graph.node("SimplifiedLayerNormalization", [split, gain], epsilon=epsilon, axis=-1)
        flat = graph.node("Reshape", [normed, graph.shape(1, -1, count * size)])
        return graph.ours("RotaryEmbedding", [flat, positions, cosine, sine], num_heads=count, interleaved=0)
    def repeated(value):
        split = graph.node("Reshape", [value, graph.shape(1, -1, asked, 1, size)])
        wide = graph.node("Expand", [split, graph.shape(1, 1, asked, heads // asked, size)])
        return graph.node("Reshape", [wide, graph.shape(1, -1, heads * size)])
    for layer in range(config["num_hidden_layers"]):
        name = lambda part: f"layers.{layer}.{part}.weight"
        residual, normed = entered(hidden, graph.tensor(name("input_layernorm")))
        together = graph.linear(normed, *(name(f"self_attn.{part}_proj") for part in "qkv"))
        query, key, value = graph.node("Split", [together, graph.shape(heads * size, asked * size, asked * size)], outputs=3, axis=-1)
        query = turned(query, heads, graph.tensor(name("self_attn.q_norm")))
        key = turned(key, asked, graph.tensor(name("self_attn.k_norm")))
        mixed = graph.ours("MultiHeadAttention", [query, repeated(key), repeated(value)], num_heads=heads)
        mixed = graph.linear(mixed, name("self_attn.o_proj"))
        residual, normed = entered(mixed, graph.tensor(name("post_attention_layernorm")))
        gate = graph.ours("QuickGelu", [graph.linear(normed, name("mlp.gate_proj"))], alpha=1.0)
        hidden = graph.linear(graph.node("Mul", [gate, graph.linear(normed, name("mlp.up_proj"))]), name("mlp.down_proj"))
    return entered(hidden, graph.tensor("norm.weight"))[1]


FAMILIES = {"bert": bert, "bidirectional_pplx_qwen3": qwen3}


def main(folder, output):
    weights = Weights(folder)
    graph = Graph(weights)
    hidden = FAMILIES[weights.config["model_type"]](graph, weights.config)
    mean = graph.node("ReduceMean", [hidden, graph.constant("axes", numpy.array([0, 1], numpy.int64))], keepdims=0)
    graph.nodes.append(helper.make_node("Identity", [mean], ["vector"]))
    ids = helper.make_tensor_value_info("ids", TensorProto.INT32, ["tokens"])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [weights.config["hidden_size"]])
    made = helper.make_graph(graph.nodes, "encoder", [ids], [vector], list(graph.initializers.values()))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=10)
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "model.data").unlink(missing_ok=True)
    onnx.save(model, output / "model.onnx", save_as_external_data=True, location="model.data", size_threshold=1024)
    print(f"{output}: {len(graph.nodes)} nodes")


if __name__ == "__main__":
    main(*sys.argv[1:])
