"""A film's place among all films."""

import hashlib


def rank(film: str) -> bytes:
    """A film's place in every sample and in every shelf, decided by its id alone: the SHA-256 of it.

    Examples:
        >>> rank("a").hex()[:4], rank("b").hex()[:4]
        ('ca97', '3e23')
        >>> sorted(["a", "b"], key=rank)
        ['b', 'a']
    """
    return hashlib.sha256(film.encode()).digest()
