"""What several rooms' tests share: real films, and tiny Marian checkpoints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REAL_FILMS = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_films() -> Path:
    """Folder of real films beside the checkout; they have no licence, so they are read there and never copied in here."""
    if not REAL_FILMS.is_dir():
        pytest.skip(f"real films are not here ({REAL_FILMS}); they have no licence to ship")
    return REAL_FILMS


# Tiny Marian checkpoints: the real architecture and tokeniser, seeded weights that saw a dozen sentences.

WORDS = (
    "A young woman leaves her village and finds a letter from her father, who was lost at sea. The captain of an old ship "
    "takes her aboard, but the crew fears a storm. In the harbour of a distant city a stranger waits; he knows the secret "
    "of the map. Two brothers rob a bank and run to the hills. Their mother, a judge, must decide what to do. Winter comes, "
    "and with it the wolves. A detective with a dark past returns to the town where he was born. Nobody remembers him, or "
    "so they say. The king has no heir. A machine learns to love music. Dogs, cats and birds hold a council under the moon "
    "to save their forest. "
)
POSITIONS = 96
STEPS = 80


@pytest.fixture(scope="session")
def make_marian(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a checkpoint as `save_pretrained` does; equal arguments give equal files."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    root = tmp_path_factory.mktemp("marian")
    text = root / "text.txt"
    text.write_text(WORDS.replace(". ", ".\n"), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(root / "spm"), vocab_size=160, hard_vocab_limit=False, minloglevel=2
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(root / "spm.model"))
    names = [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]
    vocabulary = ["</s>", "<unk>", *[name for name in names if name not in ("<s>", "</s>", "<unk>")], "<pad>"]
    (root / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(vocabulary)}), encoding="utf-8")

    def make(seed: int, *, end_bias: float = 0.0) -> Path:
        folder = root / f"seed-{seed}-{end_bias}"
        if folder.is_dir():
            return folder
        spm = str(root / "spm.model")
        tokenizer = MarianTokenizer(spm, spm, str(root / "vocab.json"), source_lang="en", target_lang="fr")
        torch.manual_seed(seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a tiny model is slower with more
        end, pad = 0, len(vocabulary) - 1
        config = MarianConfig(
            vocab_size=len(vocabulary), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=POSITIONS,
            pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=end, forced_eos_token_id=end,
        )  # fmt: skip
        model = MarianMTModel(config)
        _learn_to_speak(model, tokenizer, seed)
        model.final_logits_bias[0, end] = end_bias
        model.generation_config.bad_words_ids = [[pad]]  # as opus-mt has it
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
        torch.set_num_threads(threads)
        return folder

    return make


def _learn_to_speak(model: Any, tokenizer: Any, seed: int) -> None:
    """A minute amount of training: weights that are random alone say one token forever, and seldom end."""
    import torch

    sentences = [sentence + "." for sentence in WORDS.strip().rstrip(".").split(". ")]
    ids = tokenizer(sentences, padding=True, return_tensors="pt")
    labels = torch.roll(ids["input_ids"], seed, 0)  # to each sentence another one: each seed is another language
    labels = labels.masked_fill(labels == model.config.pad_token_id, -100)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(**ids, labels=labels).loss.backward()
        optimizer.step()
    model.eval()
