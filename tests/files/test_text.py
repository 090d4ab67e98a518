"""Text files of any editor and locale."""

import os
import subprocess
import sys

import pytest

from tfadvseg.files.text import read_text

WORDS = "--données=1\nzwei µ\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_sets_the_encoding_and_is_not_part_of_the_text(tmp_path, encoding):
    (tmp_path / "x.txt").write_bytes(WORDS.encode(encoding))
    assert read_text(tmp_path / "x.txt") == WORDS


def test_bytes_that_are_not_utf8_name_the_file_that_they_are_the_name_of(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"10\xb5m")
    assert os.fsencode(read_text(tmp_path / "x.txt")) == b"10\xb5m"


def test_binary_files_are_not_text(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "x.png")


def test_the_locale_does_not_matter(tmp_path):
    (tmp_path / "x.txt").write_bytes(WORDS.encode())
    file = str(tmp_path / "x.txt")
    code = f"from tfadvseg.files.text import read_text\nprint(ascii(read_text({file!r})))"
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == ascii(WORDS)
