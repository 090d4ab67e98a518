"""Text files that contain a checksum of their content, so that damage and edits are detected."""

import hashlib
import json
from typing import Any

_FIRST_LINE = "# sha256 of the lines below: "
_FIELD = "sha256"


def sealed_lines(text: str) -> str:
    """Adds a first line to a text: a comment with the checksum of the other lines."""
    return f"{_FIRST_LINE}{_sha256(text)}\n{text}"


def is_whole(text: str) -> bool:
    """Whether a text agrees with the checksum in its first line; true if it has none.

    Trailing spaces, blank lines and the kind of line endings do not matter.
    """
    if not text.startswith(_FIRST_LINE):
        return True
    first, *others = text.splitlines()
    return first.removeprefix(_FIRST_LINE).strip() == _sha256("\n".join(others))


def sealed_json(fields: dict[str, Any]) -> str:
    """A JSON object whose last field is a checksum of the others."""
    return json.dumps({**fields, _FIELD: _sha256(_plain(fields))}, indent=1) + "\n"


def is_whole_json(fields: dict[str, Any]) -> bool:
    """Whether a JSON object agrees with its checksum; true if it has none."""
    others = {name: value for name, value in fields.items() if name != _FIELD}
    return _FIELD not in fields or fields[_FIELD] == _sha256(_plain(others))


def _plain(fields: dict[str, Any]) -> str:
    return json.dumps(fields, indent=1)


def _sha256(text: str) -> str:
    lines = (line.rstrip() for line in text.splitlines())
    plain = "\n".join(line for line in lines if line)
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()
