"""Qwen3 in float64, for the reference numbers, and transformers' own in float32 beside it.

transformers computes norms, angles and softmax in float32 whatever the type of the model, so the
numbers come from the lines below, and theirs have to agree as far as float32 goes.
"""

import torch
import transformers


class Qwen3:
    def __init__(self, config, weight):
        """`weight(name)` gives a float64 tensor; names are without `model.`."""
        self.config = config
        self.weight = weight
        self.causal = not config.get("use_bidirectional_attention", False)

    def residuals(self, hidden):
        """From the embedded tokens [n, hidden] the residual after every layer, one by one."""
        turn = angles(len(hidden), self.config)
        for layer in range(self.config["num_hidden_layers"]):
            weight = lambda name: self.weight(f"layers.{layer}.{name}.weight")
            hidden = hidden + self.attention(weight, self.norm(hidden, weight("input_layernorm")), turn)
            inner = self.norm(hidden, weight("post_attention_layernorm"))
            gate = torch.nn.functional.silu(inner @ weight("mlp.gate_proj").T)
            inner = gate * (inner @ weight("mlp.up_proj").T)
            hidden = hidden + inner @ weight("mlp.down_proj").T
            yield hidden

    def attention(self, weight, hidden, turn):
        size = self.config["head_dim"]
        heads = lambda name: (hidden @ weight(f"self_attn.{name}_proj").T).unflatten(-1, (-1, size)).transpose(0, 1)
        query = rotate(self.norm(heads("q"), weight("self_attn.q_norm")), turn)
        key = rotate(self.norm(heads("k"), weight("self_attn.k_norm")), turn)
        group = self.config["num_attention_heads"] // self.config["num_key_value_heads"]
        key = key.repeat_interleave(group, dim=0)
        value = heads("v").repeat_interleave(group, dim=0)
        scores = query @ key.transpose(1, 2) / size**0.5
        if self.causal:
            future = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        mixed = scores.softmax(dim=-1) @ value
        return mixed.transpose(0, 1).flatten(1) @ weight("self_attn.o_proj").T

    def norm(self, hidden, weight):
        square = hidden.pow(2).mean(dim=-1, keepdim=True)
        return hidden * torch.rsqrt(square + self.config["rms_norm_eps"]) * weight

    def final(self, hidden):
        return self.norm(hidden, self.weight("norm.weight"))


def angles(length, config):
    size = config["head_dim"]
    powers = torch.arange(0, size, 2, dtype=torch.float64) / size
    turn = torch.arange(length, dtype=torch.float64)[:, None] / config["rope_theta"] ** powers
    return torch.cat((turn, turn), dim=-1)


def rotate(hidden, turn):
    first, second = hidden.chunk(2, dim=-1)
    return hidden * turn.cos() + torch.cat((-second, first), dim=-1) * turn.sin()


class Theirs:
    """transformers' Qwen3Model in float32, without the causal mask unless the configuration is causal."""

    def __init__(self, config, weights):
        foreign = {"architectures", "auto_map", "model_type", "dtype", "bos_token_id", "eos_token_id"}
        known = {name: config[name] for name in set(config) & set(transformers.Qwen3Config().to_dict()) - foreign}
        theirs = transformers.Qwen3Config(**known, attn_implementation="eager")
        with torch.device("meta"):
            self.model = transformers.Qwen3Model(theirs)
        self.model = self.model.to_empty(device="cpu").eval()
        # The angles are no weights, so an empty model has none.
        self.model.rotary_emb = type(self.model.rotary_emb)(theirs)
        self.model.load_state_dict(weights)
        self.causal = not config.get("use_bidirectional_attention", False)
        for layer in self.model.layers:
            layer.self_attn.is_causal = self.causal

    def hidden(self, sequences):
        """The final hidden states of a batch, padded on the right where lengths differ."""
        longest = max(map(len, sequences))
        ids = torch.tensor([list(ids) + [0] * (longest - len(ids)) for ids in sequences])
        real = torch.tensor([[at < len(ids) for at in range(longest)] for ids in sequences])
        seen = real[:, None, None, :].expand(-1, 1, longest, -1)
        if self.causal:
            seen = seen & torch.ones(longest, longest, dtype=torch.bool).tril()
        mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
        with torch.no_grad():
            found = self.model(input_ids=ids, attention_mask={"full_attention": mask}, use_cache=False)
        return [row[: len(ids)] for row, ids in zip(found.last_hidden_state, sequences)]
