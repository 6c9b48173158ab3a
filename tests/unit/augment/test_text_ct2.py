"""The CTranslate2 engine against transformers on the same tiny checkpoints; and its conversions in the cache."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MarianMTModel, MarianTokenizer

from augment.text import pool
from augment.text.back_translation import back_translate
from augment.text.engines import build, ct2, ct2_models
from augment.text.engines.ct2 import CTranslate2Translator
from augment.text.engines.marian import MarianTranslator
from augment.text.engines.protocol import Encoded, MissingModel, Translated, Translator
from augment.text.quality import Guards
from augment.text.spec import BackTranslationSpec

ctranslate2 = pytest.importorskip("ctranslate2")

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
MANY = SENTENCES * 20  # with `SMALL` batches, several that draw from one generator, and several generators
SMALL = 150
POSITIONS = 96
ROOT = Path(__file__).parents[3]
HERE = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True, scope="module")
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMUDA_CACHE", str(root))
        yield root


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a tiny model is slower with more
    yield
    torch.set_num_threads(before)


def encoded(translator: Translator, texts: list[str]) -> list[Encoded]:
    found = [sentence for sentence in translator.encode(texts) if sentence]
    assert len(found) == len(texts)
    return found


def translated(translator: Translator, texts: list[str], seeds: list[int] | None = None) -> list[Translated]:
    done = sorted(translator.translate(encoded(translator, texts), seeds=seeds or list(range(len(texts)))))
    assert [one.position for one in done] == list(range(len(texts)))
    return done


def translate(translator: Translator, texts: list[str], seeds: list[int] | None = None) -> list[str]:
    return [one.text for one in translated(translator, texts, seeds)]


def by_ct2(folder: Path, **settings: Any) -> CTranslate2Translator:
    return CTranslate2Translator("en", "fr", str(folder), **{"dtype": "fp32", "threads": 1, **settings})


def by_marian(folder: Path, **settings: Any) -> MarianTranslator:
    return MarianTranslator("en", "fr", str(folder), device="cpu", **settings)


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    return MarianTokenizer.from_pretrained(folder), MarianMTModel.from_pretrained(folder).eval()


def direct(folder: Path, sentence: str, **how: Any) -> str:
    """The oracle: one sentence, nothing of ours."""
    tokenizer, model = loaded(folder)
    inputs = tokenizer([sentence], return_tensors="pt")
    most = min(2 * inputs["input_ids"].shape[1] + 16, POSITIONS - 2)
    with torch.inference_mode():
        rows = model.generate(**inputs, max_new_tokens=most + 1, do_sample=False, **how)
    return tokenizer.batch_decode(rows, skip_special_tokens=True)[0]


def in_a_process(code: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**HERE, "MMUDA_CACHE": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def convert(folder: Path, root: Path) -> Path:
    return ct2_models.converted(folder, str(folder), "int8", root=root)[0]


# Search


@pytest.mark.parametrize("batch_tokens", [1, 100, 10_000])
def test_greedy_fp32_is_marian_greedy(make_marian: MakeMarian, batch_tokens: int):
    expected = translated(by_marian(make_marian(1), decoding="greedy"), SENTENCES)
    assert len({one.text for one in expected}) == len(SENTENCES)  # else the test could not tell sentences apart
    assert translated(by_ct2(make_marian(1), decoding="greedy", batch_tokens=batch_tokens), SENTENCES) == expected


def test_a_loop_ends_at_each_sentences_own_limit_as_with_marian_and_is_unfinished(make_marian: MakeMarian):
    folder = make_marian(1, end_bias=-100.0)
    done = translated(by_ct2(folder, decoding="greedy"), SENTENCES)
    assert {one.problem for one in done} == {"unfinished"}
    assert done == translated(by_marian(folder, decoding="greedy"), SENTENCES)


def test_a_sentence_that_ends_is_finished_even_where_it_says_nothing(make_marian: MakeMarian):
    done = translated(by_ct2(make_marian(1, end_bias=30.0), decoding="greedy"), SENTENCES[:2])
    assert done == [Translated(0, ""), Translated(1, "")]


def test_beam_search_is_that_of_transformers_with_early_stopping(make_marian: MakeMarian):
    folder = make_marian(1)
    expected = [direct(folder, sentence, num_beams=3, early_stopping=True) for sentence in SENTENCES]
    assert expected != [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]
    assert translate(by_ct2(folder, decoding="beam", beams=3), SENTENCES) == expected


def test_beam_search_divides_by_the_checkpoints_power_of_the_length(make_marian: MakeMarian, tmp_path: Path):
    folder = generating(make_marian(1), tmp_path / "short", length_penalty=-3.0)
    expected = [direct(folder, sentence, num_beams=3, early_stopping=True) for sentence in SENTENCES]
    assert expected != [direct(make_marian(1), sentence, num_beams=3, early_stopping=True) for sentence in SENTENCES]
    assert translate(by_ct2(folder, decoding="beam", beams=3), SENTENCES) == expected


def test_neither_padding_nor_bad_words_are_said(make_marian: MakeMarian, tmp_path: Path):
    usual = make_marian(1)
    vocabulary = json.loads((usual / "vocab.json").read_text(encoding="utf-8"))
    often, pad = vocabulary["e"], vocabulary["<pad>"]
    folder = generating(usual, tmp_path / "silent", bad_words_ids=[[pad], [often], [vocabulary["▁the"], vocabulary["▁"]]])
    weights = load_file(folder / "model.safetensors")
    weights["final_logits_bias"][0, [pad, often]] = 50.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    made = translate(by_ct2(folder, decoding="greedy"), SENTENCES)
    assert "".join(made)
    assert made == [direct(folder, sentence, num_beams=1) for sentence in SENTENCES]


def generating(folder: Path, target: Path, **settings: Any) -> Path:
    """A copy of a checkpoint with other settings for `generate`."""
    shutil.copytree(folder, target)
    path = target / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    return target


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_int8_translates_every_sentence_the_same_with_any_number_of_threads(make_marian: MakeMarian, decoding: str):
    made = [
        translated(by_ct2(make_marian(1), decoding=decoding, dtype="int8", threads=threads, batch_tokens=SMALL), MANY)
        for threads in (1, 2, 3)
    ]
    assert made[0] == made[1] == made[2]
    assert all(one.text for one in made[0])


def test_several_callers_share_one_model(make_marian: MakeMarian):
    translator = by_ct2(make_marian(1), decoding="greedy", batch_tokens=SMALL)
    expected = translate(translator, SENTENCES)
    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(lambda _: translate(translator, SENTENCES), range(8))) == [expected] * 8
    assert translator._loaded()[0] is by_ct2(make_marian(1), decoding="beam")._loaded()[0]


def test_a_caller_may_stop_in_the_middle(make_marian: MakeMarian):
    for decoding in ("greedy", "sampling"):
        translator = by_ct2(make_marian(1), decoding=decoding, batch_tokens=SMALL)
        running = translator.translate(encoded(translator, MANY), seeds=range(len(MANY)))
        next(running)
        running.close()  # type: ignore[attr-defined]
        assert len(translate(translator, SENTENCES)) == len(SENTENCES)


# What goes in


def test_the_target_language_is_asked_for(make_marian: MakeMarian, tmp_path: Path):
    folder = shutil.copytree(make_marian(1), tmp_path / "codes")
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    spoken = {number for row in loaded(make_marian(1))[0](SENTENCES)["input_ids"] for number in row}
    other = [name for name, number in vocabulary.items() if number not in spoken and name[0] not in "<▁"]
    names = {other[0]: ">>fra<<", other[1]: ">>deu<<"}
    named = {names.get(name, name): number for name, number in vocabulary.items()}
    (folder / "vocab.json").write_text(json.dumps(named), encoding="utf-8")
    french, german = (by_ct2(folder, decoding="greedy", target_code=code) for code in (None, "deu"))
    [sentence] = encoded(french, SENTENCES[:1])
    assert sentence.tokens[0] == named[">>fra<<"]
    made = translate(french, SENTENCES)
    assert made == translate(by_marian(folder, decoding="greedy"), SENTENCES)
    assert made != translate(german, SENTENCES)


def test_vocabularies_of_source_and_target_may_differ(make_marian: MakeMarian, tmp_path: Path):
    usual = make_marian(1)
    folder = shutil.copytree(usual, tmp_path / "apart")
    names = list(json.loads((usual / "vocab.json").read_text(encoding="utf-8")))
    pad = len(names) - 1
    order = torch.tensor([0, 1, *range(pad - 1, 1, -1), pad])  # the target's ids run the other way, and one more is never said
    reversed_names = {name: at for at, name in enumerate([*(names[old] for old in order), "≡"])}
    (folder / "target_vocab.json").write_text(json.dumps(reversed_names), encoding="utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")) | {"separate_vocabs": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    apart_as_a_marian_model(loaded(usual)[1], order).save_pretrained(folder)
    assert translate(by_ct2(folder, decoding="greedy"), SENTENCES) == translate(by_ct2(usual, decoding="greedy"), SENTENCES)


def apart_as_a_marian_model(model: Any, order: torch.Tensor) -> Any:
    """`model` with a vocabulary for the target in another order and with one token more."""
    settings = {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": len(order) + 1}
    apart = MarianMTModel(type(model.config)(**{**model.config.to_dict(), **settings}))
    weights = {name: value for name, value in model.state_dict().items() if not name.endswith("embed_tokens.weight")}
    both = weights.pop("model.shared.weight")
    target = torch.cat([both[order], both[:1]])
    bias = torch.cat([weights["final_logits_bias"][:, order], torch.tensor([[-100.0]])], 1)
    weights |= {"model.encoder.embed_tokens.weight": both, "model.decoder.embed_tokens.weight": target}
    absent = apart.load_state_dict(weights | {"lm_head.weight": target, "final_logits_bias": bias}, strict=False)
    assert not absent.unexpected_keys
    apart.generation_config.bad_words_ids = [[model.config.pad_token_id]]
    return apart.eval()


def test_a_sentence_without_room_is_not_encoded_and_goes_in_parts_that_lose_nothing(make_marian: MakeMarian):
    translator = by_ct2(make_marian(1), decoding="greedy")
    long = " ".join(SENTENCES).replace(". ", ", ")
    room = POSITIONS // 2
    fits = "a " * (room - 1)  # each a piece, and the end mark
    assert [len(one.tokens) if one else None for one in translator.encode([fits, fits + "a", long])] == [room, None, None]
    [made] = pool.translate(translator, [long], seeds=[0])
    [expected] = pool.translate(by_marian(make_marian(1), decoding="greedy"), [long], seeds=[0])
    assert made == expected


def test_no_sentences_are_translated_to_none(make_marian: MakeMarian):
    for decoding in ("greedy", "sampling"):
        assert list(by_ct2(make_marian(1), decoding=decoding).translate([], seeds=[])) == []


# Sampling


def test_a_call_draws_the_same_whatever_comes_before_and_beside_it(make_marian: MakeMarian):
    seeds = list(range(len(MANY)))
    expected = translate(by_ct2(make_marian(1), batch_tokens=SMALL), MANY, seeds)
    translate(by_ct2(make_marian(2), batch_tokens=SMALL), SENTENCES, SEEDS)
    ctranslate2.set_random_seed(5)
    assert translate(by_ct2(make_marian(1), batch_tokens=SMALL, threads=3), MANY, seeds) == expected
    translators = [by_ct2(make_marian(1), batch_tokens=SMALL, threads=threads) for threads in (1, 2, 3, 4)]
    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(lambda one: translate(one, MANY, seeds), translators)) == [expected] * 4


def test_other_seeds_draw_other_texts(make_marian: MakeMarian):
    translator = by_ct2(make_marian(1))
    once, again = (translate(translator, SENTENCES, [seed + plus for seed in SEEDS]) for plus in (0, 1))
    assert once != again
    assert once != translate(translator, SENTENCES, SEEDS[::-1])


def test_equal_sentences_draw_each_for_itself(make_marian: MakeMarian):
    made = translate(by_ct2(make_marian(1), batch_tokens=SMALL), SENTENCES[:1] * 40)
    assert len(set(made)) > 30


def test_another_process_draws_the_same(make_marian: MakeMarian, cache_of_the_tests: Path):
    code = (
        "import json\nfrom augment.text.engines.ct2 import CTranslate2Translator\n"
        f"t = CTranslate2Translator('en', 'fr', {str(make_marian(1))!r}, dtype='fp32', threads=2, batch_tokens={SMALL})\n"
        f"sentences = {MANY!r}\n"
        "print(json.dumps([one.text for one in sorted(t.translate(t.encode(sentences), seeds=range(len(sentences))))]))"
    )
    output, errors = in_a_process(code, cache_of_the_tests).communicate(timeout=120)
    assert not errors  # nor does it print or warn
    assert json.loads(output) == translate(by_ct2(make_marian(1), batch_tokens=SMALL), MANY)


@pytest.mark.parametrize("cool", [{"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}, {"top_k": 1, "top_p": 0.5}])
def test_a_cool_sample_is_the_greedy_text(make_marian: MakeMarian, cool: dict[str, float]):
    greedy = translate(by_ct2(make_marian(1), decoding="greedy"), SENTENCES)
    assert translate(by_ct2(make_marian(1), **cool), SENTENCES) == greedy


def test_more_likeliest_tokens_than_there_are_tokens_are_all_of_them(make_marian: MakeMarian):
    everything = translate(by_ct2(make_marian(1)), SENTENCES, SEEDS)
    assert translate(by_ct2(make_marian(1), top_k=100_000), SENTENCES, SEEDS) == everything


@pytest.mark.parametrize(("temperature", "top_k"), [(0.8, None), (1.6, None), (0.8, 2)])
def test_draws_follow_the_softmax_at_the_temperature(make_marian: MakeMarian, temperature: float, top_k: int | None):
    folder, draws = make_marian(1, end_bias=11.0), 4000
    tokenizer, marian = loaded(folder)
    inputs, start = tokenizer(SENTENCES[:1], return_tensors="pt"), torch.tensor([[marian.config.pad_token_id]])
    with torch.no_grad():
        logits = marian(**inputs, decoder_input_ids=start).logits[0, 0]
    logits[marian.config.pad_token_id] = -torch.inf
    if top_k:
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    expected = (logits / temperature).softmax(-1)
    assert 0.2 < expected.max() < 0.8
    translator = by_ct2(folder, temperature=temperature, top_k=top_k)
    model, vocabulary = translator._loaded()
    call = ct2._Call(translator, model, vocabulary, encoded(translator, SENTENCES[:1]), [0])
    how = {"max_decoding_length": 1, **call._search()}
    with model.with_generator(3, lambda alone: alone.translate_batch([call._ids(0)], **how)) as alone:
        first = [int(one.hypotheses[0][0]) for one in alone.translate_batch([call._ids(0)] * draws, **how)]
    shares = np.bincount(first, minlength=len(expected)) / draws
    np.testing.assert_allclose(shares, expected, atol=4 * (0.25 / draws) ** 0.5)  # four standard errors


# Failures


class Card:
    """The real translator, on a card whose memory holds `most` tokens, padding included."""

    def __init__(self, real: Any, most: int) -> None:
        self.real, self.most, self.refused = real, most, 0

    def translate_batch(self, rows: list[list[str]], **options: Any) -> Any:
        if len(rows) * max(map(len, rows)) > self.most:
            self.refused += 1
            message = "CUDA failed with error out of memory"
            raise RuntimeError(message)
        return self.real.translate_batch(rows, **options)


def on_a_card(translator: CTranslate2Translator, card: Callable[[Any], Any], texts: list[str]) -> ct2._Call:
    model, vocabulary = translator._loaded()
    return ct2._Call(
        translator, replace(model, translator=card(model.translator)), vocabulary, encoded(translator, texts), SEEDS * 20
    )


def test_a_batch_beyond_the_cards_memory_goes_in_halves_and_the_next_do_at_once(
    make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ct2, "_fits", {})
    translator = by_ct2(make_marian(1), decoding="greedy", batch_tokens=100_000)
    expected = translated(translator, MANY)
    longest = max(len(sentence.tokens) for sentence in encoded(translator, SENTENCES))
    call = on_a_card(translator, lambda real: Card(real, 35 * longest), MANY)
    for refusals in (2, 0):  # 140 sentences and the first 70 are refused, 35 fit; after that it is known
        call.model.translator.refused = 0
        assert sorted(done for job in call.jobs() for done in call.run(job)) == expected
        assert call.model.translator.refused == refusals


def test_a_sentence_beyond_the_cards_memory_failed(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ct2, "_fits", {})
    call = on_a_card(by_ct2(make_marian(1), decoding="greedy"), lambda real: Card(real, 0), SENTENCES[:2])
    assert call.run([[0, 1]]) == [Translated(0, "", "engine failed"), Translated(1, "", "engine failed")]


def test_another_failure_of_the_engine_is_not_swallowed(make_marian: MakeMarian):
    class Broken(Card):
        def translate_batch(self, *_: object, **__: object) -> Any:
            message = "CUDA failed with error unspecified launch failure"
            raise RuntimeError(message)

    call = on_a_card(by_ct2(make_marian(1), decoding="greedy"), lambda real: Broken(real, 999), SENTENCES)
    with pytest.raises(RuntimeError, match="unspecified launch failure"):
        call.run([[0, 1]])


def test_a_lost_sentence_is_noticed(make_marian: MakeMarian):
    class Forgetful(Card):
        def translate_batch(self, rows: list[list[str]], **options: Any) -> Any:
            return self.real.translate_batch(rows, **options)[:-1]

    call = on_a_card(by_ct2(make_marian(1), decoding="greedy"), lambda real: Forgetful(real, 999), SENTENCES)
    with pytest.raises(AssertionError, match="3 sentences went in, 2 came back"):
        call.run([[0, 1, 2]])


def test_without_the_package_the_message_says_how_to_get_it(make_marian: MakeMarian, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(MissingModel, match=r"pip install 'mmuda\[ctranslate2\]'.*--text\.engine marian"):
        by_ct2(make_marian(1)).load()


def test_a_device_that_is_not_there_is_an_error(make_marian: MakeMarian):
    with pytest.raises(ValueError, match="device 'tpu' cannot be used here"):
        by_ct2(make_marian(1), device="tpu").load()


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="a CPU's precisions are tested")
def test_a_precision_that_the_device_lacks_is_an_error(make_marian: MakeMarian):
    with pytest.raises(ValueError, match=r"no int8_float16 on cpu; use `--text\.dtype int8`"):
        by_ct2(make_marian(1), dtype="int8_float16").load()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["fp32", "int8", "int8_float16"])
def test_cuda_translates_and_draws_the_same_twice(make_marian: MakeMarian, dtype: str):
    for decoding in ("greedy", "beam", "sampling"):
        translator = by_ct2(make_marian(1), decoding=decoding, dtype=dtype, device="cuda", batch_tokens=SMALL)
        assert translate(translator, MANY) == translate(translator, MANY)


# The converted model in the cache


def test_a_checkpoint_is_converted_once(make_marian: MakeMarian, tmp_path: Path):
    folder = convert(make_marian(1), tmp_path)
    before = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert before.keys() == {"model.bin", "config.json", "shared_vocabulary.json", "conversion.json"}
    assert convert(make_marian(1), tmp_path) == folder
    assert {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert folder.parent == tmp_path / "models" / "ctranslate2"
    assert folder.name.endswith(f"-int8-{ctranslate2.__version__}")


def test_precisions_and_checkpoints_have_folders_of_their_own(make_marian: MakeMarian, tmp_path: Path):
    for seed in (1, 2):
        for precision in ("int8", "int8_float16", "fp32"):
            ct2_models.converted(make_marian(seed), f"model {seed}", precision, root=tmp_path)
    folders = list((tmp_path / "models" / "ctranslate2").iterdir())
    assert len(folders) == 6
    assert len({(folder / "model.bin").read_bytes() for folder in folders}) == 6


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("no")])
def test_an_interrupted_conversion_leaves_nothing(
    make_marian: MakeMarian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
):
    with monkeypatch.context() as patch:
        patch.setattr(ct2_models, "promise_of", raising(failure))  # when the model is written
        with pytest.raises(type(failure)):
            convert(make_marian(1), tmp_path)
    assert not list((tmp_path / "models" / "ctranslate2").iterdir())
    assert not list((tmp_path / "staging").iterdir())
    assert (convert(make_marian(1), tmp_path) / "conversion.json").is_file()


def test_a_full_disk_is_named(make_marian: MakeMarian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ct2_models, "promise_of", raising(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(ValueError, match="no room left to write"):
        convert(make_marian(1), tmp_path)


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_killed_conversion_is_made_again(make_marian: MakeMarian, tmp_path: Path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom augment.text.engines import ct2_models\n"
        "ct2_models.promise_of = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"ct2_models.converted(Path({str(make_marian(1))!r}), {str(make_marian(1))!r}, 'int8', root=Path({str(tmp_path)!r}))"
    )
    killed = in_a_process(code, tmp_path)
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    assert not list((tmp_path / "models" / "ctranslate2").iterdir())
    assert (convert(make_marian(1), tmp_path) / "conversion.json").is_file()


def damage_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.bin").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.bin").write_bytes(content)


def cut_off(folder: Path) -> None:
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:-1])


def lose_a_file(folder: Path) -> None:
    (folder / "config.json").unlink()


def spoil_the_record(folder: Path) -> None:
    (folder / "conversion.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [damage_a_byte, cut_off, lose_a_file, spoil_the_record])
def test_a_damaged_conversion_is_made_again(make_marian: MakeMarian, tmp_path: Path, damage: Callable[[Path], None]):
    folder = convert(make_marian(1), tmp_path)
    sound = {path.name: path.read_bytes() for path in folder.iterdir()}
    damage(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} != sound
    assert convert(make_marian(1), tmp_path) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == sound


def test_two_processes_convert_at_once_and_both_find_it_whole(make_marian: MakeMarian, tmp_path: Path):
    code = (
        "from augment.text.engines.ct2 import CTranslate2Translator\n"
        f"t = CTranslate2Translator('en', 'fr', {str(make_marian(1))!r}, decoding='greedy')\n"
        f"print([one.text for one in t.translate(t.encode([{SENTENCES[0]!r}]), seeds=[0])])"
    )
    both = [in_a_process(code, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=200) for process in both]
    expected = f"{translate(by_ct2(make_marian(1), decoding='greedy', dtype='int8'), SENTENCES[:1])}\n"
    assert outputs == [(expected, "")] * 2
    assert len(list((tmp_path / "models" / "ctranslate2").iterdir())) == 1
    assert not list((tmp_path / "staging").iterdir())


def test_a_checkpoint_in_the_older_format_of_weights_is_converted_too(make_marian: MakeMarian, tmp_path: Path):
    folder = shutil.copytree(make_marian(1), tmp_path / "older")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    expected = translate(by_ct2(make_marian(1), decoding="greedy"), SENTENCES)
    assert translate(by_ct2(folder, decoding="greedy"), SENTENCES) == expected


# The whole round trip


@pytest.mark.parametrize("decoding", ["sampling", "greedy", "beam"])
def test_texts_make_the_round_trip(make_marian: MakeMarian, decoding: str):
    models = {"en-fr": str(make_marian(1)), "fr-en": str(make_marian(2))}
    spec = BackTranslationSpec(engine="ctranslate2", models=models, decoding=decoding)
    long = "Winter comes, " * 40 + "he knows."
    text = "  The captain of an old ship.\n\n" + " ".join([*SENTENCES, long])
    legs, retry = build.translators(spec, threads=1), build.retry_translators(spec, threads=1)
    lenient = Guards(max_length_change=9.0, max_repeats=99)
    [made] = back_translate([text], legs, retry=retry, guards=lenient)
    assert made.sentences == 9
    assert made.changed > 4  # tiny models do not always end
    assert made.text[:2] == "  "
    assert "\n\n" in made.text
    assert back_translate([text], legs, retry=retry, guards=lenient) == [made]
    names = [name for leg in legs for name in leg.models]
    assert names == ["en → fr", "fr → en"]
    assert all(identity.startswith("sha256:") for leg in legs for identity in leg.models.values())
