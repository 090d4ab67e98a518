import pytest
from export_testing import GREY_SPEC

from tfadvseg.errors import UserError
from tfadvseg.export.version_folder import find_version, write_version


def test_versions_count_up(tmp_path):
    base = tmp_path / "new" / "base"

    def write(version=None):
        return write_version(base, version, GREY_SPEC, lambda folder: None).name

    assert [write(), write(7), write()] == ["1", "7", "8"]
    with pytest.raises(UserError, match="exists already"):
        write(7)
    with pytest.raises(UserError, match="--version=0"):
        write(0)
    assert find_version(base).name == "8"
    assert find_version(base / "7").name == "7"
