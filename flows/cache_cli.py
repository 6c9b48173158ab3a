"""The options of `mmuda cache …`."""

from pydantic import Field
from pydantic_settings import CliApp, CliImplicitFlag, CliPositionalArg, CliSubCommand

from datasets_cache import version as versions
from datasets_cache.frozen import Frozen
from datasets_cache.store import Cache
from flows import cache_commands


class Group(Frozen):
    """A command that only holds commands."""

    def cli_cmd(self) -> None:
        """Run the chosen one."""
        CliApp.run_subcommand(self)


class CacheList(Frozen):
    """List versions and shelves, oldest first."""

    as_json: CliImplicitFlag[bool] = Field(default=False, alias="json", description="Print JSON.")

    def cli_cmd(self) -> None:
        """Print them."""
        cache_commands.list_cache(as_json=self.as_json)


class CacheShow(Frozen):
    """Show what a version is made of."""

    version: CliPositionalArg[str] = "latest"
    """An id, the name of a recipe (its newest version), or `latest`."""

    def cli_cmd(self) -> None:
        """Print it."""
        cache_commands.show_version(versions.resolve(Cache(), self.version))


class CacheVerify(Frozen):
    """Check every file against its checksum."""

    names: CliPositionalArg[list[str]] = []
    """Versions or shelves; by default everything."""
    discard: CliImplicitFlag[bool] = False
    """Remove what is damaged, so that the next augmentation makes it again."""

    def cli_cmd(self) -> None:
        """Check them."""
        cache_commands.verify_cache(self.names, remove=self.discard)


class CacheDiff(Frozen):
    """Compare two versions on the films that both have, say two pivot languages."""

    first: CliPositionalArg[str]
    """An id, the name of a recipe (its newest version), or `latest`."""
    second: CliPositionalArg[str]
    """Another one."""
    as_json: CliImplicitFlag[bool] = Field(default=False, alias="json", description="Print JSON.")

    def cli_cmd(self) -> None:
        """Print what differs."""
        cache_commands.diff(self.first, self.second, as_json=self.as_json)


class CacheRemove(Frozen):
    """Remove a version, or a shelf that no version names."""

    name: CliPositionalArg[str]
    """Id of the version or shelf."""

    def cli_cmd(self) -> None:
        """Remove it."""
        cache_commands.remove_from_cache(self.name)


class CacheGroup(Group):
    """Look at the cache, compare versions, check files, remove."""

    ls: CliSubCommand[CacheList]
    show: CliSubCommand[CacheShow]
    diff: CliSubCommand[CacheDiff]
    verify: CliSubCommand[CacheVerify]
    rm: CliSubCommand[CacheRemove]
