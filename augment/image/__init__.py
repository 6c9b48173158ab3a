"""Image views: RandAugment over the 256x256 posters of the training films."""

import os

# albumentations asks PyPI for a newer release while it is imported. It may not: we are pinned, and work without a network.
# Here, because this runs before any module of the package can import it.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
