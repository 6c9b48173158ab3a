"""A film's metadata as JSON, with faults of content, of notation and of bytes."""

import codecs
import json
import random
from typing import Any

from tests.fuzz.made_ids import ODD_IDS
from tests.fuzz.made_posters import damaged
from tests.fuzz.made_text import drawn

ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"]
_NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-0",
    "1" * 5000,
    "1" * 300,
    "1.5",
    "true",
    "null",
    '""',
    "[]",
    "{}",
    "[null]",
    "[[]]",
]


def film(fields: dict[str, Any], seed: int) -> bytes:
    """`fields` as one line of JSON, with up to three faults."""
    rng = random.Random(seed)
    fields = dict(fields)
    for _ in range(rng.randrange(3)):
        _spoil(fields, rng)
    written = _written(fields, rng)
    data = _encoded(written, rng)
    if rng.random() < 0.25:
        data = damaged(data, rng.choice(["cut", "flip", "fill", "drop", "twice", "append", "prefix"]), rng.randrange(2**32))
    return data


def _spoil(fields: dict[str, Any], rng: random.Random) -> None:
    name = rng.choice([*fields, "more"])
    match rng.randrange(6):
        case 0:
            fields.pop(name, None)
        case 1:
            fields[name] = rng.choice(
                [None, True, 0, -7, 1.5, 10**30, "", " ", [], {}, [[]], [None], {"a": 1}, ["Drama", 3], float("nan")]
            )
        case 2:
            fields[name] = drawn(rng.randrange(2**32))
        case 3:
            fields[name] = [drawn(rng.randrange(2**32)) for _ in range(rng.randrange(4))]
        case 4:
            fields[name] = rng.choice(ODD_IDS)
        case _:
            fields[name] = [fields.get(name)]


def _written(fields: dict[str, Any], rng: random.Random) -> str:
    text = json.dumps(fields, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.15:  # a key twice
        key, value = rng.choice([*fields.items(), ("more", 1)])
        text = text[:-1] + f", {json.dumps(key)}: {rng.choice([json.dumps(value), *_NUMBERS])}" + "}"
    if rng.random() < 0.15:  # notation that Python's own writer does not have
        key = rng.choice([*fields, "more"])
        depth = rng.choice([3, 50, 500, *range(880, 1000, 7), 5000, 60_000])
        deep = rng.choice(["[", '{"a":']) * depth
        closed = deep + "1" + ("]" if deep[0] == "[" else "}") * depth
        text = text[:-1] + f", {json.dumps(key)}: {rng.choice([*_NUMBERS, deep, closed])}" + "}"
    if rng.random() < 0.05:
        text = rng.choice(["", " ", "null", "[]", '"text"', "3", "{", "{}", text + text, text.replace('"', "'"), "\x00" * 40])
    return text


def _encoded(text: str, rng: random.Random) -> bytes:
    encoding = rng.choice(ENCODINGS)
    data = text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf-") and encoding != "utf-7" else "replace")
    if rng.random() < 0.05:
        data = rng.choice([codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE]) + data
    return data
