from pathlib import Path

from cli_testing import assert_one_line_error, run_script

from tfadvseg_datasets.darkfield import darkfield_dataset_builder

DUMMY_DATA = Path(darkfield_dataset_builder.__file__).parent / "dummy_data"


def test_a_dataset_and_a_part_of_it(tmp_path):
    arguments = ["--dataset=darkfield", f"--data_dir={DUMMY_DATA}", f"--prepared_dir={tmp_path}/p"]
    result = run_script("describe_data.py", *arguments, "--verbosity=-1", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("darkfield, all: 5 images of 16 x 16 to 31 x 32 pixels")
    rows = [line.split() for line in result.stdout.splitlines()]
    (spirochaetes,) = (row for row in rows if row[:2] == ["2", "spirochaete"])
    assert spirochaetes[-1] == "4"
    # Of each mask with spirochaetes: rows and columns that they fill.
    heights = {"001": (8, 32), "003": (5, 16), "004": (10, 25), "010": (8, 32)}
    assert spirochaetes[2] == str(sum(h * w for h, w in heights.values()))
    part = run_script("describe_data.py", *arguments, "--split=test", cwd=tmp_path)
    assert part.returncode == 0
    assert part.stdout.startswith("darkfield, test: 1 images")


def test_a_mistake_is_one_line(tmp_path):
    result = run_script("describe_data.py", "--dataset=darkfield", cwd=tmp_path)
    assert_one_line_error(result, "--data_dir: darkfield needs it")
