"""The encoders in PyTorch's own fused parts: what a server would compute with."""

import torch
from torch.nn import functional

from weights import Weights


def model_of(folder, device):
    """A function from ids [tokens] to the mean of the last hidden states [dimension]."""
    weights = Weights(folder)
    kinds = {"bert": Bert, "bidirectional_pplx_qwen3": Qwen3}
    return kinds[weights.config["model_type"]](weights, device)


class Parts:
    """Tensors on a device, in float32."""

    def __init__(self, weights, device):
        self.config = weights.config
        self.weights = weights
        self.device = device

    def tensor(self, name):
        return torch.from_numpy(self.weights.floats(name).copy()).to(self.device)

    def beside(self, *names):
        """Matrices that read the same, as one."""
        return torch.cat([self.tensor(name) for name in names])


class Bert(Parts):
    """Without token types: every token has the first."""

    def __init__(self, weights, device):
        super().__init__(weights, device)
        self.words = self.tensor("embeddings.word_embeddings.weight")
        places = self.tensor("embeddings.position_embeddings.weight")
        self.places = places + self.tensor("embeddings.token_type_embeddings.weight")[0]
        self.norm = self.both("embeddings.LayerNorm")
        self.layers = [self.layer(f"encoder.layer.{layer}.") for layer in range(self.config["num_hidden_layers"])]

    def both(self, name):
        return self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")

    def layer(self, name):
        parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        together = self.beside(*(f"{part}.weight" for part in parts)), self.beside(*(f"{part}.bias" for part in parts))
        names = ("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm")
        return together, *(self.both(name + part) for part in names)

    def __call__(self, ids):
        normed = lambda value, norm: functional.layer_norm(value, value.shape[-1:], *norm, self.config["layer_norm_eps"])
        heads = self.config["num_attention_heads"]
        hidden = normed(self.words[ids] + self.places[: len(ids)], self.norm)
        for together, mix, mix_norm, inner, outer, norm in self.layers:
            parts = functional.linear(hidden, *together).unflatten(-1, (3, heads, -1)).permute(1, 2, 0, 3)
            mixed = functional.scaled_dot_product_attention(*(part[None] for part in parts))[0].transpose(0, 1).flatten(1)
            hidden = normed(hidden + functional.linear(mixed, *mix), mix_norm)
            wide = functional.gelu(functional.linear(hidden, *inner))
            hidden = normed(hidden + functional.linear(wide, *outer), norm)
        return hidden.mean(0)


class Qwen3(Parts):
    """Bidirectional."""

    def __init__(self, weights, device):
        super().__init__(weights, device)
        self.words = self.tensor("embed_tokens.weight")
        self.last = self.tensor("norm.weight")
        self.layers = [self.layer(f"layers.{layer}.") for layer in range(self.config["num_hidden_layers"])]

    def layer(self, name):
        matrices = (("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), ("self_attn.o_proj",), ("mlp.gate_proj", "mlp.up_proj"), ("mlp.down_proj",))
        norms = ("input_layernorm", "self_attn.q_norm", "self_attn.k_norm", "post_attention_layernorm")
        whole = lambda part: f"{name}{part}.weight"
        return *(self.beside(*map(whole, parts)) for parts in matrices), *(self.tensor(whole(part)) for part in norms)

    def angles(self, count):
        size = self.config["head_dim"]
        powers = torch.arange(0, size, 2, dtype=torch.float64) / size
        turn = torch.arange(count, dtype=torch.float64)[:, None] / self.config["rope_theta"] ** powers
        turn = torch.cat((turn, turn), dim=-1)
        return turn.cos().float().to(self.device), turn.sin().float().to(self.device)

    def __call__(self, ids):
        config = self.config
        size, heads, asked = config["head_dim"], config["num_attention_heads"], config["num_key_value_heads"]
        normed = lambda value, gain: functional.rms_norm(value, value.shape[-1:], gain, config["rms_norm_eps"])
        cosine, sine = self.angles(len(ids))

        def turned(value, gain):
            value = normed(value.unflatten(-1, (-1, size)).transpose(0, 1), gain)
            first, second = value.chunk(2, dim=-1)
            return value * cosine + torch.cat((-second, first), dim=-1) * sine

        hidden = self.words[ids]
        for together, mix, inner, outer, before, query_gain, key_gain, after in self.layers:
            query, key, value = functional.linear(normed(hidden, before), together).split((heads * size, asked * size, asked * size), dim=-1)
            value = value.unflatten(-1, (-1, size)).transpose(0, 1)
            parts = turned(query, query_gain), turned(key, key_gain), value
            mixed = functional.scaled_dot_product_attention(*(part[None] for part in parts), enable_gqa=True)[0]
            hidden = hidden + functional.linear(mixed.transpose(0, 1).flatten(1), mix)
            gate, up = functional.linear(normed(hidden, after), inner).chunk(2, dim=-1)
            hidden = hidden + functional.linear(functional.silu(gate) * up, outer)
        return normed(hidden, self.last).mean(0)
