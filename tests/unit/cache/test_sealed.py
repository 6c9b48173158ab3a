import json

import pytest

from datasets_cache.sealed import sealed, unsealed

TEXT = '{\n  "films": 3,\n  "genres": ["drama", "crime"]\n}'


def test_a_sealed_object_is_json_and_gives_back_what_was_sealed():
    assert json.loads(sealed(TEXT)).keys() == {"films", "genres", "crc32"}
    assert json.loads(unsealed(sealed(TEXT).encode())) == {"films": 3, "genres": ["drama", "crime"]}


def test_an_object_without_a_seal_is_given_back_as_it_is():
    assert unsealed(TEXT.encode()) == TEXT.encode()


def test_every_flipped_bit_is_noticed_by_the_seal_or_is_no_json_or_adds_an_entry():
    content = sealed(TEXT).encode()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            names = json.loads(unsealed(bytes(flipped))).keys()
        except ValueError:
            continue
        assert names - {"films", "genres"}, bit  # which no record of ours allows


def test_a_seal_of_another_content_is_an_error():
    with pytest.raises(ValueError, match="differs from what was written"):
        unsealed(sealed(TEXT).replace("3", "4", 1).encode())
