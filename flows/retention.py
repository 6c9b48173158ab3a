"""The commands that remove from the cache: `mmuda cache rm` and `mmuda cache gc`. What a run refers to stays."""

from collections.abc import Sequence
from pathlib import Path

from datasets_cache import collect
from datasets_cache import version as versions
from datasets_cache.files import discard
from datasets_cache.store import Cache
from datasets_cache.uses import used_versions, users
from flows.recipes import default_runs
from flows.terminal import print_json, say


def remove_from_cache(name: str, *, runs: Sequence[Path] = ()) -> None:
    """Remove a version that no run refers to, or a shelf that no version names.

    Args:
        name: of the version or shelf.
        runs: further folders with runs, beside those that were noted and the project's.
    Raises:
        ValueError: it is unknown, a run refers to the version, or a version names the shelf.
    """
    cache = Cache()
    if not cache.shelf_folder(name).is_dir():
        _remove_version(cache, versions.resolve(cache, name), runs)
        return
    named_by = [version.id for version in cache.manifests("versions") if name in version.parents]
    if named_by:
        msg = f"{name} is part of {named_by}; remove those first."
        raise ValueError(msg)
    discard(cache.shelf_folder(name), root=cache.root)
    say(f"Removed {cache.shelf_folder(name)}")


def _remove_version(cache: Cache, version: str, runs: Sequence[Path]) -> None:
    if found := users(cache, version, below=_folders(runs)):
        folders = "".join(f"\n  {folder}" for folder in found)
        msg = (
            f"{version}: {len(found)} {'run refers' if len(found) == 1 else 'runs refer'} to it, finished or not:{folders}\n"
            "Remove these folders first if nobody needs the runs any more; without the version they can be neither continued "
            "nor evaluated."
        )
        raise ValueError(msg)
    discard(cache.version_folder(version), root=cache.root)
    say(f"Removed {cache.version_folder(version)}")
    say("Its shelves are still there; `mmuda cache gc` removes those that no version names any more.")


def collect_garbage(
    *, keep: int, unfinished_days: float, runs: Sequence[Path] = (), dry_run: bool = False, as_json: bool = False
) -> None:
    """Remove what nobody needs: all but the newest versions of each recipe, their shelves, and what dead runs left.

    Args:
        keep: newest versions of each recipe name that stay, beside those that runs refer to.
        unfinished_days: days that unfinished work is kept.
        runs: further folders with runs, beside those that were noted and the project's.
        dry_run: only say what would go.
        as_json: say it as JSON.
    Raises:
        ValueError: a manifest is damaged, or the cache cannot be written.
    """
    cache = Cache()
    if workers := collect.at_work(cache):
        if as_json:
            print_json({"at_work": workers, "kept": [], "gone": [], "waiting": [], "dry_run": dry_run})
            return
        say("\n".join(["Nothing was removed: somebody works in the cache.", *workers, "Run it again afterwards."]))
        return
    if not dry_run:
        collect.mend(cache)
    used = used_versions(cache, below=_folders(runs))
    plan = collect.plan(cache, keep=keep, used=used, unfinished_days=unfinished_days)
    if as_json:
        removed = plan.going if dry_run else list(collect.remove(cache, plan.going))
        _print_collected(cache, plan, removed, dry_run=dry_run)
        return
    _say_what_stays(plan, used)
    gone: list[collect.Thing] = []
    for thing in plan.going if dry_run else collect.remove(cache, plan.going):
        say(f"{'would remove' if dry_run else 'removed'} {thing.what} {thing.path.relative_to(cache.root)} ({_mib(thing)})")
        gone.append(thing)
    say(f"{'Would remove' if dry_run else 'Removed'} {_count(gone)}, {_mib(*gone)}")
    if len(gone) < len(plan.going):
        who = "; ".join(collect.at_work(cache)) or "a new run"
        say(f"Stopped before the other {len(plan.going) - len(gone)}: somebody began to work ({who}). Run it again afterwards.")
    if plan.waiting:
        left = f"{_count(plan.waiting)}, {_mib(*plan.waiting)}, in no version and younger than {unfinished_days:g} days"
        say(f"Left for a run to go on from: {left}; `--unfinished 0` removes them too.")


def _print_collected(cache: Cache, plan: collect.Plan, gone: Sequence[collect.Thing], *, dry_run: bool) -> None:
    def rows(things: Sequence[collect.Thing]) -> list[dict[str, object]]:
        return [{"what": one.what, "path": str(one.path.relative_to(cache.root)), "bytes": one.size} for one in things]

    workers = collect.at_work(cache) if len(gone) < len(plan.going) else []
    print_json({"at_work": workers, "kept": plan.kept, "gone": rows(gone), "waiting": rows(plan.waiting), "dry_run": dry_run})


def _say_what_stays(plan: collect.Plan, used: dict[str, list[Path]]) -> None:
    say(f"Kept: {len(plan.kept)} {'version' if len(plan.kept) == 1 else 'versions'}")
    for version in plan.kept:
        runs = used.get(version, [])
        why = f"; referred to by {runs[0]}{f' and {len(runs) - 1} more' if runs[1:] else ''}" if runs else ""
        say(f"  {version}{why}")


def _folders(runs: Sequence[Path]) -> list[Path]:
    """Where runs may lie that were not noted.

    Raises:
        ValueError: one of `runs` is not there, so that its runs would not be seen.
    """
    if missing := [str(folder) for folder in runs if not folder.is_dir()]:
        msg = f"--runs {','.join(missing)}: no such folder; nothing was removed. Name the folders that hold runs."
        raise ValueError(msg)
    return [default_runs(), *runs]


def _count(things: Sequence[collect.Thing]) -> str:
    return f"{len(things)} {'thing' if len(things) == 1 else 'things'}"


def _mib(*things: collect.Thing) -> str:
    return f"{sum(thing.size for thing in things) / 2**20:.1f} MiB"
