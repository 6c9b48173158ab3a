"""One poster: decode, RandAugment, encode. Every draw comes from a generator made of (seed, film, view)."""

import hashlib
import random

import cv2
import numpy as np
from numpy.typing import NDArray

from augment.image.ops import OPS, apply_op, cut_out, draw_parameter
from augment.image.spec import ImageView, RandAugmentSpec
from datasets_cache.posters import QUALITY

NOT_DECODED = "poster could not be decoded"


def generator_for(seed: int, film: str, view: int) -> random.Random:
    """The generator of one augmented poster: equal arguments give equal draws, in any process and any order.

    The standard library's, because its ``random()`` is promised to stay the same in later versions, which NumPy's is not.

    Examples:
        >>> generator_for(1, "0114709", 0).random() == generator_for(1, "0114709", 0).random()
        True
        >>> generator_for(1, "0114709", 0).random() == generator_for(1, "0114709", 1).random()
        False
    """
    return random.Random(int.from_bytes(hashlib.sha256(f"{seed}\n{view}\n{film}".encode()).digest()))


def augment(
    image_HWC: NDArray[np.uint8],  # noqa: N803
    *,
    rng: random.Random,
    magnitude: float,
    min_magnitude: float | None = None,
    num_ops: int = 2,
    probability: float = 1.0,
    cutout: int | None = None,
    fill: tuple[int, int, int] = (128, 128, 128),
) -> tuple[NDArray[np.uint8], list[str]]:
    """RandAugment one picture: `num_ops` operations drawn from the 14 with replacement, then the optional cut-out patch.

    As many numbers are taken from `rng` whether they are needed or not: a picture gets the same operations and signs at every
    magnitude.

    Args:
        image_HWC: BGR, as OpenCV reads and writes it, uint8, [H, W, 3], contiguous; left as it is.
        rng: source of every draw.
        magnitude: strength, 0 to 10.
        min_magnitude: if set, each operation's strength is uniform between this and `magnitude`.
        num_ops: operations drawn.
        probability: that a drawn operation is applied.
        cutout: side of the patch in pixels, None for none.
        fill: BGR colour of the patch and of what geometric operations bring in.
    Returns:
        The augmented picture (the input itself where nothing was applied) and the operations applied, in order, with their
        parameter: ``"Rotate -9.0"``, ``"Cutout 64 12 80"`` (side, left, top).
    Raises:
        ValueError: a magnitude outside 0 to 10, or a patch larger than the picture.
    Source:
        Cubuk et al., arXiv:1909.13719 (operations); DeVries & Taylor, arXiv:1708.04552 (cut-out).
        Deviation: the cut-out patch never reaches beyond the picture, so that its size is always what it says.

    Examples:
        >>> rng = generator_for(seed=1, film="0114709", view=0)
        >>> picture = np.zeros((256, 256, 3), np.uint8)
        >>> augmented, applied = augment(picture, rng=rng, magnitude=9, num_ops=0, cutout=64)
        >>> int((augmented == 128).all(axis=2).sum()), applied[0].split()[:2]
        (4096, ['Cutout', '64'])
    """
    height, width = image_HWC.shape[:2]
    image, applied = image_HWC, list[str]()
    for _ in range(num_ops):
        pick, sign, strength, lot = rng.random(), rng.random(), rng.random(), rng.random()
        if lot >= probability:
            continue
        op = OPS[int(pick * len(OPS))]
        drawn = magnitude if min_magnitude is None else min_magnitude + strength * (magnitude - min_magnitude)
        parameter = draw_parameter(op, magnitude=drawn, negative=sign < 0.5, height=height, width=width)
        image = apply_op(op, image, parameter, fill=fill)
        applied.append(op.name if parameter is None else f"{op.name} {round(parameter, 4)}")
    if cutout is not None:
        left, top = (int(rng.random() * max(1, room + 1)) for room in (width - cutout, height - cutout))
        image = cut_out(image, left=left, top=top, side=cutout, fill=fill)
        applied.append(f"Cutout {cutout} {left} {top}")
    return image, applied


def rand_augment(
    image_HWC: NDArray[np.uint8],  # noqa: N803
    spec: RandAugmentSpec,
    *,
    film: str = "",
    view: int = 0,
) -> NDArray[np.uint8]:
    """RandAugment one RGB picture of any size; the same arguments give the same picture.

    Args:
        image_HWC: RGB, uint8, [H, W, 3]; left as it is.
        spec: the settings; its `views` is how many a shelf has, here one is made.
        film: name of the picture, for the randomness.
        view: which of several augmentations, for the randomness.

    Returns:
        RGB, uint8, [H, W, 3], in memory of its own.

    Raises:
        ValueError: not such an array, or a cut-out patch larger than the picture.

    Examples:
        >>> import numpy as np
        >>> from augment.image.spec import RandAugmentSpec
        >>> picture = np.full((256, 256, 3), 200, np.uint8)
        >>> augmented = rand_augment(picture, RandAugmentSpec(magnitude=9, seed=1), film="0000001")
        >>> augmented.shape, augmented.dtype
        ((256, 256, 3), dtype('uint8'))
        >>> covered = rand_augment(picture, RandAugmentSpec(num_ops=0, cutout=64, fill=(0, 0, 0)))
        >>> int((covered == 0).all(axis=2).sum())  # a patch of 64 x 64 pixels
        4096
    """
    if image_HWC.dtype != np.uint8 or image_HWC.ndim != 3 or image_HWC.shape[2] != 3:
        msg = f"a picture of {image_HWC.dtype} {image_HWC.shape}; expected RGB as uint8 [height, width, 3]."
        raise ValueError(msg)
    bgr_HWC = np.asarray(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR), np.uint8)  # noqa: N806
    augmented, _ = _by_spec(bgr_HWC, spec, film, view)
    return np.asarray(cv2.cvtColor(augmented, cv2.COLOR_BGR2RGB), np.uint8)


def decode(data: bytes) -> NDArray[np.uint8] | None:
    """BGR uint8 [H, W, 3] of an encoded picture, None where it is none."""
    if not data:
        return None  # OpenCV raises on nothing, and returns None on nonsense
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_BGR)
    return None if image is None else np.asarray(image, np.uint8)


def encode(image_HWC: NDArray[np.uint8]) -> bytes:  # noqa: N803
    """JPEG of a BGR uint8 picture, with the quality and the chroma resolution (4:4:4) of the posters that training reads."""
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    written, data = cv2.imencode(".jpg", image_HWC, (cv2.IMWRITE_JPEG_QUALITY, QUALITY, *sampling))
    assert written
    return data.tobytes()


def augment_poster(spec: RandAugmentSpec, film: str, view: int, poster: bytes) -> tuple[ImageView, float]:
    """One row, and the mean absolute change of its pixels in grey levels (0 where the poster was kept)."""
    image = decode(poster)
    if image is None:
        return ImageView(film, view, poster, (), NOT_DECODED), 0.0
    augmented, applied = _by_spec(image, spec, film, view)
    change = cv2.norm(augmented, image, cv2.NORM_L1) / image.size
    return ImageView(film, view, encode(augmented), tuple(applied), None), change


def _by_spec(
    image_HWC: NDArray[np.uint8],  # noqa: N803
    spec: RandAugmentSpec,
    film: str,
    view: int,
) -> tuple[NDArray[np.uint8], list[str]]:
    """`augment` with the settings of `spec` and the generator of (film, view); BGR."""
    red, green, blue = spec.fill
    return augment(
        image_HWC,
        rng=generator_for(spec.seed, film, view),
        magnitude=spec.magnitude,
        min_magnitude=spec.min_magnitude,
        num_ops=spec.num_ops,
        probability=spec.probability,
        cutout=spec.cutout,
        fill=(blue, green, red),
    )
