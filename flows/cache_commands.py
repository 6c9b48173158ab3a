"""The commands `mmuda cache …`: look at the cache, compare versions, check files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import repeat
from pathlib import Path
from typing import Any

from rich.table import Table

from datasets_cache import version as versions
from datasets_cache.files import problem_of
from datasets_cache.fingerprint import ShelfId
from datasets_cache.manifest import FILE_NAME, FilePromise, Manifest
from datasets_cache.repair import discard_damaged, discard_unreadable, unreadable
from datasets_cache.store import Cache
from datasets_cache.version import Version
from flows.published import lines_of_reading, shelves_of_version
from flows.quality import TEXT_FIGURES, figures
from flows.terminal import complain, console, print_json, say, step, tracker

EXCERPT = 300


def show_version(wanted: str, *, reading: bool = True, as_json: bool = False) -> None:
    """Print what a version is made of, how good its augmentations are and, with `reading`, how its source was understood."""
    version = versions.open_version(Cache(), wanted)
    if as_json:
        print_json(_as_json(version))
        return
    table = Table(title=f"Cache version {wanted}", title_justify="left", box=None, pad_edge=False)
    table.add_column("shelf", no_wrap=True)
    for heading in ("films", "what happened", "made in"):
        table.add_column(heading, overflow="fold")
    for row in shelves_of_version(Cache(), wanted):
        table.add_row(*row.values())
    console().print(table)
    for name, text in (("Plots", version.text), ("Plots of the pool", version.pool_text)):
        if text and (measured := figures(text.manifest)):
            console().print(_figures_table(name, measured))
    if reading:
        for line in lines_of_reading(version.sample.manifest):
            console().print(line)
    _print_duplicates("train", version.sample.manifest)
    if version.pool:
        _print_duplicates("the pool", version.pool.manifest)


def _as_json(version: Version) -> dict[str, Any]:
    """The version's manifest, and those of its shelves with the figures of the plots."""
    named = {"sample": version.sample, "text": version.text, "image": version.image}
    named |= {"pool": version.pool, "pool_text": version.pool_text, "pool_image": version.pool_image}
    shelves = {
        name: shelf.manifest.model_dump(mode="json") | {"figures": figures(shelf.manifest)}
        for name, shelf in named.items()
        if shelf
    }
    return version.manifest.model_dump(mode="json") | {"shelves": shelves}


def _figures_table(title: str, measured: dict[str, float]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    for name, value in measured.items():
        table.add_row(name, f"{value:g}", TEXT_FIGURES[name])
    return table


def _print_duplicates(where: str, films: Manifest) -> None:
    pairs = films.quality.get("near_duplicates", {})
    if pairs.get("pairs"):
        counts = pairs["counts"]
        console().print(f"Near-duplicates of evaluation films in {where}: {counts} (`mmuda cache ls --json` lists them)")


def list_cache(*, as_json: bool) -> None:
    """Print all versions and shelves, oldest first."""
    cache = Cache()
    found = [*cache.manifests("versions"), *cache.manifests("shelves")]
    if as_json:
        print_json([manifest.model_dump(mode="json") for manifest in found])
        return
    if not found:
        console().print(f"Nothing below {cache.root}; `mmuda augment demo` makes a first version.")
        return
    rows = [("id", "kind", "created", "films", "MiB")]
    for manifest in found:
        size = sum(promise.size for promise in manifest.files.values()) / 2**20
        films = " / ".join(str(count) for count in manifest.rows.values())
        rows.append((manifest.id, manifest.kind, f"{manifest.created:%Y-%m-%d %H:%M}", films, f"{size:.1f}"))
    heading, *lines = _aligned(rows)
    screen = console()  # a `rich` table takes half a millisecond a row: half of the command with hundreds of them
    screen.print(heading, style="table.header", no_wrap=True, overflow="ellipsis")
    screen.print("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as a line, its cells under those of the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def diff(first: str, second: str, *, as_json: bool) -> None:
    """Print what differs between two versions.

    Raises:
        ValueError: see `flows.diff.compare`.
    """
    with step("Comparing the plots and posters of both"):
        from flows.diff import compare

        found = compare(Cache(), first, second, track=tracker(lines=not as_json, keep=False))
    if as_json:
        print_json(asdict(found))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("", found.first, found.second):
        table.add_column(heading, overflow="fold")
    for name, (one, two) in {**found.settings, **found.figures}.items():
        table.add_row(name, str(one), str(two))
    screen = console()
    screen.print(table)
    screen.print(f"Shared shelves: {', '.join(found.shared) or 'none'}; {found.films} training films in common")
    if found.unlabelled:
        screen.print(f"Unlabelled films in common: {found.unlabelled}")
    if found.plots:
        screen.print(f"Plots: {found.plots_differ} of {found.plots} differ, chrF between them {found.chrf} (100: the same)")
    if found.posters:
        screen.print(f"Posters: {found.posters_differ} of {found.posters} got other operations or strengths")
    for pair in found.apart:
        screen.print(f"\n{pair.id}, chrF {pair.chrf}")
        for name, text in (("original", pair.original), (found.first, pair.first), (found.second, pair.second)):
            screen.print(f"  {name}: {text[:EXCERPT]}{'…' if len(text) > EXCERPT else ''}")


def verify_cache(names: Iterable[str], *, remove: bool, as_json: bool = False) -> int:
    """Check every file of the named shelves or versions (all by default) against its checksum.

    Args:
        names: versions or shelves.
        remove: remove what is damaged, so that the next augmentation makes it again.
        as_json: print JSON.

    Returns:
        Exit status: 1 if a file is missing or differs, and stays.

    Raises:
        ValueError: a name is unknown.
    """
    cache = Cache()
    found: dict[str, list[str]] = {}
    if not (asked := list(names)):  # a version's manifest is a file like others
        for folder, problem in unreadable(cache).items():
            found[folder.name] = [problem]
            if remove:
                discard_unreadable(cache, folder)
    whole = (path.parent.name for path in sorted((cache.root / "shelves").glob(f"*/{FILE_NAME}")))
    shelves = [shelf for shelf in _shelves_of(cache, asked) or whole if shelf not in found]
    lost = list(found)
    found |= {shelf: [] for shelf in shelves}
    total = sum(_mebibytes(promise) for _, promise in _promised(cache, shelves))
    for _ in tracker(lines=not as_json)(
        _check(cache, {shelf: found[shelf] for shelf in shelves}), total=total, title="Checksums", unit="MiB"
    ):
        pass
    damaged = [shelf for shelf in shelves if found[shelf]]
    if remove:
        for shelf in damaged:
            if cache.find(ShelfId(shelf)):
                discard_damaged(cache, ShelfId(shelf))
    if as_json:
        print_json({"shelves": [{"id": shelf, "problems": found[shelf]} for shelf in found], "removed": remove})
    else:
        _say_verified(found, removed=remove)
    return int(bool(lost or damaged) and not remove)


def _say_verified(found: Mapping[str, list[str]], *, removed: bool) -> None:
    for shelf, problems in found.items():
        say(f"{'damaged' if problems else 'ok':8} {shelf}")
    if problems := [problem for of_shelf in found.values() for problem in of_shelf]:
        cure = "Remove what is damaged with `mmuda cache verify --discard` and run the augmentation again."
        complain("\n".join([*problems, "Removed; run the augmentation again to make them anew." if removed else cure]))


def _promised(cache: Cache, shelves: Iterable[str]) -> Iterator[tuple[Path, FilePromise]]:
    for shelf in shelves:
        if manifest := cache.find(ShelfId(shelf)):
            yield from ((cache.shelf_folder(shelf) / name, promise) for name, promise in manifest.files.items())


def _check(cache: Cache, found: Mapping[str, list[str]]) -> Iterator[None]:
    """Note the problems of each shelf in `found`; yields once a mebibyte that was read."""
    for shelf, problems in found.items():
        if cache.find(ShelfId(shelf)) is None:
            problems.append(f"{cache.shelf_folder(shelf)}: missing or not complete")
        for path, promise in _promised(cache, [shelf]):
            if problem := problem_of(path, promise, checksum=True):
                problems.append(problem)
            yield from repeat(None, _mebibytes(promise))


def _mebibytes(promise: FilePromise) -> int:
    return -(-promise.size // 2**20)


def _shelves_of(cache: Cache, names: list[str]) -> list[str]:
    shelves: list[str] = []
    for name in names:
        if cache.shelf_folder(name).is_dir():
            shelves.append(name)
        else:
            shelves += cache.version_manifest(versions.resolve(cache, name)).parents
    return list(dict.fromkeys(shelves))
