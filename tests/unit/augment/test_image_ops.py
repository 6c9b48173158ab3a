import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, _apply_op
from torchvision.transforms.v2 import functional as v2

from augment.image.ops import OPS, apply_op, cut_out, draw_parameter

FILL = (128, 96, 64)
GEOMETRIC = {"Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"}
REAL = Path(__file__).parents[3] / "../shared/data/mmimdb-mini/dataset"


def draw_poster(seed):
    """Gradient, shapes, lettering, grain, and regions of pure black and pure white, as posters have them."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(rng.integers(0, 120, 3), rng.integers(120, 256, 3), 256)
    grain = rng.normal(0, 6, (256, 256, 3))
    picture = Image.fromarray((ramp[:, None] + grain).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, w, h = (int(value) for value in rng.integers(0, 200, 4))
        pen.ellipse((x, y, x + w, y + h), fill=tuple(int(value) for value in rng.integers(0, 256, 3)))
    pen.rectangle((20, 200, 236, 240), fill="white")
    pen.text((30, 210), f"A FILM {seed}", fill="black", font_size=24)
    return np.array(picture)


@pytest.fixture(scope="module")
def posters():
    return [draw_poster(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def real_posters():
    files = sorted(REAL.glob("*.jpeg"))[:12]
    if not files:
        pytest.skip(f"no real posters in {REAL}")
    return [np.array(Image.open(file).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)) for file in files]


@pytest.fixture(scope="module", autouse=True)
def one_torch_thread():
    """The oracle's small tensors only wait for threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def op_named(name):
    return next(op for op in OPS if op.name == name)


def cases(*magnitudes):
    for op in OPS:
        for magnitude in magnitudes:
            for negative in (False, True) if op.signed else (False,):
                yield pytest.param(op, magnitude, negative, id=f"{op.name}-{magnitude}{'-negative' * negative}")


def ours(op, poster, magnitude, negative):
    parameter = draw_parameter(op, magnitude=magnitude, negative=negative, height=256, width=256)
    return apply_op(op, poster, parameter, fill=FILL).astype(np.int16)


def torchvision_space(op, magnitude, negative):
    """torchvision's own parameter: bin 3 m of its 31 bins is m tenths of the range."""
    values, signed = RandAugment()._augmentation_space(31, (256, 256))[op.name]
    value = float(values[3 * magnitude]) if values.ndim else 0.0
    return -value if negative and signed else value


def torchvision_on_pil(op, poster, magnitude, negative):
    value = torchvision_space(op, magnitude, negative)
    made = _apply_op(Image.fromarray(poster), op.name, value, InterpolationMode.NEAREST, list(FILL))
    return np.asarray(made).astype(np.int16)


def torchvision_on_tensor(op, poster, magnitude, negative):
    value = torchvision_space(op, magnitude, negative)
    tensor = torch.from_numpy(poster).permute(2, 0, 1)
    made = _apply_op(tensor, op.name, value, InterpolationMode.NEAREST, [float(level) for level in FILL])
    return made.permute(1, 2, 0).numpy().astype(np.int16)


def assert_like_torchvision(op, posters, magnitude, negative):
    for poster in posters:
        if op.name == "Solarize" and magnitude == 0:
            poster = np.minimum(poster, 254)  # there torchvision inverts pure white: our one deviation at magnitude 0
        made = ours(op, poster, magnitude, negative)
        on_pil = torchvision_on_pil(op, poster, magnitude, negative)
        on_tensor = torchvision_on_tensor(op, poster, magnitude, negative)
        if op.name in GEOMETRIC:
            # nearest neighbour on both sides: a pixel is the same, or it was a tie that fell the other way
            assert (made != on_pil).any(axis=-1).mean() < 0.002
            assert (made != on_tensor).any(axis=-1).mean() < 0.002
        else:
            assert np.abs(made - on_pil).mean() < 1.0
            # Pillow and torchvision's tensor code round grey differently: 1 level, so 1.9 times that at factor 0.1
            assert np.abs(made - on_tensor).mean() < max(1.0, np.abs(on_pil - on_tensor).mean() + 0.7)


def test_the_table_has_exactly_the_fourteen_operations_of_the_paper():
    # arXiv:1909.13719, section 3
    assert [op.name for op in OPS] == [
        "Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize", "Contrast", "Brightness",
        "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY",
    ]  # fmt: skip


@pytest.mark.parametrize(("op", "magnitude", "negative"), list(cases(0, 3, 7, 10)))
def test_operation_gives_torchvisions_picture(op, magnitude, negative, posters):
    assert_like_torchvision(op, posters, magnitude, negative)


@pytest.mark.parametrize(("op", "magnitude", "negative"), list(cases(3, 10)))
def test_operation_gives_torchvisions_picture_on_real_posters(op, magnitude, negative, real_posters):
    assert_like_torchvision(op, real_posters, magnitude, negative)


@pytest.mark.parametrize("name", ["Equalize", "Solarize", "Posterize", "TranslateX", "TranslateY", "ShearX", "ShearY"])
def test_operations_without_rounding_equal_torchvisions_to_the_pixel(name, posters):
    op = op_named(name)
    for poster in posters:
        for magnitude in (3, 7, 10):
            np.testing.assert_array_equal(ours(op, poster, magnitude, False), torchvision_on_pil(op, poster, magnitude, False))


def test_rotation_is_about_the_middle_and_torchvisions_v2_agrees(posters):
    # -9 degrees is magnitude 3 with a minus: 30 * 3 / 10
    rotated = v2.rotate(torch.from_numpy(posters[0]).permute(2, 0, 1), -9.0, fill=list(FILL)).permute(1, 2, 0).numpy()
    made = ours(op_named("Rotate"), posters[0], 3, True)
    assert (made != rotated).any(axis=-1).mean() < 0.002


@pytest.mark.parametrize(
    ("name", "at_0", "at_3", "at_7", "at_10"),
    [
        # by hand: linear from the neutral value to torchvision's largest; shifts are int(150 / 331 * 256 * m / 10)
        ("Rotate", 0.0, 9.0, 21.0, 30.0),
        ("Solarize", 255.0, 178.5, 76.5, 0.0),
        ("Color", 0.0, 0.27, 0.63, 0.9),
        ("Posterize", 8, 7, 5, 4),
        ("Contrast", 0.0, 0.27, 0.63, 0.9),
        ("Brightness", 0.0, 0.27, 0.63, 0.9),
        ("Sharpness", 0.0, 0.27, 0.63, 0.9),
        ("ShearX", 0.0, 0.09, 0.21, 0.3),
        ("ShearY", 0.0, 0.09, 0.21, 0.3),
        ("TranslateX", 0, 34, 81, 116),
        ("TranslateY", 0, 34, 81, 116),
    ],
)
def test_parameter_follows_the_table(name, at_0, at_3, at_7, at_10):
    found = [draw_parameter(op_named(name), magnitude=m, negative=False, height=256, width=256) for m in (0, 3, 7, 10)]
    assert found == pytest.approx([at_0, at_3, at_7, at_10])


def test_shifts_count_in_the_side_that_they_move_along():
    # int(150 / 331 * 100) = 45 columns, int(150 / 331 * 300) = 135 rows
    assert draw_parameter(op_named("TranslateX"), magnitude=10, negative=False, height=300, width=100) == 45
    assert draw_parameter(op_named("TranslateY"), magnitude=10, negative=True, height=300, width=100) == -135


@pytest.mark.parametrize("op", [op for op in OPS if op.neutral is not None], ids=lambda op: op.name)
def test_magnitude_zero_changes_nothing(op, posters):
    for negative in (False, True):
        np.testing.assert_array_equal(ours(op, posters[0], 0, negative), posters[0])


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_operation_leaves_its_input_as_it_is(op, posters):
    before = posters[1].copy()
    ours(op, posters[1], 10, True)
    np.testing.assert_array_equal(posters[1], before)


def test_a_flat_picture_passes_through_auto_contrast_and_equalize():
    flat = np.full((32, 32, 3), (10, 200, 255), np.uint8)
    for name in ("AutoContrast", "Equalize"):
        np.testing.assert_array_equal(apply_op(op_named(name), flat, None, fill=FILL), flat)


def test_auto_contrast_counts_pure_white():
    # 0..100 and one pixel of 255: already the full range, nothing to stretch (albumentations' own would stretch by 2.55)
    picture = np.repeat(np.arange(100, dtype=np.uint8).reshape(10, 10)[..., None], 3, axis=2)
    picture[9, 9] = 255
    np.testing.assert_array_equal(apply_op(op_named("AutoContrast"), picture, None, fill=FILL), picture)


def test_a_wide_picture_is_warped_like_pillow_does(posters):
    wide = posters[2][:90, :200].copy()
    for name, value in (("Rotate", 21.0), ("ShearX", -0.3), ("ShearY", 0.21)):
        made = apply_op(op_named(name), wide, value, fill=FILL)
        expected = np.asarray(_apply_op(Image.fromarray(wide), name, value, InterpolationMode.NEAREST, list(FILL)))
        assert (made != expected).any(axis=-1).mean() < 0.002


def test_what_comes_in_from_outside_has_the_fill_colour():
    white = np.full((256, 256, 3), 255, np.uint8)
    moved = apply_op(op_named("TranslateX"), white, -40, fill=FILL)
    # 40 pixels to the left: the last 40 columns are new
    assert (moved[:, -40:] == FILL).all()
    assert (moved[:, :-40] == 255).all()


def test_a_magnitude_outside_the_scale_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"magnitude 11.*0 .* 10"):
        draw_parameter(op_named("Rotate"), magnitude=11, negative=False, height=256, width=256)


def test_cut_out_covers_exactly_its_square():
    made = cut_out(np.zeros((20, 30, 3), np.uint8), left=4, top=5, side=6, fill=FILL)
    covered = (made == FILL).all(axis=-1)
    assert covered[5:11, 4:10].all()
    assert covered.sum() == 36


def test_cut_out_beyond_the_picture_is_an_error():
    with pytest.raises(ValueError, match="inside the picture of 30x20"):
        cut_out(np.zeros((20, 30, 3), np.uint8), left=0, top=0, side=21, fill=FILL)


def test_torchvisions_largest_values_are_still_the_ones_of_the_table():
    # guards the comparison above: were torchvision to change its space, it would compare another magnitude
    assert "150.0 / 331.0" in inspect.getsource(RandAugment._augmentation_space)
