"""The options of `mmuda cache …`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliImplicitFlag, CliPositionalArg, CliSubCommand

from datasets_cache.collect import UNFINISHED_DAYS
from datasets_cache.frozen import Frozen
from flows.options import Json


class Group(Frozen):
    """A command that only holds commands."""


class CacheList(Frozen):
    """List versions and shelves, oldest first."""

    as_json: Json = False

    def cli_cmd(self) -> None:
        """Print them."""
        from flows import cache_commands

        cache_commands.list_cache(as_json=self.as_json)


class CacheShow(Frozen):
    """Show what a version is made of."""

    version: CliPositionalArg[str] = "latest"
    """An id, the name of a recipe (its newest version), or `latest`."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Print it."""
        from datasets_cache import version as versions
        from datasets_cache.store import Cache
        from flows import cache_commands

        cache_commands.show_version(versions.resolve(Cache(), self.version), as_json=self.as_json)


class CacheVerify(Frozen):
    """Check every file against its checksum; exit status 1 if one is missing or differs."""

    names: CliPositionalArg[list[str]] = []
    """Versions or shelves; by default everything."""
    discard: CliImplicitFlag[bool] = False
    """Remove what is damaged, so that the next augmentation makes it again."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Check them."""
        from flows import cache_commands

        if status := cache_commands.verify_cache(self.names, remove=self.discard, as_json=self.as_json):
            raise SystemExit(status)


class CacheDiff(Frozen):
    """Compare two versions on the films that both have, say two pivot languages."""

    first: CliPositionalArg[str]
    """An id, the name of a recipe (its newest version), or `latest`."""
    second: CliPositionalArg[str]
    """Another one."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Print what differs."""
        from flows import cache_commands

        cache_commands.diff(self.first, self.second, as_json=self.as_json)


class CacheRemove(Frozen):
    """Remove a version that no run refers to, or a shelf that no version names."""

    name: CliPositionalArg[str]
    """Id of the version or shelf."""
    runs: list[Path] = []
    """Further folders with runs, `A,B`; runs that were noted when they began and the project's `runs` count anyway."""

    def cli_cmd(self) -> None:
        """Remove it."""
        from flows import retention

        retention.remove_from_cache(self.name, runs=self.runs)


class CacheCollect(Frozen):
    """Remove old versions that no run refers to, what only they named, and what dead runs left; never while somebody works."""

    keep: int = Field(default=3, ge=1)
    """Newest versions of each recipe that stay, beside those that runs refer to."""
    unfinished: float = Field(default=UNFINISHED_DAYS, ge=0)
    """Days that unfinished work is kept, so that a run can go on from it: shelves that no version names, or half made."""
    runs: list[Path] = []
    """Further folders with runs, `A,B`; runs that were noted when they began and the project's `runs` count anyway."""
    dry_run: CliImplicitFlag[bool] = False
    """Only say what would go."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Collect."""
        from flows import retention

        retention.collect_garbage(
            keep=self.keep, unfinished_days=self.unfinished, runs=self.runs, dry_run=self.dry_run, as_json=self.as_json
        )


class CacheExport(Frozen):
    """Write a version for others: as a dataset that `datasets.load_dataset` reads, or as plain files; push it to the Hub."""

    version: CliPositionalArg[str]
    """An id, the name of a recipe (its newest version), or `latest`."""
    to: Path
    """A new or empty folder. To push once more: the one that was pushed."""
    layout: Literal["parquet", "folders"] = "parquet"
    """`parquet` is the Hub's format with a card; `folders` is jsonl and folders of posters, for the source `moviescope`."""
    push: str | None = None
    """Also push to this repository of the Hub, `owner/name`: private, with the token of `hf auth login` or HF_TOKEN."""
    public: CliImplicitFlag[bool] = False
    """With --push: let everybody read it."""
    licence: str | None = None
    """What allows you to pass the films on, as the Hub names licences (`cc-by-4.0`) or in words; it goes into the card. Films
    that did not come with mmuda are not pushed without it."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Export it."""
        from flows.export_commands import export  # huggingface_hub and datasets are slow to import

        export(
            self.version,
            to=self.to.expanduser(),
            layout=self.layout,
            repository=self.push,
            public=self.public,
            stated_licence=self.licence,
            as_json=self.as_json,
        )


class CacheGroup(Group):
    """Look at the cache, compare versions, check files, export, remove."""

    ls: CliSubCommand[CacheList]
    show: CliSubCommand[CacheShow]
    diff: CliSubCommand[CacheDiff]
    verify: CliSubCommand[CacheVerify]
    export: CliSubCommand[CacheExport]
    rm: CliSubCommand[CacheRemove]
    gc: CliSubCommand[CacheCollect]
