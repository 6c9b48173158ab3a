"""Whatever bytes stand where a poster should, there is a 256x256 copy or a reason."""

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from PIL import Image

from augment.image.poster import decode
from datasets_cache.posters import PosterError, PreparedPoster, prepare
from tests.fuzz.bounds import FIXED, REASONS, count, tried
from tests.fuzz.made_posters import posters
from train.posters import read_file

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")


def check(data: bytes) -> None:
    made = tried("poster", lambda: prepare(data))
    if isinstance(made, PreparedPoster):
        with Image.open(io.BytesIO(made.square)) as square:
            assert (square.format, square.mode, square.size) == ("JPEG", "RGB", (256, 256))
        augmentable = decode(made.square)
        assert augmentable is not None
        assert augmentable.shape == (256, 256, 3)
        assert REASONS.issuperset(made.repairs)
        count("poster", "repaired" if made.repairs else "as it is")
        return
    assert isinstance(made, PosterError)
    assert made.reason in REASONS
    count("poster", "skipped")


@settings(FIXED, max_examples=80)
@given(posters())
def test_a_poster_is_prepared_or_refused_with_a_reason(data: bytes):
    check(data)


@pytest.mark.slow
@settings(FIXED, max_examples=2500)
@given(posters())
def test_thousands_of_posters_are_prepared_or_refused_with_a_reason(data: bytes):
    check(data)


@pytest.mark.slow
@settings(FIXED, max_examples=300)
@given(posters())
def test_a_poster_to_predict_from_is_a_tensor_or_one_error_with_its_path(data: bytes):
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        made = tried("poster file", lambda: read_file(Path(file.name), mean=(0.5,) * 3, std=(0.5,) * 3))
        if isinstance(made, ValueError):
            assert file.name in str(made)
        else:
            assert tuple(made.shape) == (1, 3, 256, 256)
        count("poster file", "error" if isinstance(made, ValueError) else "as it is")
