"""The effects of importing the datasets package, and TFDS's command on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder

ROOT = Path(__file__).resolve().parents[2]
DUMMY_DATA = Path(isbi2012_dataset_builder.__file__).parent / "dummy_data"


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_import_is_quiet_registers_and_loads_nothing_heavy(tmp_path):
    program = (
        "import sys, tfadvseg_datasets, tensorflow_datasets as tfds\n"
        "heavy = {'tensorflow', 'apache_beam', 'tfadvseg'} & set(sys.modules)\n"
        "expected = ['camvid', 'cells', 'cityscapes_semseg', 'darkfield', 'gta5', 'isbi2012']\n"
        "expected += ['membranes', 'streets']\n"
        "names = [tfds.builder_cls(name).name for name in expected]\n"
        "sys.exit(f'{heavy} {names}' if heavy or names != expected else 0)\n"
    )
    result = run(sys.executable, "-c", program, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "cwd"), [("datasets/isbi2012", ROOT), ("isbi2012", None)], ids=["path", "imports"]
)
def test_tfds_build(tmp_path, dataset, cwd):
    pytest.importorskip("mlcroissant", reason="the tfds command needs the extra [tfds]")
    pytest.importorskip("pandas", reason="the tfds command needs the extra [tfds]")
    program = "from tensorflow_datasets.scripts.cli.main import launch_cli; launch_cli()"
    arguments = [f"--manual_dir={DUMMY_DATA}", f"--data_dir={tmp_path / 'prepared'}"]
    if cwd is None:
        arguments.append("--imports=tfadvseg_datasets")
    result = run(sys.executable, "-c", program, "build", dataset, *arguments, cwd=cwd or tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "prepared/isbi2012/1.0.0/dataset_info.json").is_file()
