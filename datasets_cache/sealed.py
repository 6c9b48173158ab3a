"""JSON files that end with a checksum of themselves, so that one bit that changed on the disk is noticed when they are read."""

import re
import zlib

_SEAL = re.compile(rb',\n *"crc32": "([0-9a-f]{8})"\n\}\n')


def sealed(text: str) -> str:
    r"""An indented JSON object with the CRC-32 of all that stands before it as its last entry.

    Examples:
        >>> print(sealed('{\n "films": 3\n}'), end="")
        {
         "films": 3,
         "crc32": "da0a900d"
        }
    """
    body, indent = text.rstrip().removesuffix("}").rstrip(), re.search(r"\n( *)\"", text)
    return f'{body},\n{indent.group(1) if indent else ""}"crc32": "{zlib.crc32(body.encode()):08x}"\n}}\n'


def unsealed(content: bytes) -> bytes:
    """The JSON object that was sealed; one that carries no seal is given back as it is.

    Raises:
        ValueError: it is not what was written.
    """
    start = content.rfind(b",\n")
    seal = _SEAL.fullmatch(content, start) if start >= 0 else None
    if not seal:
        return content
    if zlib.crc32(content[:start]) != int(seal.group(1), 16):
        msg = "its content differs from what was written (CRC-32)"
        raise ValueError(msg)
    return content[:start] + b"\n}\n"
