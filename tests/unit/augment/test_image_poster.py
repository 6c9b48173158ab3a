import io
import random
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from augment.image.ops import OPS
from augment.image.poster import augment, augment_poster, decode, encode, generator_for
from augment.image.spec import RandAugmentSpec


@pytest.fixture(scope="module")
def picture():
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    return np.ascontiguousarray(np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], ramp[::-1][None]), axis=-1))


def applied(seed, **settings):
    blank = np.full((64, 64, 3), 90, np.uint8)
    return augment(blank, rng=random.Random(seed), **{"magnitude": 9.0, **settings})[1]


def test_two_operations_are_applied_unless_told_otherwise():
    assert {len(applied(seed)) for seed in range(50)} == {2}
    assert {len(applied(seed, num_ops=5)) for seed in range(50)} == {5}


def test_every_operation_is_drawn_about_equally_often():
    # 2,800 draws of 14: 200 each, standard deviation sqrt(2800 * 1/14 * 13/14) = 13.6; five of them is 68
    drawn = Counter(op.split()[0] for seed in range(1400) for op in applied(seed))
    assert set(drawn) == {op.name for op in OPS}
    assert all(abs(count - 200) < 68 for count in drawn.values())


def test_half_of_the_signs_are_negative():
    angles = [float(op.split()[1]) for seed in range(3000) for op in applied(seed) if op.startswith("Rotate")]
    assert set(angles) == {-27.0, 27.0}
    # about 430 draws: standard deviation of the share 0.024
    assert 0.38 < sum(angle < 0 for angle in angles) / len(angles) < 0.62


def test_probability_is_that_of_each_drawn_operation():
    # 1,000 draws of two with p = 1/4: 500 applied, standard deviation 19
    count = sum(len(applied(seed, probability=0.25)) for seed in range(1000))
    assert 400 < count < 600
    assert applied(1, probability=0.0) == []


def test_a_range_of_magnitudes_is_drawn_from_uniformly():
    angles = [
        abs(float(op.split()[1]))
        for seed in range(3000)
        for op in applied(seed, magnitude=8, min_magnitude=2)
        if op.startswith("Rotate")
    ]
    # 3 degrees a step: 6 to 24, mean 15, standard deviation of the mean 18 / sqrt(12 * 430) = 0.25
    assert min(angles) >= 6
    assert max(angles) <= 24
    assert abs(np.mean(angles) - 15) < 1.25


def test_another_magnitude_draws_the_same_operations_and_signs():
    def described(ops):
        return [(op.split()[0], "-" in op) for op in ops]

    for seed in range(100):
        assert described(applied(seed, magnitude=4)) == described(applied(seed, magnitude=9))


def test_each_operation_is_applied_to_what_the_one_before_left():
    # Brightness -0.9 takes a flat 200 to 20, Solarize from 0 on then inverts it to 235; Solarize of the 200 alone gives 55
    class Draws(random.Random):
        def random(self):
            return next(draws)

    places = {op.name: (number + 0.5) / len(OPS) for number, op in enumerate(OPS)}
    draws = iter([places["Brightness"], 0.1, 0.0, 0.0, places["Solarize"], 0.1, 0.0, 0.0])
    changed, ops = augment(np.full((2, 2, 3), 200, np.uint8), rng=Draws(), magnitude=10.0)
    assert ops == ["Brightness -0.9", "Solarize 0.0"]
    assert np.unique(changed).tolist() == [235]


def test_operations_are_named_with_their_parameter_as_it_was_applied():
    seen = {op for seed in range(400) for op in applied(seed, magnitude=3)}
    assert {"Rotate -9.0", "Rotate 9.0", "Identity", "Equalize", "Posterize 7", "Solarize 178.5", "Color -0.27"} <= seen


def test_the_cut_out_patch_has_its_size_and_lies_inside(picture):
    corners = []
    for seed in range(200):
        made, ops = augment(picture, rng=random.Random(seed), magnitude=9, num_ops=0, cutout=100, fill=(1, 2, 3))
        rows, columns = np.nonzero((made == (1, 2, 3)).all(axis=-1))
        assert len(rows) == 100 * 100
        corners.append((columns.min(), rows.min()))
        assert ops == [f"Cutout 100 {columns.min()} {rows.min()}"]
    # corners are uniform over 0..156: both ends come near, and the mean is 78 within five times 45.3 / sqrt(200) = 3.2
    assert np.min(corners) < 8
    assert np.max(corners) > 148
    assert np.abs(np.mean(corners, axis=0) - 78).max() < 16


def test_a_patch_as_large_as_the_picture_covers_it_all():
    made, _ = augment(np.zeros((64, 64, 3), np.uint8), rng=random.Random(0), magnitude=9, num_ops=0, cutout=64, fill=(9, 9, 9))
    assert (made == 9).all()


def test_the_patch_reaches_every_edge():
    # 63 of 64 pixels: the corner is at 0 or 1, both ways
    assert {applied(seed, num_ops=0, cutout=63)[0] for seed in range(60)} == {
        "Cutout 63 0 0", "Cutout 63 0 1", "Cutout 63 1 0", "Cutout 63 1 1",
    }  # fmt: skip


def test_a_patch_larger_than_the_picture_is_an_error():
    with pytest.raises(ValueError, match="cut-out of 65 pixels"):
        applied(0, cutout=65)


def test_the_input_picture_is_left_as_it_is(picture):
    before = picture.copy()
    for seed in range(40):
        augment(picture, rng=random.Random(seed), magnitude=10, cutout=30)
    np.testing.assert_array_equal(picture, before)


def test_magnitude_zero_leaves_only_operations_that_have_none(picture):
    for seed in range(40):
        made, ops = augment(picture, rng=random.Random(seed), magnitude=0)
        if not {"AutoContrast", "Equalize"} & set(ops):
            np.testing.assert_array_equal(made, picture)


def test_seed_film_and_view_each_change_the_draw():
    def first(*key):
        return generator_for(*key).random()

    assert first(1, "a", 0) == first(1, "a", 0)
    assert len({first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1), first(11, "a", 0)}) == 5


def test_the_same_poster_comes_out_with_the_same_bytes(picture):
    spec = RandAugmentSpec(cutout=40)
    assert augment_poster(spec, "film", 0, encode(picture)) == augment_poster(spec, "film", 0, encode(picture))


def test_a_row_reports_the_mean_change_of_its_pixels():
    # no operation, a patch of 128x128 on grey 100 turned to 110: a quarter of the pixels by 10 levels
    spec = RandAugmentSpec(num_ops=0, cutout=128, fill=(110, 110, 110))
    row, change = augment_poster(spec, "film", 0, encode(np.full((256, 256, 3), 100, np.uint8)))
    assert change == pytest.approx(2.5)
    assert row.kept is None


def test_the_fill_colour_of_the_settings_is_red_green_blue():
    spec = RandAugmentSpec(num_ops=0, cutout=256, fill=(250, 120, 10))
    row, _ = augment_poster(spec, "film", 0, encode(np.zeros((256, 256, 3), np.uint8)))
    colour = np.asarray(Image.open(io.BytesIO(row.poster_256)))[128, 128]
    assert np.abs(colour.astype(int) - (250, 120, 10)).max() <= 3  # JPEG


def test_a_poster_keeps_its_colours():
    orange = io.BytesIO()
    Image.new("RGB", (256, 256), (240, 130, 20)).save(orange, "JPEG", quality=95, subsampling=0)
    row, _ = augment_poster(RandAugmentSpec(num_ops=0), "film", 0, orange.getvalue())
    colour = np.asarray(Image.open(io.BytesIO(row.poster_256)))[128, 128]
    assert np.abs(colour.astype(int) - (240, 130, 20)).max() <= 3


@pytest.mark.parametrize("broken", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_picture_is_kept_with_the_reason(broken):
    row, change = augment_poster(RandAugmentSpec(), "film", 3, broken)
    assert (row.id, row.view, row.poster_256, row.ops, row.kept) == ("film", 3, broken, (), "poster could not be decoded")
    assert change == 0.0


def test_encoding_keeps_red_red_and_the_detail_of_colour():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    # halved chroma would blend the one-pixel stripes into purple: about 127 levels away in red and blue
    assert np.abs(decode(encode(stripes)).astype(int) - stripes).mean() < 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"magnitude": 11},
        {"magnitude": -1},
        {"num_ops": -1},
        {"cutout": 0},
        {"fill": (0, 0, 256)},
        {"views": 0},
        {"probability": 2},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        RandAugmentSpec(**wrong)


def test_a_range_upside_down_is_refused_with_both_ends():
    with pytest.raises(ValidationError, match=r"min_magnitude 7.0 is above magnitude 5.0"):
        RandAugmentSpec(magnitude=5, min_magnitude=7)
