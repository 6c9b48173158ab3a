"""Names made from content: the same specification over the same parents is the same shelf."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NewType

from datasets_cache.frozen import Frozen

ShelfId = NewType("ShelfId", str)
"""``<kind>-<16 hex digits>``, for example ``text-3f2a9c0d41be77aa``."""

FORMAT = 2
"""Raised when rows would come out differently for an unchanged specification: old shelves are then never reused."""


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """JSON with sorted keys and no spaces: equal values give equal text.

    Examples:
        >>> canonical_json({"b": 1, "a": [None, True]})
        '{"a":[null,true],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def fingerprint(value: Any) -> str:  # noqa: ANN401
    """First 16 hex digits of the SHA-256 of the canonical JSON of `value`.

    Examples:
        >>> fingerprint({"share": 0.3, "seed": 1}) == fingerprint({"seed": 1, "share": 0.3})
        True
        >>> fingerprint({})  # printf '{}' | sha256sum
        '44136fa355b3678a'
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def shelf_id(kind: str, spec: Frozen, parents: Sequence[str] = (), **more: str) -> ShelfId:
    """Name of the shelf that `spec` makes out of `parents`.

    Args:
        kind: ``sample``, ``pool``, ``text`` or ``image``.
        spec: the settings that decide the rows, and nothing else (no device, no thread count).
        parents: ids of the shelves that it reads, in order.
        more: what else decides the rows, such as a checksum of weights or a content digest.
    """
    described = {"format": FORMAT, "kind": kind, "spec": spec.model_dump(mode="json"), "parents": list(parents), **more}
    return ShelfId(f"{kind}-{fingerprint(described)}")
