"""The content of a tar archive, decompressed front to back within bounds: a bomb ends in an error, not in a full memory."""

import bz2
import gzip
import lzma
import tarfile as tar
from io import BufferedReader, RawIOBase
from tarfile import BLOCKSIZE, ReadError, TarFile, TarInfo
from typing import Protocol

HEADER_BYTES = 2**20
"""What may lie between two members: headers of the next one, which `tarfile` holds in memory. A long name takes a few KB."""
RATIO, FREE_BYTES = 100, 64 * 2**20
"""Content beyond `FREE_BYTES` is at most `RATIO` times as large as the compressed file up to there. Posters hardly shrink, and
metadata shrink to a fifth; zeros go to a thousandth."""
CHUNK = 2**16
"""Bytes that `tarfile` asks for at once."""
_DAMAGED = (tar.InvalidHeaderError, tar.TruncatedHeaderError)  # pyright: ignore[reportAttributeAccessIssue]  # not in its stubs

_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x5d\x00\x00\x80": lzma.open}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ArchiveContent(RawIOBase):
    """What `tarfile` reads from."""

    def __init__(self, file: BufferedReader) -> None:
        super().__init__()
        self._file = file
        self._content = _decompressed(file)
        self._position = 0
        self._member_end = 0
        self._header_end = HEADER_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            ReadError: it ends within a member, or has more headers, or more content for a compressed file of its size, than any
                archive of films.
        """
        data = self._content.read(size)
        self._position += len(data)
        if size and not data and self._position < self._member_end:  # `tarfile` would go on asking for what a member claims
            msg = "unexpected end of data"
            raise ReadError(msg)
        if self._position > self._header_end + CHUNK:
            msg = f"more than {HEADER_BYTES:,} bytes of headers before one member"
            raise ReadError(msg)
        if self._position > FREE_BYTES and self._position - FREE_BYTES > RATIO * self._file.tell():
            msg = f"an archive bomb: its first {self._file.tell():,} bytes hold {self._position:,} and more"
            raise ReadError(msg)
        return data

    def expect_header_after(self, member: TarInfo) -> None:
        """Let the content of `member` pass, and the headers of the next one."""
        self._member_end = member.offset_data + (member.size if member.isfile() else 0)
        self._header_end = self._member_end + BLOCKSIZE + HEADER_BYTES

    def finish(self) -> None:
        """Read what follows the last member, so that the checksum at the end of a compressed file is compared."""
        while data := self.read(CHUNK):
            self._header_end += len(data)


class Header(TarInfo):
    """A member whose header is damaged is an error; `tarfile` would take it for the end, and lose whatever follows."""

    @classmethod
    def fromtarfile(cls, tarfile: TarFile) -> "Header":
        """Read the next header."""
        try:
            return super().fromtarfile(tarfile)
        except _DAMAGED as error:
            msg = f"a damaged header at byte {tarfile.offset:,}: {error}"
            raise ReadError(msg) from error


def _decompressed(file: BufferedReader) -> _Readable:
    """Decompressors of the standard library that give no more at once than they are asked for; `tarfile`'s own give all."""
    begins = file.peek(8)
    for magic, opened in _COMPRESSED.items():
        if begins.startswith(magic):
            return opened(file)
    return file
