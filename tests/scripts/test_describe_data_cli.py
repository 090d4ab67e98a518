from pathlib import Path

from tests.scripts.cli_testing import assert_one_line_error, run_new_process, run_script
from tfadvseg_datasets.darkfield import darkfield_dataset_builder
from tfadvseg_datasets.gta5 import gta5_dataset_builder

GTA5 = Path(gta5_dataset_builder.__file__).parent / "dummy_data"
DUMMY_DATA = Path(darkfield_dataset_builder.__file__).parent / "dummy_data"


def test_a_dataset_and_a_part_of_it(tmp_path):
    arguments = ["--dataset=darkfield", f"--data_dir={DUMMY_DATA}", f"--prepared_dir={tmp_path}/p"]
    result = run_new_process("describe_data.py", *arguments, "--verbosity=-1", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("darkfield, all: 5 images of 16 x 16 to 31 x 32 pixels")
    rows = [line.split() for line in result.stdout.splitlines()]
    (spirochaetes,) = (row for row in rows if row[:2] == ["2", "spirochaete"])
    assert spirochaetes[-1] == "4"
    # Rows and columns filled with spirochaetes, per mask that contains them.
    heights = {"001": (8, 32), "003": (5, 16), "004": (10, 25), "010": (8, 32)}
    assert spirochaetes[2] == str(sum(h * w for h, w in heights.values()))
    part = run_script("describe_data.py", *arguments, "--split=test", cwd=tmp_path)
    assert part.returncode == 0
    assert part.stdout.startswith("darkfield, test: 1 images")


def test_a_mistake_is_one_line(tmp_path):
    result = run_script("describe_data.py", "--dataset=darkfield", cwd=tmp_path)
    assert_one_line_error(result, "--data_dir is required with --dataset=darkfield")


def test_embedded_streets_have_every_class(tmp_path):
    arguments = ["--dataset=streets_game", "--split=validation", "--verbosity=-1"]
    result = run_script("describe_data.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("streets_game, validation: 50 images of 128 x 256 pixels")
    rows = [line.split() for line in result.stdout.splitlines()]
    classes = [row for row in rows if len(row) == 5 and row[0].isdecimal()]
    assert [row[0] for row in classes] == [str(class_id) for class_id in range(19)]
    assert all(int(row[4]) > 0 for row in classes)


def test_files_are_described_without_a_copy(tmp_path):
    arguments = ["--dataset=gta5", "--prepare=none", f"--prepared_dir={tmp_path}/p"]
    result = run_script("describe_data.py", *arguments, f"--data_dir={GTA5}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("gta5, all: 5 images of 20 x 36 pixels")
    assert list(tmp_path.iterdir()) == []
    result = run_script("describe_data.py", *arguments, f"--data_dir={GTA5.parent}", cwd=tmp_path)
    assert_one_line_error(result, "lacks images and labels; they are in", "give that folder")


def test_a_flagfile_to_start_from_is_written_once(tmp_path):
    arguments = ["--dataset=darkfield", f"--data_dir={DUMMY_DATA}", f"--prepared_dir={tmp_path}/p"]
    arguments += ["--suggest=my.flags", "--val_fraction=0.2", "--test_fraction=0", "--verbosity=-1"]
    result = run_script("describe_data.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("suggestion: my.flags\n")
    lines = (tmp_path / "my.flags").read_text().splitlines()
    assert {f"--data_dir={DUMMY_DATA}", "--crop_size=16,16", "--depth=1"} <= {*lines}
    again = run_script("describe_data.py", *arguments, cwd=tmp_path)
    assert_one_line_error(again, "--suggest=my.flags: already exists")
