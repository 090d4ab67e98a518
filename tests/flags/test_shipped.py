from pathlib import Path

import pytest

from tfadvseg.errors import UserError
from tfadvseg.flags import shipped
from tfadvseg.flags.shipped import find_flagfile, shipped_flagfiles, with_found_flagfiles

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A place with the package's folder and its flagfiles beside each other, as pip installs it."""
    package = tmp_path / "site/tfadvseg/flags"
    package.mkdir(parents=True)
    monkeypatch.setattr(shipped, "__file__", str(package / "shipped.py"))
    configs = tmp_path / "site/tfadvseg_configs"
    (configs / "studies").mkdir(parents=True)
    for name in ("b.flags", "a.flags", "studies/c.flags", "notes.txt"):
        (configs / name).write_text("")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return configs


def test_the_flagfiles_of_a_checkout():
    found = shipped_flagfiles()
    assert found["demo"] == CONFIGS / "demo.flags"
    assert set(found.values()) == set(CONFIGS.rglob("*.flags"))


def test_names_with_and_without_suffix_and_in_subfolders(folder):
    assert list(shipped_flagfiles()) == ["a", "b", "studies/c"]
    assert find_flagfile("a") == find_flagfile("a.flags") == folder / "a.flags"
    assert find_flagfile("studies/c") == folder / "studies/c.flags"


def test_a_file_comes_before_a_name(folder):
    Path("a").write_text("")
    Path("b").mkdir()
    assert find_flagfile("a") == Path("a")
    assert find_flagfile("b") == folder / "b.flags"


@pytest.mark.parametrize("name", ["c", "studies", "../tfadvseg_configs/notes"])
def test_absent_names(folder, name):
    with pytest.raises(UserError, match=rf"--flagfile={name}: no such file; .* a, b, studies/c\."):
        find_flagfile(name)


def test_a_folder_is_named_as_such(folder):
    with pytest.raises(UserError, match=r"--flagfile=\.: is a folder"):
        find_flagfile(".")


def test_every_form_on_the_command_line(folder):
    a = str(folder / "a.flags")
    given = ["--flagfile=a", "--x", "--flagfile", "a", "-flagfile=a", "--", "--flagfile=none"]
    expected = [f"--flagfile={a}", "--x", "--flagfile", a, f"-flagfile={a}"]
    assert with_found_flagfiles(given) == [*expected, "--", "--flagfile=none"]


def test_an_empty_name_is_no_file(folder):
    with pytest.raises(UserError, match="--flagfile=: no such file"):
        with_found_flagfiles(["--flagfile="])


def test_what_is_left_to_absl(folder):
    assert with_found_flagfiles(["--flagfile"]) == ["--flagfile"]
