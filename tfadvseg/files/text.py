"""Text files, read the same whatever the locale and whichever editor saved them."""

import codecs
import os
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so that it comes first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: str | os.PathLike) -> str:
    """Reads a text file, without its byte order mark.

    A mark tells UTF-16 and UTF-32, as Windows' editors and shells write them; without one it is
    UTF-8. Bytes that are not UTF-8 become surrogates, as in Python's file names, so that names in a
    list find their files.

    Raises:
        OSError: absent or unreadable.
        UnicodeDecodeError: it holds zero bytes, as text never does, or is cut amid a character.
    """
    return decode_text(Path(path).read_bytes())


def decode_text(content: bytes) -> str:
    """What `read_text` does with a file's content."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    if b"\0" in content:
        place = content.index(b"\0")
        raise UnicodeDecodeError("utf-8", content, place, place + 1, "zero byte")
    return content.decode("utf-8", "surrogateescape")
