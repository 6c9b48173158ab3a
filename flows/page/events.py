"""Events that others wait for: a version is there, a training is finished."""

from collections.abc import Sequence
from pathlib import Path

from prefect.events import emit_event
from prefect.runtime import flow_run

from datasets_cache.version import Version
from flows.page.notes import in_a_run

PUBLISHED, FOUND, TRAINED = "mmuda.version.published", "mmuda.version.found", "mmuda.training.finished"


def version_is_there(version: Version, *, new: bool, summary: str) -> None:
    """Tell that a version is there; without a run, nothing.

    Args:
        version: the version.
        new: whether this run made it, or made its views again.
        summary: one line of what was made.
    """
    if not in_a_run():
        return
    emit_event(
        PUBLISHED if new else FOUND,
        resource=_resource("version", version.id),
        payload={"version": version.id, "name": version.manifest.spec["name"], "summary": summary},
        related=[
            _resource("sample", version.sample.id) | {"prefect.resource.role": "sample"},
            _resource("source", _source_kind(version)) | {"prefect.resource.role": "source"},
        ],
    )


def training_is_finished(version: str, *, cells: Sequence[str], report: Path) -> None:
    """Tell that a training is finished; without a run, nothing.

    Args:
        version: cache version that was trained on.
        cells: run directories.
        report: path of the report.
    """
    if not in_a_run():
        return
    emit_event(
        TRAINED,
        resource=_resource("training", str(flow_run.id)),
        payload={"version": version, "cells": list(cells), "report": str(report)},
        related=[_resource("version", version) | {"prefect.resource.role": "version"}],
    )


def _source_kind(version: Version) -> str:
    return str(version.sample.manifest.spec["source"]["kind"])


def _resource(kind: str, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"mmuda.{kind}.{name}", "prefect.resource.name": name}
