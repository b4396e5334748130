"""Makes `tests/data/tiny-bert`: a BERT with all its parts but random weights, small enough to commit.

    python make_tiny_bert.py

Its tokenizer has padding and truncation baked in, as that of all-MiniLM-L6-v2 has.
"""

import pathlib

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import BertWordPieceTokenizer
from tokenizers.processors import TemplateProcessing

from texts import LONG, SHORT

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "tiny-bert"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    config.architectures = ["BertModel"]
    (FOLDER / "config.json").write_text(config.to_json_string() + "\n")
    save_file(make_weights(config), FOLDER / "model.safetensors", metadata={"format": "pt"})


def make_tokenizer():
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    texts = [text for _, text in SHORT + LONG]
    tokenizer.train_from_iterator(texts, vocab_size=900, min_frequency=1, show_progress=False)
    identify = lambda token: (token, tokenizer.token_to_id(token))
    tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[identify("[CLS]"), identify("[SEP]")],
    )
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding(length=128)
    return tokenizer


def make_weights(config):
    """Random where a fresh BERT has zeros and ones too, so that no part can be left out unnoticed."""
    generator = torch.Generator().manual_seed(20)
    model = transformers.BertModel(config)
    return {
        name: torch.randn(weight.shape, generator=generator) * 0.15
        + (1.0 if name.endswith("LayerNorm.weight") else 0.0)
        for name, weight in sorted(model.state_dict().items())
        if weight.is_floating_point()
    }


if __name__ == "__main__":
    main()
