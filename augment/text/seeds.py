"""Seeds made from names, so that no sentence's randomness depends on its neighbours."""

import hashlib


def derive(*names: str | int) -> int:
    """A 63-bit seed from `names`: equal names give the equal seed, on every machine."""
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
