"""What each command does. The command line (``flows.cli``) only parses; these functions are the commands."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from datasets_cache import version as versions
from datasets_cache.fingerprint import ShelfId
from datasets_cache.store import Cache, check_files
from flows import doctor as doctors
from flows.environment import make_prefect_home
from flows.published import find_published, shelves_of_version
from flows.recipes import AugmentationPlan, Recipe, TrainingPlan
from flows.terminal import console, step


def augment(plan: AugmentationPlan) -> str:
    """Run the augmentation flow in this process and print what came out; gives back the version id.

    Where everything is published already it says so, and starts nothing.
    """
    if published := find_published(plan, Cache()):
        console().print(f"Already in the cache, nothing to do: {published}")
        show_version(published)
        return published
    make_prefect_home()
    with step("Starting Prefect"):
        from flows.augmentation import augmentation
    version = augmentation(plan)
    show_version(version)
    return version


def train(plan: TrainingPlan) -> Path:
    """Run the training flow in this process and print the comparison; gives back the path of the report.

    Where every cell is finished already it says so, and starts nothing.
    """
    with step("Loading"):
        from flows.outcome import compare_runs, write_outcome
        from train.compare import as_table
        from train.run import find_finished

    cells = plan.cells(versions.resolve(Cache(), plan.version))
    found = [result.path for cell in cells if (result := find_finished(cell, plan.runs))]
    if len(found) == len(cells):
        console().print(f"Already trained, nothing to do: {len(cells)} cells")
        folders, page = found, write_outcome(found, runs=plan.runs, cache=Cache())
    else:
        make_prefect_home()
        with step("Starting Prefect"):
            from flows.training import training
        *folders, page = training(plan)
    console().print(as_table(compare_runs(folders, Cache())))
    console().print(f"Report: {page}")
    return page


def demo(recipe: Recipe) -> None:
    """Augment and train a recipe, end to end."""
    augment(recipe.augmentation)
    train(recipe.training)


def report(folders: Iterable[Path], output: Path | None) -> Path:
    """Write the report of finished runs.

    Args:
        folders: run directories, or folders that hold run directories.
        output: the HTML file; by default beside the first run.

    Raises:
        ValueError: no finished run is below `folders`.
    """
    from train.report import write_report
    from train.run import RESULT, read_result

    found = sorted({result.parent for folder in folders for result in folder.glob(f"**/{RESULT}")})
    if not found:
        msg = f"no finished run ({RESULT}) below {[str(folder) for folder in folders]}; `mmuda train RECIPE` makes them."
        raise ValueError(msg)
    newest = read_result(max(found, key=lambda folder: (folder / RESULT).stat().st_mtime)).version
    results = [result for result in map(read_result, found) if result.version == newest]
    page = write_report(results, cache=Cache(), path=output or found[0].parent / f"report-{newest}.html")
    console().print(f"Report: {page}")
    return page


def show_version(wanted: str) -> None:
    """Print what a version is made of."""
    table = Table(title=f"Cache version {wanted}", title_justify="left", box=None, pad_edge=False)
    table.add_column("shelf", no_wrap=True)
    for heading in ("films", "what happened", "made in"):
        table.add_column(heading, overflow="fold")
    for row in shelves_of_version(Cache(), wanted):
        table.add_row(*row.values())
    console().print(table)


def list_cache(*, as_json: bool) -> None:
    """Print all versions and shelves, oldest first."""
    cache = Cache()
    found = [*cache.manifests("versions"), *cache.manifests("shelves")]
    if as_json:
        print(json.dumps([json.loads(manifest.model_dump_json()) for manifest in found], indent=2))  # noqa: T201
        return
    if not found:
        console().print(f"Nothing below {cache.root}; `mmuda augment demo` makes a first version.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "kind", "created", "films", "MiB"):
        table.add_column(heading, no_wrap=True)
    for manifest in found:
        size = sum(promise.size for promise in manifest.files.values()) / 2**20
        rows = " / ".join(str(count) for count in manifest.rows.values())
        table.add_row(manifest.id, manifest.kind, f"{manifest.created:%Y-%m-%d %H:%M}", rows, f"{size:.1f}")
    console().print(table)


def verify_cache(names: Iterable[str]) -> None:
    """Check every file of the named shelves or versions (all by default) against its checksum.

    Raises:
        ValueError: a file is missing or differs; all of them are listed.
    """
    cache = Cache()
    shelves = _shelves_of(cache, list(names)) or [manifest.id for manifest in cache.manifests("shelves")]
    problems: list[str] = []
    for shelf in shelves:
        opened = cache.find(ShelfId(shelf))
        folder = cache.shelf_folder(shelf)
        found = check_files(folder, opened, checksums=True) if opened else [f"{folder}: missing"]
        console().print(f"{'damaged' if found else 'ok':8} {shelf}")
        problems += found
    if problems:
        msg = "\n".join([*problems, "Remove what is damaged with `mmuda cache rm ID` and run the augmentation again."])
        raise ValueError(msg)


def _shelves_of(cache: Cache, names: list[str]) -> list[str]:
    shelves: list[str] = []
    for name in names:
        if cache.shelf_folder(name).is_dir():
            shelves.append(name)
        else:
            shelves += cache.version_manifest(versions.resolve(cache, name)).parents
    return list(dict.fromkeys(shelves))


def remove_from_cache(name: str) -> None:
    """Remove a version, or a shelf that no version names.

    Raises:
        ValueError: it is unknown, or a version still names the shelf.
    """
    cache = Cache()
    if not cache.shelf_folder(name).is_dir():
        folder = cache.version_folder(versions.resolve(cache, name))
    else:
        users = [version.id for version in cache.manifests("versions") if name in version.parents]
        if users:
            msg = f"{name} is part of {users}; remove those first."
            raise ValueError(msg)
        folder = cache.shelf_folder(name)
    shutil.rmtree(folder)
    console().print(f"Removed {folder}")


def examine_machine(*, as_json: bool) -> int:
    """Print the doctor's findings; gives back 1 if something has to be mended."""
    findings = doctors.examine(Cache())
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))  # noqa: T201
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "what", "found", "cure"):
            table.add_column(heading, overflow="fold")
        marks = {"ok": "[green]ok[/]", "missing": "[yellow]missing[/]", "problem": "[red]problem[/]"}
        for finding in findings:
            table.add_row(marks[finding.verdict], finding.what, finding.found, finding.cure)
        console().print(table)
    return int(any(finding.verdict == "problem" for finding in findings))
