"""The files that `pip install .` installs: every package and its text files, nothing else."""

import ast
import configparser
import os
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
INSTALLED_NAMES = {
    "tfadvseg": "tfadvseg",
    "configs": "tfadvseg_configs",
    "datasets": "tfadvseg_datasets",
}


def test_setup_cfg_lists_every_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    found = []
    for folder, name in INSTALLED_NAMES.items():
        for path in (ROOT / folder).rglob("__init__.py"):
            parts = path.parent.relative_to(ROOT / folder).parts
            found.append(".".join((name, *parts)))
    assert sorted(listed) == sorted(found)


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-newest.txt"])
def test_constraints_pin_every_package_once(name):
    lines = (ROOT / name).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    for pin in pins:
        assert [it.operator for it in pin.specifier] == ["=="], pin
    names = [canonicalize_name(pin.name) for pin in pins]
    assert sorted(names) == sorted({*names})


def test_setup_cfg_requires_every_package_that_is_imported():
    """What comes only with another package may be gone with that one's next version."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    texts = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line for text in texts for line in text.splitlines()]
    required = {
        canonicalize_name(Requirement(line).name)
        for line in lines
        if line and not line.startswith("#")
    }
    homes = packages_distributions()
    for folder in ("tfadvseg", "datasets"):
        for path in (ROOT / folder).rglob("*.py"):
            for module in imported_modules(path) - {*INSTALLED_NAMES.values()}:
                # What is not installed here is one of an extra, as torch is.
                distributions = {canonicalize_name(it) for it in homes.get(module, ())}
                assert not distributions or distributions & required, (path, module)


def imported_modules(path: Path) -> set[str]:
    """Names of packages that a file imports anywhere, without Python's own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.split(".")[0] for name in found} - sys.stdlib_module_names


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which pip installed a copy of the checkout, without dependencies."""
    checkout, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("installed")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for folder in INSTALLED_NAMES:
        shutil.copytree(
            ROOT / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-compile", f"--target={target}", "."], cwd=checkout, check=True)
    return target


@pytest.mark.parametrize("folder", INSTALLED_NAMES)
def test_pip_installs_every_file_of_a_package_but_dummy_data(installed, folder):
    def files(root: Path) -> set[str]:
        paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        kept = (path for path in paths if path.suffix != ".pyc")
        return {str(path) for path in kept if "dummy_data" not in path.parts}

    assert files(installed / INSTALLED_NAMES[folder]) == files(ROOT / folder)


def test_pip_installs_no_other_package(installed):
    folders = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert folders == {*INSTALLED_NAMES.values(), "bin"}


def run_installed(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    """Runs the console program, without the checkout on the path."""
    return subprocess.run(
        [sys.executable, str(installed / "bin" / "tfadvseg"), *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_the_installed_program_finds_flagfiles_by_name(installed, tmp_path):
    result = run_installed(installed, "train", "--flagfile=absent", cwd=tmp_path)
    assert result.returncode == 2
    assert ", camvid_best, " in result.stderr and " demo, " in result.stderr
    # The flagfile is read, and the flag after it is refused before TensorFlow starts.
    arguments = ("train", "--flagfile=demo", "--output_dir=out", "--epochs=0")
    result = run_installed(installed, *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "--epochs=0" in result.stderr
    assert not list(tmp_path.iterdir())
