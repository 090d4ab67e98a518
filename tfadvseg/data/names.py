"""Names of files as keys of examples. No TensorFlow here."""

import os
import unicodedata


def plain_name(name: str) -> str:
    """A file's name as text that can be written anywhere, the same on every system.

    Letters with accents are one character each (NFC), however the file system keeps them; bytes
    that are not UTF-8, as archives from other systems leave them, become escapes such as `\\xb5`.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)
