"""Flagfiles of any editor and locale."""

import pytest

from tfadvseg.errors import UserError
from tfadvseg.flags.reading import with_flagfiles_read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_flag(tmp_path, encoding):
    file = tmp_path / "x.flags"
    file.write_bytes("--a=é\r\n\r\n# note\r\n  // note\r\n--nob\r\n".encode(encoding))
    assert with_flagfiles_read(["--c=1", f"--flagfile={file}", "--d"]) == [
        "--c=1",
        "--a=é",
        "--nob",
        "--d",
    ]


def test_flagfiles_within_flagfiles_and_apart_from_their_flag(tmp_path):
    (tmp_path / "inner.flags").write_text("--inner")
    (tmp_path / "outer.flags").write_text(f"--first\n--flagfile={tmp_path}/inner.flags\n--last")
    read = with_flagfiles_read(["-flagfile", f"{tmp_path}/outer.flags", "--", "--flagfile=x"])
    assert read == ["--first", "--inner", "--last", "--", "--flagfile=x"]


def test_unfit_flagfiles_are_named(tmp_path):
    file = tmp_path / "x.flags"
    with pytest.raises(UserError, match=r"x\.flags: No such file"):
        with_flagfiles_read([f"--flagfile={file}"])
    file.write_bytes(b"\x89PNG\0")
    with pytest.raises(UserError, match=r"x\.flags: not a text file; expected one flag per line"):
        with_flagfiles_read([f"--flagfile={file}"])
    file.write_text(f"--flagfile={file}")
    with pytest.raises(UserError, match=r"x\.flags: reads itself"):
        with_flagfiles_read([f"--flagfile={file}"])
