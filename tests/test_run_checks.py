"""A run's folder, held while it is trained in."""

import errno
import fcntl

import pytest

from tfadvseg.errors import UserError
from tfadvseg.run_checks import only_trainer


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    refused = pytest.raises(UserError, match="another process trains there")
    with only_trainer(tmp_path), refused, only_trainer(tmp_path):
        pass
    with only_trainer(tmp_path):
        pass


def test_a_folder_made_in_vain_goes_and_no_other(tmp_path):
    made, filled, found = (tmp_path / name for name in ("new/made", "filled", "found"))
    found.mkdir()
    for folder in (made, filled, found):
        with pytest.raises(ZeroDivisionError), only_trainer(folder):
            assert folder.is_dir()
            if folder == filled:
                (folder / "file").touch()
            raise ZeroDivisionError
    assert not made.parent.exists() and found.exists() and list(filled.iterdir())


def test_a_file_system_without_locks_is_trained_on_with_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with only_trainer(tmp_path):
        pass
    assert "cannot be locked" in caplog.text
