"""A Marian checkpoint of opus-mt's size whose weights are built, not trained: it ciphers its input, and deciphers it again.

No hub is needed, a translation is as long as its source, and what a tool loses or cuts shows in the text that comes back. The
languages are English and a toy one, its rot13; both directions share one set of weights, as rot13 undoes itself.

How it works. Marian adds sinusoidal positions to embeddings. Embeddings live in 192 of the 512 dimensions (where the sinusoids
are slow), positions are read from others. In the decoder's first layer each head of the cross-attention compares 32 of the
sinusoids, so position t looks at the source's token t; its values hand over that token's embedding with the two halves
swapped, and a token's embedding with swapped halves is the embedding of its rot13. The end mark is its own rot13, so a
translation ends where its source ends. The first layer norm of the decoder drops the previous token's embedding. All other
weights are small random numbers: every layer is computed, and none decides.
"""

import codecs
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer
from transformers.utils import logging

VOCABULARY = 59514
"""Of Helsinki-NLP/opus-mt-en-fr; what the tokenizer does not fill is filled with pieces that no text has."""
PIECES = 24000
"""Of English at most; 200 bundled plots give 4,500, and 1.5 tokens a word, 600 real ones 14,000 and 1.35 (opus-mt: 1.3)."""
WIDTH, LAYERS, HEADS, FEED_FORWARD, POSITIONS = 512, 6, 8, 2048, 512
HALF, HEAD = WIDTH // 2, WIDTH // HEADS
CONTENT = [*range(128, 224), *range(HALF + 128, HALF + 224)]
"""Dimensions of the embeddings: first half, second half; sines and cosines of periods of 600 tokens and more."""
ZERO = range(240, 256)
"""Sines so slow that they are about 0 at every position: what a layer norm leaves there is the mean that it took off."""
SINUSOIDS = range(0, 64, 2)
"""Those that the cross-attention compares: 32 periods of 6 to 60 tokens."""
STRENGTH = 1.2
"""Standard deviation of an embedding beside positions of at most 1: gives the right token a probability of 0.94."""
NOISE = 0.004
LETTERS = "".join(map(chr, [*range(33, 127), *range(0xA1, 0x180)])) + "–—‘’“”…"
"""Characters that the tokenizer knows beside those of the sentences."""


def write(folder: Path, sentences: Sequence[str]) -> None:
    """Write both directions to ``Helsinki-NLP/opus-mt-en-fr`` and ``-fr-en`` in `folder`, or find them there.

    Args:
        folder: about 300 MB go there.
        sentences: what the tokenizer is trained on; only its pieces are written.
    """
    logging.disable_progress_bar()
    done = folder / "done"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _checkpoints(folder, _tokenizers(folder, sentences))
        done.touch()


def rot13(text: str) -> str:
    """ASCII letters by 13 places, the rest as it is."""
    return codecs.encode(text, "rot13")


def _tokenizers(folder: Path, sentences: Sequence[str]) -> list[str]:
    """Train the English tokenizer, cipher it, and return its pieces."""
    from sentencepiece import sentencepiece_model_pb2

    english = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=english, vocab_size=PIECES, hard_vocab_limit=False, minloglevel=2,
        required_chars=LETTERS, character_coverage=1.0, num_threads=1,
    )  # fmt: skip
    (folder / "en.spm").write_bytes(english.getvalue())
    protocol: Any = sentencepiece_model_pb2
    model = protocol.ModelProto()
    model.ParseFromString(english.getvalue())
    names = [piece.piece for piece in model.pieces if piece.type == piece.NORMAL]
    for piece in model.pieces:
        piece.piece = rot13(piece.piece) if piece.type == piece.NORMAL else piece.piece
    (folder / "fr.spm").write_bytes(model.SerializeToString())
    return names


def _checkpoints(folder: Path, pieces: Sequence[str]) -> None:
    known = dict.fromkeys(["</s>", "<unk>", *pieces, *map(rot13, pieces)])
    fillers = [f"▁filler{number}" for number in range(VOCABULARY - 1 - len(known))]
    vocabulary = {piece: number for number, piece in enumerate([*known, *fillers, "<pad>"])}
    assert len(vocabulary) == VOCABULARY, f"{len(vocabulary)} pieces"
    names = folder / "vocab.json"
    names.write_text(json.dumps(vocabulary), encoding="utf-8")
    forth, back = (folder / "Helsinki-NLP" / f"opus-mt-{direction}" for direction in ("en-fr", "fr-en"))
    for path, source, target in ((forth, "en", "fr"), (back, "fr", "en")):
        spm = str(folder / f"{source}.spm"), str(folder / f"{target}.spm")
        MarianTokenizer(*spm, str(names), source_lang=source, target_lang=target, model_max_length=POSITIONS).save_pretrained(
            path
        )
    _model(vocabulary).save_pretrained(forth)
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        (back / name).hardlink_to(forth / name)


def _model(vocabulary: dict[str, int]) -> Any:
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=FEED_FORWARD, decoder_ffn_dim=FEED_FORWARD,
        max_position_embeddings=POSITIONS, scale_embedding=True, activation_function="swish", pad_token_id=pad,
        decoder_start_token_id=pad, eos_token_id=0, forced_eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(1)
    model: Any = MarianMTModel(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("out_proj.weight", "fc2.weight")):
                weight.normal_(0, NOISE)
                weight[[number for number in range(WIDTH) if number not in CONTENT]] *= 1e-3  # positions stay readable
        _embed(model.model.shared.weight, vocabulary)
        _copy(model.model.decoder.layers[0])
    settings = model.generation_config  # as opus-mt-en-fr has them
    settings.update(
        max_length=POSITIONS, num_beams=4, bad_words_ids=[[pad]], forced_eos_token_id=0, eos_token_id=0, pad_token_id=pad,
        decoder_start_token_id=pad,
    )  # fmt: skip
    return model


def _embed(table: torch.Tensor, vocabulary: dict[str, int]) -> None:
    """Embeddings [V, D] of equal norm; a piece and its rot13 have each other's halves swapped."""
    half = len(CONTENT) // 2
    random = torch.randn(len(vocabulary), 2, half)
    partners = torch.tensor([vocabulary.get(rot13(piece), number) for piece, number in vocabulary.items()])
    numbers = torch.arange(len(vocabulary))
    halves = torch.where((partners < numbers)[:, None, None], random[partners].flip(1), random)
    halves[partners == numbers, 1] = halves[partners == numbers, 0]
    content = halves.reshape(len(vocabulary), -1)
    content -= content.mean(1, keepdim=True)
    content *= math.sqrt(content.shape[1]) / content.norm(dim=1, keepdim=True)
    table.zero_()
    table[:, CONTENT] = content * STRENGTH / math.sqrt(WIDTH)
    table[vocabulary["<pad>"]] = 0


def _copy(layer: Any, sharpness: float = 16.0, gain: float = 4.0) -> None:
    """Make the cross-attention of a decoder layer look at its own position and hand over what it finds, halves swapped."""
    layer.self_attn_layer_norm.weight[CONTENT] = 0  # the previous token must not be said again
    attention = layer.encoder_attn
    compared = [*SINUSOIDS, *(HALF + number for number in SINUSOIDS)]
    swapped = CONTENT[len(CONTENT) // 2 :] + CONTENT[: len(CONTENT) // 2]
    share = len(CONTENT) // HEADS
    for head in range(HEADS):
        rows = torch.arange(HEAD) + head * HEAD
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight[rows, compared] = sharpness
            projection.weight[rows[:, None], ZERO] = -sharpness / len(ZERO)
        carried = rows[:share]
        attention.v_proj.weight[carried, CONTENT[head * share : (head + 1) * share]] = 1.0
        attention.out_proj.weight[swapped[head * share : (head + 1) * share], carried] = gain
