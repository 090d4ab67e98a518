"""Names of files as keys of examples. No TensorFlow here."""

import os
import unicodedata


def plain_name(name: str) -> str:
    """A file's name as text, the same on every system and in every encoding.

    Accented letters are one character each (NFC), however the file system stores them; bytes that
    are not UTF-8, as in archives from other systems, become escapes such as `\\xb5`.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)
