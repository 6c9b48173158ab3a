"""The command `mmuda cache export`: a version for others, in a folder or on the Hub."""

from pathlib import Path
from typing import Any

from datasets_cache import version as versions
from datasets_cache.export import dataset, folders, licence
from datasets_cache.export.provenance import Layout, Provenance
from datasets_cache.export.push import check, push
from datasets_cache.store import Cache
from datasets_cache.version import Version
from flows.terminal import print_json, say, step, tracker


def export(
    wanted: str, *, to: Path, layout: Layout = "parquet", repository: str | None = None, public: bool = False,
    stated_licence: str | None = None, as_json: bool = False,
) -> None:  # fmt: skip
    """Write a version to a folder, push it where that is asked for, and say how it is read.

    Args:
        wanted: the version: an id, the name of a recipe, or ``latest``.
        to: a new or empty folder; to push once more, one that holds this very export.
        layout: how the films lie.
        repository: where to push, ``owner/name``; None does not push.
        public: whether all may read the repository.
        stated_licence: under which whoever exports may pass the films on.
        as_json: print what was done as JSON.
    Raises:
        ValueError: no such version; a folder that holds something or cannot be written; a push that is refused or fails.
    """
    version = versions.open_version(Cache(), wanted)
    terms = licence.terms(version, stated_licence)
    if repository:
        if layout != "parquet":
            msg = "--push needs the layout `parquet`; leave `--layout` out."
            raise ValueError(msg)
        check(repository, terms)
    standing = dataset.holds(to, version) if repository else None
    if standing:
        dataset.write_card(version, to, standing, stated_licence=stated_licence)
        about = standing
    else:
        write = dataset.export if layout == "parquet" else folders.export
        about = write(version, to, stated_licence=stated_licence, track=tracker(lines=not as_json))
        if not as_json:
            _say_written(version, to, about)
    if not terms.stated and not as_json:
        say(f"Licence: {terms.text} The card says so too.")
    url = None
    if repository:
        with step(f"Pushing {version.id} to {repository}"):
            url = push(to, repository, message=f"Cache version {version.id}", public=public)
        if not as_json:
            say(f"{url}: pushed, {'public' if public else 'private'}.")
    if as_json:
        print_json(_as_json(about, to, terms, url))


def _say_written(version: Version, to: Path, about: Provenance) -> None:
    films = [f"{extent.films} {extent.split if extent.config == 'default' else extent.config}" for extent in about.extents]
    size = sum(extent.file_bytes for extent in about.extents) / 2**20
    say(f"{to}: films of {version.id}: {', '.join(films)}; {size:.1f} MiB. Read it with:")
    if about.layout == "folders":
        say(f"  {folders.command(version, to.absolute())}")
        if unread := folders.unread_genres(version):
            say(f"That source has 13 genres and leaves these out, and films that have no others: {', '.join(unread)}.")
        return
    say("  from datasets import load_dataset")
    say(f'  films = load_dataset("{to.absolute()}")')
    if version.pool:
        say(f'  unlabelled = load_dataset("{to.absolute()}", "unlabelled")')


def _as_json(about: Provenance, to: Path, terms: licence.Terms, url: str | None) -> dict[str, Any]:
    return {
        "version": about.version,
        "folder": str(to.absolute()),
        "layout": about.layout,
        "splits": [extent.model_dump() for extent in about.extents],
        "may_be_passed_on": terms.stated,
        "licence": terms.text,
        "repository": url,
    }
