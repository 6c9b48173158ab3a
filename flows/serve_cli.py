"""The options of `mmuda serve` and `mmuda sweep`."""

from pydantic import Field
from pydantic_settings import CliImplicitFlag

from datasets_cache.frozen import Frozen
from flows.options import Json


class ServeCommand(Frozen):
    """Serve both flows on Prefect's page: schedules, runs by hand, training after an augmentation; until Ctrl-C.

    It brings up a Prefect server on 127.0.0.1, or serves at PREFECT_API_URL where that is set.
    """

    port: int = Field(default=4200, ge=1, le=65535)
    """Of the page, where the server is our own."""
    limit: int = Field(default=2, ge=1)
    """How many runs may go at a time. Each deployment has a limit of its own, 1 at first, that the page can change."""
    cron: str | None = None
    """Run the nightly augmentation at these times, for example "0 3 * * *"; by default the page decides."""
    timezone: str = "UTC"
    """Of --cron, for example Europe/Paris."""
    train_after: bool | None = None
    """Train after each augmentation that made a version new; by default the page decides (Automations)."""
    check: CliImplicitFlag[bool] = False
    """Say what is missing, start nothing; exit status 1 if something has to be mended."""
    as_json: Json = False

    def cli_cmd(self) -> None:
        """Serve, or check.

        Raises:
            ValueError: JSON of something that never ends.
        """
        from flows import doctor, serve_check
        from flows.serve import serve

        if self.check:
            raise SystemExit(doctor.show(serve_check.examine(port=self.port), as_json=self.as_json))
        if self.as_json:
            msg = "--json goes with --check; `mmuda serve` itself runs until Ctrl-C."
            raise ValueError(msg)
        status = serve(port=self.port, limit=self.limit, cron=self.cron, timezone=self.timezone, train_after=self.train_after)
        raise SystemExit(status)


class SweepCommand(Frozen):
    """Resolve the runs that nobody works on any more (`mmuda serve` does so by itself), for a server of your own."""

    as_json: Json = False

    def cli_cmd(self) -> None:
        """Resolve them and say which."""
        from flows import serve_check

        serve_check.sweep_now(as_json=self.as_json)
