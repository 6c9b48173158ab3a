import inspect
from pathlib import Path

import albumentations
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, _apply_op
from torchvision.transforms.v2 import functional as v2

from augment.image.ops import OPS, apply_op, cut_out, draw_parameter
from augment.image.transforms import blend_table, posterize_table, solarize_table

FILL = (128, 96, 64)
"""RGB, as all pictures here: `on_rgb` turns both around for the operations, which work on BGR."""
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


def on_rgb(op, picture, parameter):
    made = apply_op(op, np.ascontiguousarray(picture[..., ::-1]), parameter, fill=FILL[::-1])
    return np.ascontiguousarray(made[..., ::-1])


def ours(op, poster, magnitude, negative):
    height, width = poster.shape[:2]
    parameter = draw_parameter(op, magnitude=magnitude, negative=negative, height=height, width=width)
    return on_rgb(op, poster, parameter).astype(np.int16)


def torchvision_space(op, magnitude, negative, size=(256, 256)):
    """torchvision's own parameter: bin 3 m of its 31 bins is m tenths of the range."""
    values, signed = RandAugment()._augmentation_space(31, size)[op.name]
    value = float(values[3 * magnitude]) if values.ndim else 0.0
    return -value if negative and signed else value


def torchvision_on_pil(op, poster, magnitude, negative):
    value = torchvision_space(op, magnitude, negative, poster.shape[:2])
    made = _apply_op(Image.fromarray(poster), op.name, value, InterpolationMode.NEAREST, list(FILL))
    return np.asarray(made).astype(np.int16)


def torchvision_on_tensor(op, poster, magnitude, negative):
    value = torchvision_space(op, magnitude, negative, poster.shape[:2])
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


@pytest.mark.parametrize("op", [op for op in OPS if op.name not in ("Rotate", "Color", "Sharpness")], ids=lambda op: op.name)
def test_all_but_three_operations_equal_torchvisions_on_pil_to_the_pixel(op, posters):
    for poster in posters:
        for magnitude in (3, 7, 10):
            for negative in (False, True):
                made = ours(op, poster, magnitude, negative)
                np.testing.assert_array_equal(made, torchvision_on_pil(op, poster, magnitude, negative))


@pytest.mark.parametrize("size", [(90, 200), (256, 101), (17, 33), (3, 400)], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_pictures_of_any_size_come_out_as_torchvisions(op, size, posters):
    picture = np.asarray(Image.fromarray(posters[2]).resize(size[::-1], Image.Resampling.BICUBIC))
    for magnitude in (3, 10):
        for negative in (False, True):
            made, expected = (f(op, picture, magnitude, negative) for f in (ours, torchvision_on_pil))
            if op.name == "Rotate":  # at 30 degrees, sine 1/2, the middle row or column of an odd side may be ties
                assert (made != expected).any(axis=-1).mean() < max(0.002, 1 / min(size))
            elif op.name in ("Color", "Sharpness"):
                assert np.abs(made - expected).mean() < 1.0
            else:
                np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_a_single_pixel_goes_through_every_operation(op):
    pixel = np.full((1, 1, 3), (10, 100, 200), np.uint8)
    assert ours(op, pixel, 10, True).shape == (1, 1, 3)


@pytest.mark.parametrize("slope", [*np.linspace(-0.3, 0.3, 25), 0.2, -0.1, 0.01, 1.7])
def test_shears_count_pixels_as_pillow_does_at_any_slope(slope, posters):
    picture = posters[1][:120].copy()
    for name, matrix in (("ShearX", (1, slope, 0, 0, 1, 0)), ("ShearY", (1, 0, 0, slope, 1, 0))):
        size = (picture.shape[1], picture.shape[0])
        image = Image.fromarray(picture).transform(
            size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=FILL
        )
        parameter = float(slope) if slope else 1e-9  # exactly 0 is not applied at all
        np.testing.assert_array_equal(on_rgb(op_named(name), picture, parameter), np.asarray(image))


@pytest.mark.parametrize("factor", [0.1, 0.37, 0.55, 0.999, 1.001, 1.45, 1.9])
def test_the_table_of_a_blend_holds_pillows_values(factor):
    levels = np.arange(256, dtype=np.uint8)
    for grey in range(0, 256, 15):
        expected = Image.blend(Image.new("L", (256, 1), grey), Image.fromarray(levels[None]), factor)
        np.testing.assert_array_equal(blend_table(factor, grey), np.asarray(expected)[0])


def test_solarize_and_posterize_are_albumentations_own(posters):
    solarize, posterize = albumentations.Solarize(p=1.0), albumentations.Posterize(p=1.0)
    for level in (1, 100, 254):
        expected = solarize.apply(posters[0], threshold=level / 255)
        np.testing.assert_array_equal(solarize_table(level)[posters[0]], expected)
    for bits in (4, 5, 6, 7):
        np.testing.assert_array_equal(posterize_table(bits)[posters[0]], posterize.apply(posters[0], num_bits=bits))


def test_solarize_inverts_from_the_first_value_on_that_reaches_its_level():
    # level 127.5 (magnitude 5): 127 stays, 128 becomes 255 - 128 = 127
    picture = np.full((1, 2, 3), 127, np.uint8)
    picture[0, 1] = 128
    assert on_rgb(op_named("Solarize"), picture, 127.5)[0, :, 0].tolist() == [127, 127]
    assert on_rgb(op_named("Solarize"), picture, 127.0)[0, :, 0].tolist() == [128, 127]


def test_saturation_weighs_red_as_red():
    # BT.601: pure red has grey 0.299 * 255 = 76.2; factor 0.1 gives 0.1 * 255 + 0.9 * 76.2 = 94.1, and 0.9 * 76.2 = 68.6
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert on_rgb(op_named("Color"), red, -0.9)[0, 0].tolist() == [94, 68, 68]


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


def test_what_comes_in_from_outside_has_the_fill_colour():
    white = np.full((256, 256, 3), 255, np.uint8)
    moved = on_rgb(op_named("TranslateX"), white, -40)
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
