"""Tar archives written byte by byte, so that they can hold what no tool would write."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
from collections.abc import Sequence
from typing import Any

from tests.fuzz.made_ids import ODD_IDS
from tests.fuzz.made_posters import damaged

_TYPES = [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE,
    tarfile.GNUTYPE_SPARSE, b"x", b"g", b"X", b"L", b"K", b"V", b"M", b"N", b"D", b"?", b"\x00", b"0",
]  # fmt: skip
_SIZES = [0, 1, 511, 512, 513, 10_000, 2**20, 2**26 + 1, 2**30, 2**33, 2**62]
_PAX = [
    {"size": "9" * 20}, {"size": "-5"}, {"size": "1e400"}, {"path": "../../evil.json"}, {"path": "/etc/x"},
    {"linkpath": "x"}, {"mtime": "nan"}, {"path": ""}, {"GNU.sparse.map": "0,1,x"},
    {"GNU.sparse.map": "0,5,9,1", "GNU.sparse.size": str(2**50)}, {"GNU.sparse.size": "x"},
    {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**60)}, {"hdrcharset": "BINARY"},
    {"comment": "x" * 3000}, {"uid": "x"}, {"size": "0"},
]  # fmt: skip


def pack(members: Sequence[tuple[str, bytes]], seed: int) -> bytes:
    """An archive of `members`, with up to three faults and compressed somehow."""
    rng = random.Random(seed)
    blocks = [
        _member(f"mmimdb/{name}", data, format=rng.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
        for name, data in members
    ]
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        blocks.insert(rng.randrange(len(blocks) + 1), _fault(rng, members))
    data = b"".join(blocks) + bytes(rng.choice([0, 512, 1024, 10_240]))
    if rng.random() < 0.1:
        data = damaged(data, rng.choice(["cut", "flip", "fill", "drop", "twice", "append"]), rng.randrange(2**32))
    packed = rng.choice([bytes, bytes, gzip.compress, bz2.compress, lambda content: lzma.compress(content, preset=0)])(data)
    if rng.random() < 0.15:
        packed = damaged(packed, rng.choice(["cut", "flip", "fill", "drop", "append"]), rng.randrange(2**32))
    return packed


def bomb(seed: int) -> bytes:
    """Little that unpacks to much: in a member, in a header, or in many of them."""
    rng = random.Random(seed)
    size = rng.choice([2**24, 3 * 2**26])
    kind = rng.choice([b"0", b"0", b"x", b"g", b"L", b"5"])
    name = rng.choice(["x.bin", "mmimdb/split.json", "mmimdb/dataset/1.json", "mmimdb/dataset/1.jpeg"])
    out = io.BytesIO()
    opened: Any = {0: gzip.open, 1: bz2.open}[rng.randrange(2)](out, "wb", compresslevel=1)
    with opened as file:
        for _ in range(rng.choice([1, 3])):
            file.write(_header(name, size=rng.choice([size, 2**40]), type=kind))
            for _ in range(size >> 20):
                file.write(bytes(2**20))
    return out.getvalue()


def _fault(rng: random.Random, members: Sequence[tuple[str, bytes]]) -> bytes:
    known, data = rng.choice([*members, ("dataset/none.json", b"{}")])
    odd = rng.choice(
        [known, f"dataset/{rng.choice(ODD_IDS)}.json", rng.choice(ODD_IDS), "dataset/", "d/" * 80 + known]
    ).replace("\x00", "")
    match rng.randrange(7):
        case 0:
            return _header(
                odd, type=rng.choice(_TYPES), size=rng.choice(_SIZES), linkname=rng.choice(["", "/etc/passwd", known])
            )
        case 1:
            return _member(odd, data, format=tarfile.PAX_FORMAT, pax_headers=rng.choice(_PAX))
        case 2:
            return _member(f"mmimdb/{known}", rng.randbytes(rng.choice([0, 700])))  # once more, with other content
        case 3:
            return bytes(512) * rng.choice([1, 2])  # the end, in the midst
        case 4:
            return rng.randbytes(512)
        case 5:
            content = rng.choice(
                [
                    b"8 a=bcd\n",
                    b"999999999 a=b\n",
                    b"-5 a=b\n",
                    b"x",
                    b"0 \n",
                    b"20 path=\xff\xfe\xfd\xfc\xfb\xfa\xf9\n",
                    b"\x00" * 30,
                ]
            )
            one = _header("x", type=rng.choice([b"x", b"g", b"L"]), size=len(content)) + content.ljust(512, b"\0")
            return one * rng.choice([1, 2, 30, 700])
        case _:
            return _header(odd, size=rng.choice(_SIZES)) + rng.randbytes(rng.choice([0, 100, 512]))


def _member(name: str, data: bytes, *, format: int = tarfile.GNU_FORMAT, **changes: Any) -> bytes:  # noqa: A002
    return _header(name, size=len(data), format=format, **changes) + data.ljust(-(-len(data) // 512) * 512, b"\0")


def _header(name: str, *, format: int = tarfile.GNU_FORMAT, **changes: Any) -> bytes:  # noqa: A002
    member = tarfile.TarInfo(name)
    for field, value in changes.items():
        setattr(member, field, value)
    try:
        return member.tobuf(format, errors="surrogatepass")
    except ValueError:  # a name that this format cannot hold
        return member.tobuf(tarfile.GNU_FORMAT, errors="surrogatepass")
