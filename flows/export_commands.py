"""The command `mmuda cache export`: a version for others, in a folder or on the Hub."""

from pathlib import Path

from datasets_cache import version as versions
from datasets_cache.export import dataset, folders, licence
from datasets_cache.export.provenance import Layout, Provenance
from datasets_cache.export.push import check, push
from datasets_cache.store import Cache
from datasets_cache.version import Version
from flows.terminal import say, step, track


def export(
    wanted: str, *, to: Path, layout: Layout = "parquet", repository: str | None = None, public: bool = False,
    stated_licence: str | None = None,
) -> None:  # fmt: skip
    """Write a version to a folder, push it where that is asked for, and say how it is read.

    Args:
        wanted: the version: an id, the name of a recipe, or ``latest``.
        to: a new or empty folder; to push once more, one that holds this very export.
        layout: how the films lie.
        repository: where to push, ``owner/name``; None does not push.
        public: whether all may read the repository.
        stated_licence: under which whoever exports may pass the films on.
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
    else:
        _write(version, to, layout, stated_licence)
    if not terms.stated:
        say(
            "Licence: nothing says that these films may be passed on. MM-IMDb and Moviescope are licensed to nobody to"
            " redistribute, and augmented copies are copies: keep the folder to yourself. The card says so too."
        )
    if repository:
        with step(f"Pushing {version.id} to {repository}"):
            url = push(to, repository, message=f"Cache version {version.id}", public=public)
        say(f"{url}: pushed, {'public' if public else 'private'}.")


def _write(version: Version, to: Path, layout: Layout, stated_licence: str | None) -> None:
    match layout:
        case "parquet":
            about = dataset.export(version, to, stated_licence=stated_licence, track=track)
            say(f"{to}: {_extent(about)}. Read it with:")
            say("  from datasets import load_dataset")
            say(f'  films = load_dataset("{to.absolute()}")')
            if version.pool:
                say(f'  unlabelled = load_dataset("{to.absolute()}", "unlabelled")')
        case "folders":
            about = folders.export(version, to, stated_licence=stated_licence, track=track)
            say(f"{to}: {_extent(about)}. Read it back with:")
            say(f"  {folders.command(version, to.absolute())}")
            if unread := folders.unread_genres(version):
                say(f"That source has 13 genres and leaves these out, and films that have no others: {', '.join(unread)}.")


def _extent(about: Provenance) -> str:
    films = [f"{extent.films} {extent.split if extent.config == 'default' else extent.config}" for extent in about.extents]
    size = sum(extent.file_bytes for extent in about.extents) / 2**20
    return f"films of {about.version}: {', '.join(films)}; {size:.1f} MiB"
