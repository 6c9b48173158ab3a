"""Small encoders with real architectures: seeded random weights, saved as their libraries save them."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(30)), "v0", "v1", "more"]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer BERT of width 32 and its tokenizer; each of ``WORDS`` is a token, its id the place in the list."""
    folder = tmp_path_factory.mktemp("tiny-bert")
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=512, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}, do_lower_case=True).save_pretrained(folder)
    return folder
