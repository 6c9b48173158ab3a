"""The films that ship with the project keep what they promise."""

import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from datasets_cache.bundled.drawing import check
from datasets_cache.genres import MOVIESCOPE_GENRES

BUNDLED = Path(__file__).parents[3] / "datasets_cache" / "bundled"
FILMS = [json.loads(line) for line in (BUNDLED / "films.jsonl").read_text(encoding="utf-8").splitlines()]
POSTERS = {film["id"]: (BUNDLED / "posters" / f"{film['id']}.jpg").read_bytes() for film in FILMS}

# "crimes" and "families" name a genre as much as "crime" does; "comic" and "romantic" too
GENRE_WORDS = re.compile(
    r"\b(action|animat(ion|ed)|biograph\w+|biopic|comed\w+|comic|crimes?|drama(s|tic)?|famil(y|ies)|fantas(y|ies)|horrors?"
    r"|myster(y|ies|ious)|romances?|romantic|sci-fi|science fiction|thrillers?)\b",
    re.IGNORECASE,
)


def test_there_are_200_films_in_splits_of_140_20_and_40():
    assert Counter(film["split"] for film in FILMS) == {"train": 140, "validation": 20, "test": 40}
    assert len({film["id"] for film in FILMS}) == len({(film["title"], film["year"]) for film in FILMS}) == 200


def test_each_genre_has_at_least_15_films_and_some_in_every_split():
    assert {genre for film in FILMS for genre in film["genres"]} == set(MOVIESCOPE_GENRES)
    assert min(Counter(genre for film in FILMS for genre in film["genres"]).values()) >= 15
    for split in ("train", "validation", "test"):
        found = {genre for film in FILMS if film["split"] == split for genre in film["genres"]}
        assert found == set(MOVIESCOPE_GENRES)


def test_synopses_have_80_to_130_words_and_no_sentence_twice():
    assert all(80 <= len(film["synopsis"].split()) <= 130 for film in FILMS)
    sentences = Counter(sentence for film in FILMS for sentence in re.split(r"(?<=[.?!]) ", film["synopsis"]))
    assert [sentence for sentence, times in sentences.items() if times > 1 and len(sentence.split()) > 3] == []


def test_no_synopsis_names_a_genre():
    assert [(film["id"], found.group()) for film in FILMS if (found := GENRE_WORDS.search(film["synopsis"]))] == []


def test_posters_are_small_jpegs_of_200_by_300_and_no_two_are_alike():
    for poster in POSTERS.values():
        picture = Image.open(io.BytesIO(poster))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (200, 300))
        assert len(poster) < 14 * 1024
    assert check.faults(POSTERS) == []


def test_two_equal_posters_would_be_noticed():
    one, other, *_ = POSTERS
    assert check.faults({one: POSTERS[one], other: POSTERS[one]}) != []


def test_the_script_draws_the_same_picture_again(tmp_path: Path):
    pytest.importorskip("fontpkg_cinzel", reason="the fonts that draw posters are in the extra `posters`")
    for name in ("films.jsonl", "designs.jsonl"):
        (tmp_path / name).write_text((BUNDLED / name).read_text(encoding="utf-8"), encoding="utf-8")
    film = FILMS[0]["id"]
    command = [sys.executable, "-m", "datasets_cache.bundled.drawing", "--data", str(tmp_path), "--only", film]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    again = Image.open(tmp_path / "posters" / f"{film}.jpg")
    assert again.tobytes() == Image.open(io.BytesIO(POSTERS[film])).tobytes()
