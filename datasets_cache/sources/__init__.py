"""Where films come from: MM-IMDb, Moviescope, a table of your own, or the sample that ships with the project."""

from collections.abc import Callable
from typing import IO, Annotated

from pydantic import Field

from datasets_cache.fingerprint import fingerprint
from datasets_cache.progress import Track, untracked
from datasets_cache.sources import bundled, mmimdb, moviescope, table
from datasets_cache.sources.bundled import BundledSource
from datasets_cache.sources.index import SourceIndex
from datasets_cache.sources.mmimdb import MmimdbSource
from datasets_cache.sources.moviescope import MoviescopeSource
from datasets_cache.sources.table import TableSource

SourceSpec = Annotated[MmimdbSource | MoviescopeSource | TableSource | BundledSource, Field(discriminator="kind")]
"""Which source, where it lies and how it is read."""


def read_source(
    spec: SourceSpec, *, likely: Callable[[str], bool], scratch: IO[bytes], track: Track = untracked
) -> SourceIndex:
    """Read the metadata of every film of a source; posters are read later, for the films that a sample reaches.

    Args:
        spec: the source.
        likely: whether a film's poster will probably be read; decides what is copied out of an archive on the way.
        scratch: an open temporary file, used by archives alone; it must stay open as long as posters are read.
        track: progress.
    Raises:
        ValueError: no root was given, or it does not hold the source; the message says what was looked for and found.
    """
    match spec:
        case MmimdbSource():
            return mmimdb.read(spec, likely=likely, scratch=scratch, track=track)
        case MoviescopeSource():
            return moviescope.read(spec)
        case TableSource():
            return table.read(spec)
        case BundledSource():
            return bundled.read()


def check(spec: SourceSpec) -> None:
    """Read a source whose mistakes are a person's and whose metadata take seconds, so that its mistakes are told at once.

    Raises:
        ValueError: see `read_source`.
    """
    if isinstance(spec, TableSource):
        table.read(spec)


def stat_digest(spec: SourceSpec) -> str:
    """Digest of the names, sizes and modification times of a source's files: equal as long as nobody touched them.

    Raises:
        ValueError: no root was given, or there is nothing at it.
    """
    match spec:
        case MmimdbSource():
            found = mmimdb.stat(spec)
        case MoviescopeSource():
            found = moviescope.stat(spec)
        case TableSource():
            found = table.stat(spec)
        case BundledSource():
            found = bundled.stat()
    return fingerprint(found)
