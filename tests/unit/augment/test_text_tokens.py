"""Our tokeniser of Marian checkpoints against transformers' own, and the choice of the target language."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import MarianTokenizer

from augment.text.engines import tokens

MakeMarian = Callable[..., Path]
SENTENCES = [
    "The captain of an old ship takes her aboard, but the crew fears a storm.",
    "  Nobody   remembers him.\t“Really?” — he asks… ",
    "Château, naïve, 狼 and ☃: what no piece covers.",
    "1 984 % of A.I.s (all) do n't , it 's said .",
    "",
]


@pytest.fixture
def with_codes(make_marian: MakeMarian, tmp_path: Path) -> Callable[..., Path]:
    """A checkpoint whose vocabulary has the tokens of these target languages."""

    def make(*codes: str) -> Path:
        folder = shutil.copytree(make_marian(1), tmp_path / "-".join(codes[:9]))
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        vocabulary |= {f">>{code}<<": len(vocabulary) + number for number, code in enumerate(codes)}
        (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        return folder

    return make


@cache
def oracle(folder: Path) -> Any:
    return MarianTokenizer.from_pretrained(folder)


def chosen(folder: Path, target: str, target_code: str | None = None) -> str:
    """The language token that a sentence begins with."""
    loaded = tokens.load(folder, target=target, target_code=target_code)
    return loaded.to_pieces(loaded.encode(["He knows."])[0])[0]


def test_a_sentence_has_the_tokens_that_transformers_gives_it(make_marian: MakeMarian):
    folder = make_marian(1)
    assert tokens.load(folder, target="fr").encode(SENTENCES) == oracle(folder)(SENTENCES)["input_ids"]


def test_any_ids_are_the_text_that_transformers_makes_of_them(make_marian: MakeMarian):
    folder = make_marian(1)
    size = len(oracle(folder).get_vocab())
    rows = np.random.default_rng(1).integers(size, size=(200, 20)).tolist()  # special tokens among them
    expected = oracle(folder).batch_decode(rows, skip_special_tokens=True)
    assert tokens.load(folder, target="fr").decode(rows) == expected
    assert tokens.load(folder, target="fr").decode([]) == []
    assert tokens.load(folder, target="fr").decode([[]]) == [""]


def test_real_plots_have_the_tokens_and_the_text_of_transformers(make_marian: MakeMarian, real_films: Path):
    folder = make_marian(1)
    lines = (real_films / "moviescope-mini" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    plots = [json.loads(line)["synopsis"] for line in lines]
    rows = tokens.load(folder, target="fr").encode(plots)
    assert rows == oracle(folder)(plots, verbose=False)["input_ids"]
    assert tokens.load(folder, target="fr").decode(rows) == oracle(folder).batch_decode(rows, skip_special_tokens=True)


def test_nothing_is_cut(make_marian: MakeMarian):
    loaded = tokens.load(make_marian(1), target="fr")
    one = loaded.encode(["Winter comes."])[0]
    assert len(loaded.encode(["Winter comes. " * 2000])[0]) == 2000 * (len(one) - 1) + 1  # one end mark for all


def test_pieces_and_ids_go_both_ways(make_marian: MakeMarian):
    folder = make_marian(1)
    loaded = tokens.load(folder, target="fr")
    row = loaded.encode(SENTENCES[:1])[0]
    assert loaded.to_pieces(row) == oracle(folder).convert_ids_to_tokens(row)
    assert loaded.from_pieces(loaded.to_pieces(row)) == row


def test_what_a_plot_says_is_text_also_where_it_looks_like_a_token(with_codes: Callable[..., Path]):
    folder = with_codes("fra", "spa")
    loaded = tokens.load(folder, target="fr")
    language, end = (loaded.from_pieces([name])[0] for name in (">>fra<<", "</s>"))
    other = loaded.from_pieces([">>spa<<"])[0]
    [row] = loaded.encode([">>spa<< Winter </s> comes."])
    assert row[0] == language
    assert row.index(end) == len(row) - 1
    assert other not in row


def test_the_language_token_comes_first_as_one_id_and_is_not_in_what_is_decoded(with_codes: Callable[..., Path]):
    folder = with_codes("fra", "spa")
    row = tokens.load(folder, target="fr").encode(["He knows."])[0]
    assert row == oracle(folder)([">>fra<< He knows."])["input_ids"][0]
    assert ">>" not in tokens.load(folder, target="fr").decode([row])[0]


@pytest.mark.parametrize(
    ("target", "codes", "expected"),
    [
        ("fr", ("es", "fr", "fra", "fr_CA"), "fr"),  # the code itself
        ("fr", ("spa", "fra"), "fra"),  # its ISO 639-3 code
        ("pt", ("pt", "pt_br", "pt_PT"), "pt"),
        ("pt_br", ("pt", "pt_br", "pt_PT"), "pt_br"),
        ("ar", ("apc", "ara", "ara_Latn", "arz"), "ara"),  # opus-mt-en-ar
        ("no", ("dan", "fao", "isl", "nno", "nob", "nob_Hebr", "swe"), "nob"),  # opus-mt-en-gmq: Bokmål stands for Norwegian
        ("fa", ("pes", "pes_Latn", "pes_Thaa", "pus"), "pes"),  # opus-mt-en-iir: Iranian Persian for Persian
        ("sw", ("run", "swh", "zul"), "swh"),  # opus-mt-en-bnt
        ("uz", ("uzb_Cyrl", "uzb_Latn", "tur"), "uzb_Latn"),  # opus-mt-en-trk: the usual script
        ("sr", ("bos_Latn", "hrv", "srp_Cyrl", "srp_Latn"), "srp_Cyrl"),  # opus-mt-en-zls
        ("jap", ("jap", "eng"), "jap"),
    ],
)
def test_the_target_language_finds_its_code(
    with_codes: Callable[..., Path], target: str, codes: tuple[str, ...], expected: str
):
    assert chosen(with_codes(*codes), target) == f">>{expected}<<"


def test_chinese_has_two_codes_that_are_as_near_and_asks_for_one(with_codes: Callable[..., Path]):
    folder = with_codes("cmn", "cmn_Hans", "cmn_Hant", "yue")  # of opus-mt-en-zh
    with pytest.raises(
        ValueError, match=r"nearest: cmn, cmn_Hans\); name one with `--text\.target_codes en-zh=CODE`"
    ) as caught:
        tokens.load(folder, target="zh", source="en")
    assert "cmn, cmn_Hans, cmn_Hant, yue" in str(caught.value)
    assert chosen(folder, "zh", "cmn_Hans") == ">>cmn_Hans<<"


def test_a_language_that_the_checkpoint_lacks_is_an_error_with_its_codes(with_codes: Callable[..., Path]):
    folder = with_codes("fra", "spa")
    with pytest.raises(ValueError, match=r"none of its codes is certainly 'de'; .*en-de=CODE`: fra, spa"):
        tokens.load(folder, target="de", source="en")
    with pytest.raises(ValueError, match="certainly 'ROMANCE'"):
        tokens.load(folder, target="ROMANCE")


def test_a_code_that_the_checkpoint_lacks_is_an_error_with_its_codes(with_codes: Callable[..., Path]):
    with pytest.raises(ValueError, match="no target code 'fr'; it has fra, spa"):
        tokens.load(with_codes("fra", "spa"), target="fr", target_code="fr")


def test_a_code_for_a_checkpoint_of_one_language_is_an_error(make_marian: MakeMarian):
    with pytest.raises(ValueError, match=r"has one target language, .*'fra'.* leave the target code out"):
        tokens.load(make_marian(1), target="fr", target_code="fra")


def test_codes_beyond_count_are_not_all_listed(with_codes: Callable[..., Path]):
    folder = with_codes(*(f"x{first}{second}" for first in "abcdefghij" for second in "abcdefghij"))
    with pytest.raises(ValueError, match=r"xaa, xab, .* and 40 more in its vocab\.json"):
        tokens.load(folder, target="fr")


def test_vocabularies_of_source_and_target_may_differ(make_marian: MakeMarian, tmp_path: Path):
    folder = shutil.copytree(make_marian(1), tmp_path / "apart")
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    kept = ["</s>", "<unk>", "<pad>"]
    others = [name for name in vocabulary if name not in kept]
    target = {name: vocabulary[name] for name in kept} | dict(
        zip(others[::-1], (vocabulary[name] for name in others), strict=True)
    )
    (folder / "target_vocab.json").write_text(json.dumps(target), encoding="utf-8")
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"separate_vocabs": True}), encoding="utf-8")
    loaded, other = tokens.load(folder, target="fr"), MarianTokenizer.from_pretrained(folder)
    rows = loaded.encode(SENTENCES)
    assert rows == other(SENTENCES)["input_ids"]
    assert loaded.decode(rows) == other.batch_decode(rows, skip_special_tokens=True)
    assert loaded.decode(rows) != tokens.load(make_marian(1), target="fr").decode(rows)
    assert loaded.from_pieces(others) == [target[name] for name in others]


def test_a_folder_without_an_end_mark_in_its_vocabulary_is_no_checkpoint(make_marian: MakeMarian, tmp_path: Path):
    folder = shutil.copytree(make_marian(1), tmp_path / "endless")
    (folder / "vocab.json").write_text(json.dumps({"<unk>": 0}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"\['</s>'\] missing from the vocabulary"):
        tokens.load(folder, target="fr")


def test_several_threads_encode_and_decode_at_once(with_codes: Callable[..., Path]):
    folder = with_codes("fra", "spa")
    french, spanish = tokens.load(folder, target="fr"), tokens.load(folder, target="es")
    sentences = [f"{SENTENCES[0]} {number}" for number in range(50)]
    rows = french.encode(sentences)
    expected = rows, spanish.encode(sentences), french.decode(rows)

    def work(_: int) -> tuple[list[list[int]], list[list[int]], list[str]]:
        return french.encode(sentences), spanish.encode(sentences), french.decode(rows)

    with ThreadPoolExecutor(8) as pool:
        assert all(done == expected for done in pool.map(work, range(64)))
    assert expected[0] != expected[1]
