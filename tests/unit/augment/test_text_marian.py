"""The Marian engine against transformers' own `generate`, one sentence at a time, on tiny checkpoints with random weights."""

import copy
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import LogitsProcessorList, MarianMTModel, MarianTokenizer
from transformers.generation.logits_process import TopPLogitsWarper

from augment.text import pool, sentences
from augment.text.engines import marian
from augment.text.engines.batching import by_token_budget
from augment.text.engines.decoding import LengthLimit, SeededSampling, falls_into, generate, least_within, likeliest, search
from augment.text.engines.marian import MarianTranslator, resolve_device
from augment.text.engines.packed import pack
from augment.text.engines.protocol import Encoded
from augment.text.engines.slots import slots
from augment.text.spec import Decoding

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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_search_finds_the_tokens_of_generate_although_rows_leave(make_marian: MakeMarian, seed: int):
    tokenizer, model = loaded(make_marian(seed))
    inputs, limits = tokenizer(SENTENCES, padding=True, return_tensors="pt"), [40, 3, 25, 30, 1, 35, 20]
    processors = LogitsProcessorList([LengthLimit(limits, beams=1, end=0)])
    with torch.inference_mode():
        expected = model.generate(**inputs, num_beams=1, do_sample=False, max_new_tokens=41, logits_processor=processors)
    bodies = [list(takewhile(lambda token: token not in (0, model.config.pad_token_id), row[1:])) for row in expected.tolist()]
    assert len({len(body) for body in bodies}) > 4
    assert search(model, inputs, limits, likeliest) == bodies


def test_the_search_draws_the_tokens_that_generate_draws(make_marian: MakeMarian):
    tokenizer, model = loaded(make_marian(1))
    inputs, limits = tokenizer(SENTENCES, padding=True, return_tensors="pt"), [20] * len(SENTENCES)
    sampling = SeededSampling(SEEDS, steps=21, temperature=1.0, top_k=40, top_p=0.95)
    drawn = search(model, inputs, limits, sampling.choose)
    assert drawn == generate(model, inputs, limits, beams=1, sampling=sampling)
    assert drawn != search(model, inputs, limits, likeliest)


def changed(folder: Path, to: Path, **settings: object) -> Path:
    """A copy of a checkpoint with other generation settings."""
    shutil.copytree(folder, to)
    before = json.loads((to / "generation_config.json").read_text(encoding="utf-8"))
    (to / "generation_config.json").write_text(json.dumps(before | settings), encoding="utf-8")
    return to


def test_words_that_a_checkpoint_forbids_are_not_said(make_marian: MakeMarian, tmp_path: Path):
    _, model = loaded(make_marian(1))
    said = translate(MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy"), SENTENCES)
    pad, comma = model.config.pad_token_id, loaded(make_marian(1))[0].convert_tokens_to_ids(",")
    assert any("," in text for text in said)
    folder = changed(make_marian(1), tmp_path / "no-comma", bad_words_ids=[[pad], [comma]])
    expected = [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert translate(MarianTranslator("en", "fr", str(folder), decoding="greedy"), SENTENCES) == expected
    assert not any("," in text for text in expected)


def test_a_checkpoint_with_uncommon_settings_has_them_too(make_marian: MakeMarian, tmp_path: Path):
    folder = changed(make_marian(1), tmp_path / "no-repeats", no_repeat_ngram_size=2)
    expected = [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert expected != [direct(make_marian(1), sentence, num_beams=1) for sentence in SENTENCES]
    assert translate(MarianTranslator("en", "fr", str(folder), decoding="greedy"), SENTENCES) == expected


def test_a_checkpoints_length_penalty_decides_among_beams(make_marian: MakeMarian, tmp_path: Path):
    folder = changed(make_marian(1), tmp_path / "short", length_penalty=-3.0)
    expected = [direct(folder, sentence, num_beams=4) for sentence in SENTENCES]
    assert expected != [direct(make_marian(1), sentence, num_beams=4) for sentence in SENTENCES]
    assert translate(MarianTranslator("en", "fr", str(folder), decoding="beam"), SENTENCES) == expected


def test_a_checkpoints_maximum_length_limits_sentences_and_translations(make_marian: MakeMarian, tmp_path: Path):
    folder = changed(make_marian(1, end_bias=-100.0), tmp_path / "brief", max_length=24)
    translator = MarianTranslator("en", "fr", str(folder), decoding="greedy")
    short, long = "He knows.", SENTENCES[0]
    rows = [loaded(folder)[0](sentence)["input_ids"] for sentence in (short, long)]
    assert len(rows[0]) <= 12 < len(rows[1])
    assert [sentence is None for sentence in translator.encode([short, long])] == [False, True]
    with torch.inference_mode():  # transformers' own idea of the length: 24 with the start and the end mark
        [most] = loaded(folder)[1].generate(torch.tensor([rows[0]]), num_beams=1, do_sample=False)
    assert len(most) == 24
    assert translate(translator, [short]) == [loaded(folder)[0].decode(most, skip_special_tokens=True)]


def test_the_target_languages_code_leads_the_sentence(make_marian: MakeMarian, tmp_path: Path):
    folder = shutil.copytree(make_marian(1), tmp_path / "many")
    words = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    *_, rare, _pad = words
    renamed = {(">>fra<<" if name == rare else name): number for name, number in words.items()}
    (folder / "vocab.json").write_text(json.dumps(renamed), encoding="utf-8")
    for translator in (
        MarianTranslator("en", "fr", str(folder)),
        MarianTranslator("en", "xx", str(folder), target_code="fra"),
    ):
        assert encoded(translator, ["He knows."])[0].tokens[0] == words[rare]


def test_beam_in_batches_is_generate_sentence_by_sentence(make_marian: MakeMarian):
    folder = make_marian(1)
    expected = [direct(folder, sentence, num_beams=3) for sentence in SENTENCES]
    assert expected != [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert (
        translate(MarianTranslator("en", "fr", str(folder), decoding="beam", beams=3, batch_tokens=256), SENTENCES) == expected
    )


@pytest.mark.parametrize("decoding", ["greedy", "beam", "sampling"])
def test_a_translation_does_not_depend_on_its_batch(make_marian: MakeMarian, decoding: Decoding):
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


def test_a_draw_is_the_first_token_whose_cumulative_weight_is_beyond_the_number():
    rng = np.random.default_rng(0)
    weights = rng.random((200, 1000)) ** 8  # 1,000 tokens are three blocks and a rest
    weights /= weights.sum(1, keepdims=True)
    drawn = falls_into(torch.from_numpy(weights).float(), torch.from_numpy(numbers := rng.random(200)))
    cumulative = weights.astype(np.float32).astype(np.float64).cumsum(1)  # naive: one long sum
    expected = [
        int(np.searchsorted(row, number * row[-1], side="right")) for row, number in zip(cumulative, numbers, strict=True)
    ]
    assert drawn.tolist() == expected


@pytest.mark.parametrize("tokens", [3, 256, 700, 1024])
def test_a_token_without_weight_is_never_drawn(tokens: int):
    weights = torch.zeros(2, tokens)
    weights[:, 1] = 0.3  # alone among zeros, before it and after it
    assert falls_into(weights, torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)).tolist() == [1, 1]


def test_top_p_of_a_flat_distribution_keeps_the_tokens_that_transformers_keeps():
    scores = torch.randn(4, 2000, generator=torch.Generator().manual_seed(1)) / 4  # .9 needs far more than 256 tokens
    kept = scores >= least_within(scores, 0.9)
    assert kept.sum(1).min() > 256
    assert torch.equal(kept, TopPLogitsWarper(0.9)(torch.zeros(4, 1, dtype=torch.long), scores).isfinite())  # type: ignore[arg-type]


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
@pytest.mark.parametrize("decoding", ["greedy", "beam", "sampling"])
def test_cuda_translates_as_the_cpu_does(make_marian: MakeMarian, decoding: Decoding):
    on = {
        device: translate(MarianTranslator("en", "fr", str(make_marian(1)), decoding=decoding, device=device), SENTENCES, SEEDS)
        for device in ("cpu", "cuda")
    }
    assert on["cpu"] == on["cuda"]


@pytest.mark.gpu
def test_cuda_halves_a_batch_that_does_not_fit(make_marian: MakeMarian):
    texts = SENTENCES * 300
    expected = translate(MarianTranslator("en", "fr", str(make_marian(3)), decoding="greedy", device="cpu"), texts)
    translator = MarianTranslator("en", "fr", str(make_marian(3)), decoding="greedy", device="cuda", batch_tokens=10**6)
    translator.load()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 8 * 2**20) / total)
    try:
        assert translate(translator, texts) == expected
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_batches_hold_like_lengths_within_the_budget():
    # sorted: 9 | 5 5 | 4 4 | 2 1 within 10 tokens a batch, padding counted; 12 is beyond it and goes alone
    assert by_token_budget([5, 1, 12, 4, 9, 5, 2, 4], 10) == [[2], [4], [0, 5], [3, 7], [6, 1]]
    assert by_token_budget([], 10) == []


def test_loading_and_translating_print_and_warn_nothing(make_marian: MakeMarian, tmp_path: Path):
    settings = {
        "max_length": 96,
        "num_beams": 4,
        "early_stopping": True,
        "length_penalty": 1.5,
    }  # as opus-mt has them, and more
    folders = [
        str(changed(make_marian(1), tmp_path / "common", **settings)),
        str(changed(make_marian(1), tmp_path / "uncommon", **settings, no_repeat_ngram_size=3, do_sample=True, top_k=9)),
    ]
    code = (
        "from augment.text.engines.marian import MarianTranslator\n"
        f"for folder in {folders}:\n"
        "    for how in ('greedy', 'beam', 'sampling'):\n"
        "        t = MarianTranslator('en', 'fr', folder, decoding=how)\n"
        "        t.encode(['word ' * 600]); list(t.translate(t.encode(['The captain.', 'He knows.']), seeds=[1, 2]))\n"
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


def test_packed_weights_compute_what_the_linear_layer_computes():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(48, 160), nn.ModuleDict({"inner": nn.Linear(160, 7, bias=False)})["inner"]).eval()
    for rows in (1, 5, 200):
        inputs = torch.randn(2, rows, 48)
        with torch.inference_mode():
            expected = model(inputs)
            packed = copy.deepcopy(model)
            pack(packed)
            torch.testing.assert_close(packed(inputs), expected, atol=1e-5, rtol=1e-5)
    assert [type(layer) for layer in model] == [nn.Linear, nn.Linear]


class Scarce:
    """`search` on a device that has room for `room` source tokens, padding included."""

    def __init__(self, room: int) -> None:
        self.room, self.tried = room, list[int]()

    def __call__(self, model: Any, inputs: Any, limits: Any, choose: Any) -> list[list[int]]:
        self.tried.append(inputs["input_ids"].numel())
        if self.tried[-1] > self.room:
            raise torch.OutOfMemoryError
        return search(model, inputs, limits, choose)


def test_a_batch_that_does_not_fit_is_halved_until_it_does(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    translator = MarianTranslator("en", "fr", str(make_marian(4)), batch_tokens=10_000)
    expected = translate(translator, SENTENCES, SEEDS)
    monkeypatch.setattr(marian, "search", scarce := Scarce(100))
    assert translate(translator, SENTENCES, SEEDS) == expected
    assert max(scarce.tried) > 100
    assert len(scarce.tried) > 3


def test_a_batch_size_that_was_too_much_is_not_tried_again(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    translator = MarianTranslator("en", "fr", str(make_marian(5)), decoding="greedy", batch_tokens=10_000)
    monkeypatch.setattr(marian, "search", first := Scarce(100))
    translate(translator, SENTENCES)
    assert max(first.tried) > 100
    monkeypatch.setattr(marian, "search", second := Scarce(100))
    again = MarianTranslator("en", "fr", str(make_marian(5)), decoding="sampling", batch_tokens=5_000)
    translate(again, SENTENCES)
    assert max(second.tried) <= 100


def test_a_sentence_that_fits_not_even_alone_fails_and_the_others_do_not(
    make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch
):
    translator = MarianTranslator("en", "fr", str(make_marian(6)), decoding="greedy", batch_tokens=10_000)
    sentences = encoded(translator, SENTENCES)
    expected = translate(translator, SENTENCES)
    sizes = sorted(len(sentence.tokens) for sentence in sentences)
    monkeypatch.setattr(marian, "search", Scarce(sizes[-1] - 1))
    done = sorted(translator.translate(sentences, seeds=SEEDS))
    for sentence, translated, text in zip(sentences, done, expected, strict=True):
        fits = len(sentence.tokens) < sizes[-1]
        assert (translated.text, translated.problem == "engine failed") == ((text, False) if fits else ("", True))


@pytest.mark.parametrize("decoding", ["greedy", "beam", "sampling"])
def test_texts_do_not_depend_on_threads_or_on_who_else_translates(make_marian: MakeMarian, decoding: Decoding):
    texts, seeds = SENTENCES * 3, list(range(21))

    def run(threads: int) -> list[str]:
        how = {"decoding": decoding, "threads": threads, "batch_tokens": 80}
        return translate(MarianTranslator("en", "fr", str(make_marian(1)), **how), texts, seeds)  # type: ignore[arg-type]

    alone = run(1)
    assert run(3) == alone
    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(run, [2, 2, 3, 3])) == [alone] * 4


def test_threads_that_come_at_once_load_a_model_once(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    folder, loads = make_marian(7), list[Path]()
    real = MarianMTModel.from_pretrained

    def slowly(where: Path, **how: Any) -> Any:
        loads.append(where)
        time.sleep(0.2)
        return real(where, **how)

    monkeypatch.setattr(marian.MarianMTModel, "from_pretrained", slowly)
    with ThreadPoolExecutor(3) as callers:
        list(callers.map(lambda _: MarianTranslator("en", "fr", str(folder)).load(), range(3)))
    assert loads == [folder]


def test_each_batch_is_yielded_when_it_is_done(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    go_on, batches = Event(), iter([True, False])

    def second_waits(*given: Any) -> list[list[int]]:
        if not next(batches):
            assert go_on.wait(60)
        return search(*given)

    monkeypatch.setattr(marian, "search", second_waits)
    translator = MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy", threads=1, batch_tokens=1)
    running = translator.translate(encoded(translator, SENTENCES[:2]), seeds=[0, 0])
    assert next(running).position == 0  # the longer one comes first, and the other cannot be done yet
    go_on.set()
    assert [translated.position for translated in running] == [1]


def test_batches_that_nobody_waits_for_are_not_translated(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    started, go_on, batches = Event(), Event(), list[int]()

    def wait(model: Any, inputs: Any, limits: Any, choose: Any) -> list[list[int]]:
        batches.append(len(limits))
        if len(batches) == 2:
            started.set()
            assert go_on.wait(60)
        return search(model, inputs, limits, choose)

    monkeypatch.setattr(marian, "search", wait)
    translator = MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy", threads=1, batch_tokens=1)
    running = translator.translate(encoded(translator, SENTENCES), seeds=SEEDS)
    next(running)
    assert started.wait(60)
    running.close()  # type: ignore[attr-defined]
    go_on.set()
    slots("cpu", 1).submit(int).result()  # behind all that was waiting
    assert len(batches) == 2


def test_an_error_in_a_batch_reaches_the_caller(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        message = "a fault of ours"
        raise RuntimeError(message)

    monkeypatch.setattr(marian, "search", fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        translate(MarianTranslator("en", "fr", str(make_marian(1)), decoding="greedy"), SENTENCES)


def test_a_slot_computes_in_one_thread_and_leaves_the_callers_setting_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        pool = slots("cpu", 5)
        assert pool is slots("cpu", 5)
        assert (
            list(pool.map(lambda _: (torch.randn(300, 300) @ torch.randn(300, 300), torch.get_num_threads())[1], range(20)))
            == [1] * 20
        )
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as other:
            assert other.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


def test_a_device_that_is_not_there_is_an_error_with_the_choices():
    with pytest.raises(ValueError, match="choose `auto`, `cpu` or `cuda`"):
        resolve_device("cuda:77")
    with pytest.raises(ValueError, match="choose `auto`, `cpu` or `cuda`"):
        resolve_device("toaster")
