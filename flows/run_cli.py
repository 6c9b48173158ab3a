"""The options of `mmuda predict` and `mmuda evaluate`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from datasets_cache.frozen import Frozen
from datasets_cache.schema import Split
from flows.options import Json
from flows.recipes import default_runs


class PredictCommand(Frozen):
    """Print the genres of a film, by a finished run: of its plot, its poster or both."""

    run: CliPositionalArg[str]
    """A run directory, or the (beginning of the) name of one below `runs`."""
    plot: str | None = None
    """What happens in the film; for `bert` and `mmbt`."""
    poster: Path | None = None
    """A picture of any size; for `resnet` and `mmbt`."""
    runs: Path = Field(default_factory=default_runs)
    """Folder that holds the run directories."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Ask and print."""
        from flows import run_commands

        folder = run_commands.find_run(self.run, self.runs)
        run_commands.predict(folder, plot=self.plot, poster=self.poster, as_json=self.as_json)


class EvaluateCommand(Frozen):
    """Score a finished run on the films of a cache version; genres are matched by name."""

    run: CliPositionalArg[str]
    """A run directory, or the (beginning of the) name of one below `runs`."""
    cache: str = "latest"
    """Cache version: an id, the name of a recipe (its newest version), or `latest`."""
    split: Split = "test"
    """Which films."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    runs: Path = Field(default_factory=default_runs)
    """Folder that holds the run directories."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Score and print."""
        from flows import run_commands

        folder = run_commands.find_run(self.run, self.runs)
        run_commands.evaluate(folder, version=self.cache, split=self.split, device=self.device, as_json=self.as_json)
