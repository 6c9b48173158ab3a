"""Whether the films of a version may be passed on, and under what licence."""

import re

from datasets_cache.frozen import Frozen
from datasets_cache.version import Version

_HUB_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_NOBODYS = {"mmimdb": "MM-IMDb", "moviescope": "Moviescope"}


class Terms(Frozen):
    """What is known of the films' licence."""

    stated: bool
    """Whether anything allows to pass the films on."""
    metadata: dict[str, str]
    """Fields of a card's header: ``license``, and ``license_name`` where the Hub has no name for it."""
    text: str
    """The same in a sentence or two."""


def terms(version: Version, stated: str | None = None) -> Terms:
    """The terms of a version's films.

    Args:
        version: a cache version.
        stated: the licence under which whoever exports may pass the films on; None where nobody says so.
    """
    kind = source_kind(version)
    if kind == "bundled":
        text = (
            "MIT. The films came with mmuda: the synopses were written and the posters drawn for it. They tell the plots of"
            " existing films, whose names and plots belong to their owners."
        )
        return Terms(stated=True, metadata={"license": "mit"}, text=text)
    if stated and stated.strip():
        return Terms(stated=True, metadata=_named(stated.strip()), text=f"{stated.strip()}, as stated by whoever exported it.")
    why = f"{_NOBODYS[kind]} is licensed to nobody to redistribute" if kind in _NOBODYS else "nobody has stated a licence"
    text = (
        f"Nothing is known that allows to pass these plots and posters on: {why}, and augmented copies are copies. Do not"
        " publish them unless the rights are yours."
    )
    return Terms(stated=False, metadata={"license": "other", "license_name": "not-licensed-for-redistribution"}, text=text)


def source_kind(version: Version) -> str | None:
    """``mmimdb``, ``moviescope``, ``bundled``, ``table``; None where the sample does not say."""
    return version.sample.manifest.spec.get("source", {}).get("kind")


def _named(stated: str) -> dict[str, str]:
    if _HUB_NAME.fullmatch(stated):
        return {"license": stated}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", stated.lower()).strip("-") or "stated"}
