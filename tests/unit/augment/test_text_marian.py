"""The Marian engine against transformers' own `generate`, one sentence at a time, on tiny checkpoints with random weights."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import MarianMTModel, MarianTokenizer

from augment.text import pool, sentences
from augment.text.engines import checkpoints
from augment.text.engines.batching import by_token_budget
from augment.text.engines.decoding import LengthLimit, SeededSampling
from augment.text.engines.marian import MarianTranslator, resolve_device
from augment.text.engines.protocol import Encoded, MissingModel

MakeMarian = Callable[..., Path]
SENTENCES = [
    "The captain of an old ship takes her aboard, but the crew fears a storm.",
    "Nobody remembers him.",
    "Winter comes, and with it the wolves.",
    "Two brothers rob a bank and run to the hills, where a stranger waits.",
    "A machine learns to love music.",
    "Dogs, cats and birds hold a council under the moon to save their forest.",
    "He knows.",
]
SEEDS = [11, 22, 33, 44, 55, 66, 77]
POSITIONS = 96
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a tiny model is slower with more
    yield
    torch.set_num_threads(before)


def encoded(translator: MarianTranslator, texts: list[str]) -> list[Encoded]:
    return [sentence for sentence in translator.encode(texts) if sentence]


def translate(translator: MarianTranslator, texts: list[str], seeds: list[int] | None = None) -> list[str]:
    done = sorted(translator.translate(encoded(translator, texts), seeds=seeds or [0] * len(texts)))
    assert [translated.position for translated in done] == list(range(len(texts)))
    return [translated.text for translated in done]


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    return MarianTokenizer.from_pretrained(folder), MarianMTModel.from_pretrained(folder).eval()


def direct(folder: Path, sentence: str, **how: object) -> str:
    """The oracle: one sentence, no batch, no padding, nothing of ours."""
    tokenizer, model = loaded(folder)
    inputs = tokenizer([sentence], return_tensors="pt")
    most = min(2 * inputs["input_ids"].shape[1] + 16, POSITIONS - 2)
    with torch.inference_mode():
        rows = model.generate(**inputs, max_new_tokens=most + 1, do_sample=False, **how)
    return tokenizer.batch_decode(rows, skip_special_tokens=True)[0]


def test_greedy_in_batches_is_generate_sentence_by_sentence(make_marian: MakeMarian):
    folder = make_marian(1)
    expected = [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert len(set(expected)) == len(SENTENCES)  # else the test could not tell sentences apart
    assert translate(MarianTranslator("en", "fr", str(folder), decoding="greedy", batch_tokens=64), SENTENCES) == expected


def test_beam_in_batches_is_generate_sentence_by_sentence(make_marian: MakeMarian):
    folder = make_marian(1)
    expected = [direct(folder, sentence, num_beams=3) for sentence in SENTENCES]
    assert expected != [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert (
        translate(MarianTranslator("en", "fr", str(folder), decoding="beam", beams=3, batch_tokens=256), SENTENCES) == expected
    )


@pytest.mark.parametrize("decoding", ["greedy", "beam", "sampling"])
def test_a_translation_does_not_depend_on_its_batch(make_marian: MakeMarian, decoding: str):
    made = {
        budget: translate(
            MarianTranslator("en", "fr", str(make_marian(1)), decoding=decoding, batch_tokens=budget), SENTENCES, SEEDS
        )
        for budget in (1, 100, 10_000)
    }
    assert made[1] == made[100] == made[10_000]


def test_sampling_depends_on_the_seed_and_on_nothing_else(make_marian: MakeMarian):
    translator = MarianTranslator("en", "fr", str(make_marian(1)), decoding="sampling")
    together = translate(translator, SENTENCES, SEEDS)
    torch.manual_seed(999)
    assert translate(translator, SENTENCES[2:4][::-1], SEEDS[2:4][::-1]) == together[2:4][::-1]
    assert translate(translator, SENTENCES[:1], [12]) != together[:1]


def test_a_cool_sample_is_the_greedy_text(make_marian: MakeMarian):
    sampled = MarianTranslator("en", "fr", str(make_marian(1)), decoding="sampling", temperature=1e-4)
    greedy = MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy")
    assert translate(sampled, SENTENCES, SEEDS) == translate(greedy, SENTENCES)


def test_draws_follow_the_softmax_at_the_temperature():
    # logits ln(1), ln(2), ln(4), ln(8) at temperature 1/2 have weights 1, 4, 16, 64 of 85
    rows, logits = 20_000, torch.tensor([1.0, 2.0, 4.0, 8.0]).log()
    draw = SeededSampling(range(rows), steps=3, temperature=0.5)
    scores = draw(torch.zeros(rows, 2, dtype=torch.long), logits.expand(rows, 4))  # type: ignore[arg-type]
    assert ((scores == 0).sum(1) == 1).all()
    shares = torch.bincount(scores.argmax(1), minlength=4) / rows
    np.testing.assert_allclose(shares, np.array([1, 4, 16, 64]) / 85, atol=0.01)  # three standard errors


def test_a_rows_draws_differ_from_step_to_step():
    draw = SeededSampling([5], steps=40, temperature=1.0)
    drawn = [int(draw(torch.zeros(1, step, dtype=torch.long), torch.zeros(1, 1000)).argmax()) for step in range(1, 41)]  # type: ignore[arg-type]
    assert len(set(drawn)) > 30


def test_top_k_and_top_p_leave_the_likeliest_alone():
    start, logits = torch.zeros(500, 1, dtype=torch.long), torch.tensor([5.0, 4.0, 1.0, 0.5]).log().expand(500, 4)
    two = SeededSampling(range(500), steps=1, temperature=1.0, top_k=2)(start, logits)  # type: ignore[arg-type]
    assert set(two.argmax(1).tolist()) == {0, 1}
    # probabilities .476 .381 .095 .048: the first two have .857, the third is needed for .9
    three = SeededSampling(range(500), steps=1, temperature=1.0, top_p=0.9)(start, logits)  # type: ignore[arg-type]
    assert set(three.argmax(1).tolist()) == {0, 1, 2}


def test_each_row_ends_at_its_own_limit():
    limit = LengthLimit([1, 3], beams=2, end=0)
    scores = torch.zeros(4, 5)
    after_two = limit(torch.zeros(4, 3, dtype=torch.long), scores)  # type: ignore[arg-type]
    assert after_two[:2].argmax(1).tolist() == [0, 0]
    assert torch.isneginf(after_two[:2, 1:]).all()
    assert torch.equal(after_two[2:], scores[2:])


def test_a_translation_that_does_not_end_is_called_unfinished(make_marian: MakeMarian):
    never = MarianTranslator("en", "fr", str(make_marian(1, end_bias=-100.0)), decoding="greedy")
    done = list(never.translate(encoded(never, SENTENCES[:2]), seeds=[0, 0]))
    assert [translated.problem for translated in done] == ["unfinished", "unfinished"]
    ends = MarianTranslator("en", "fr", str(make_marian(1, end_bias=30.0)), decoding="greedy")
    assert [translated.problem for translated in ends.translate(encoded(ends, SENTENCES[:2]), seeds=[0, 0])] == [None, None]


def test_a_loop_is_as_long_in_a_batch_as_alone(make_marian: MakeMarian):
    folder = make_marian(1, end_bias=-100.0)
    alone = [direct(folder, sentence, num_beams=1) for sentence in SENTENCES[:3]]
    assert translate(MarianTranslator("en", "fr", str(folder), decoding="greedy"), SENTENCES[:3]) == alone


def test_a_sentence_beyond_the_limit_is_split_and_nothing_is_lost(make_marian: MakeMarian):
    folder = make_marian(1)
    translator = MarianTranslator("en", "fr", str(folder), decoding="greedy")
    long = " ".join(SENTENCES).replace(". ", ", ")
    tokenizer = MarianTokenizer.from_pretrained(folder)
    assert len(tokenizer(long)["input_ids"]) > POSITIONS
    pieces = sentences.parts(long, lambda part: len(tokenizer(part)["input_ids"]) <= POSITIONS // 2)
    assert len(pieces) > 2
    expected = "".join(direct(folder, part, num_beams=1).strip() + separator for part, separator in pieces)
    [made] = pool.translate(translator, [long], seeds=[0])
    assert made.text == expected.strip()


def test_bf16_translates(make_marian: MakeMarian):
    translator = MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy", dtype="bf16")
    assert len(translate(translator, SENTENCES)) == len(SENTENCES)


@pytest.mark.gpu
def test_cuda_translates_as_the_cpu_does(make_marian: MakeMarian):
    on = {
        device: translate(MarianTranslator("en", "fr", str(make_marian(1)), device=device), SENTENCES, SEEDS)
        for device in ("cpu", "cuda")
    }
    assert on["cpu"] == on["cuda"]


def test_batches_hold_like_lengths_within_the_budget():
    # sorted: 9 | 5 5 | 4 4 | 2 1 within 10 tokens a batch, padding counted; 12 is beyond it and goes alone
    assert by_token_budget([5, 1, 12, 4, 9, 5, 2, 4], 10) == [[2], [4], [0, 5], [3, 7], [6, 1]]
    assert by_token_budget([], 10) == []


def test_loading_and_translating_print_and_warn_nothing(make_marian: MakeMarian):
    code = (
        "from augment.text.engines.marian import MarianTranslator\n"
        f"for how in ('greedy', 'beam', 'sampling'):\n"
        f"    t = MarianTranslator('en', 'fr', {str(make_marian(1))!r}, decoding=how)\n"
        f"    t.encode(['word ' * 600]); list(t.translate(t.encode(['The captain.', 'He knows.']), seeds=[1, 2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3], env=ONE_THREAD
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_callers_logging_settings_come_back(make_marian: MakeMarian):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    translate(MarianTranslator("en", "fr", str(make_marian(2)), decoding="greedy"), SENTENCES[:1])
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_threads_are_set_for_the_call_alone(make_marian: MakeMarian):
    before = torch.get_num_threads()
    translate(MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy", threads=before + 1), SENTENCES[:1])
    assert torch.get_num_threads() == before


def test_a_local_model_is_named_by_its_content_not_by_its_path(make_marian: MakeMarian, tmp_path: Path):
    one, other = make_marian(1), make_marian(2)
    copy = shutil.copytree(one, tmp_path / "copy")
    assert checkpoints.identity(str(copy), None) == checkpoints.identity(str(one), None)
    assert checkpoints.identity(str(other), None) != checkpoints.identity(str(one), None)


def test_a_pinned_repository_is_named_without_a_look_at_the_network():
    commit = "0" * 40
    assert checkpoints.identity("owner/name", commit) == f"owner/name@{commit}"


def test_a_model_that_is_nowhere_names_repository_revision_and_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def unreachable(*_: object, **__: object) -> None:
        message = "no route to host"
        raise ConnectionError(message)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(checkpoints.HfApi, "model_info", unreachable)
    translator = MarianTranslator("fr", "en", "Helsinki-NLP/opus-mt-xx-yy", "1" * 40)
    with pytest.raises(MissingModel) as caught:
        translator.load()
    for part in ("Helsinki-NLP/opus-mt-xx-yy", "1" * 40, "mmuda fetch", "--text.models fr-en=PATH", "--text.engine bergamot"):
        assert part in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_cached_model_is_loaded_without_the_network(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    commit = "2" * 40
    snapshot = tmp_path / "models--owner--tiny" / "snapshots" / commit
    shutil.copytree(make_marian(1), snapshot)
    monkeypatch.setattr(checkpoints, "snapshot_download", _cache_at(tmp_path))
    monkeypatch.setattr(checkpoints.HfApi, "model_info", None)
    assert checkpoints.locate("owner/tiny", commit, source="en", target="fr") == snapshot


def _cache_at(root: Path) -> Callable[..., str]:
    from huggingface_hub import snapshot_download

    return lambda *names, **settings: snapshot_download(*names, cache_dir=root, **settings)


def test_a_half_downloaded_model_counts_as_missing(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError

    snapshot = tmp_path / "models--owner--half" / "snapshots" / ("3" * 40)
    shutil.copytree(make_marian(1), snapshot, ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(checkpoints, "snapshot_download", _cache_at(tmp_path))
    monkeypatch.setattr(checkpoints.HfApi, "model_info", unreachable)
    with pytest.raises(MissingModel):
        checkpoints.locate("owner/half", "3" * 40, source="en", target="fr")


def test_a_folder_that_is_missing_or_no_checkpoint_says_what_was_expected(make_marian: MakeMarian, tmp_path: Path):
    with pytest.raises(ValueError, match="no such folder"):
        checkpoints.locate(str(tmp_path / "nowhere"), None, source="en", target="fr")
    with pytest.raises(ValueError, match=r"not a Marian checkpoint, config\.json, source\.spm"):
        checkpoints.locate(str(tmp_path), None, source="en", target="fr")
    other = shutil.copytree(make_marian(1), tmp_path / "bert")
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    with pytest.raises(ValueError, match="model type 'bert', expected 'marian'"):
        checkpoints.locate(str(other), None, source="en", target="fr")


def test_a_device_that_is_not_there_is_an_error_with_the_choices():
    with pytest.raises(ValueError, match="choose `auto`, `cpu` or `cuda`"):
        resolve_device("cuda:77")
    with pytest.raises(ValueError, match="choose `auto`, `cpu` or `cuda`"):
        resolve_device("toaster")
