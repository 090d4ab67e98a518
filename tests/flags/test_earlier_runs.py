"""Records of runs that were made before an option existed."""

import pytest

from tests.testing_utils import parse
from tfadvseg.flags.flagfile import differing_flags, flags_text, read_flagfile


def earlier(tmp_path, *arguments: str):
    """What `run.flags` of a version without `--batch_norm_momentum` says."""
    text = flags_text(parse(*arguments))
    lines = [line for line in text.splitlines() if "batch_norm_momentum" not in line]
    (tmp_path / "run.flags").write_text("\n".join(lines) + "\n")
    return read_flagfile(tmp_path / "run.flags")


def test_a_run_that_records_no_momentum_had_keras_s(tmp_path):
    old = earlier(tmp_path, "--segmenter=unet")
    assert old.segmenter.batch_norm_momentum == 0.99
    (difference,) = differing_flags(old, parse("--segmenter=unet"))
    assert difference == "--batch_norm_momentum (was 0.99, now 0.9)"
    assert not differing_flags(old, parse("--segmenter=unet", "--batch_norm_momentum=0.99"))


@pytest.mark.parametrize("segmenter", ["fcn", "segnet", "deeplab_v2"])
def test_networks_without_the_option_are_read_as_they_were(segmenter, tmp_path):
    old = earlier(tmp_path, f"--segmenter={segmenter}")
    assert not differing_flags(old, parse(f"--segmenter={segmenter}"))


def test_a_flagfile_of_a_person_takes_the_default(tmp_path):
    path = tmp_path / "mine.flags"
    path.write_text("--segmenter=unet\n")
    assert read_flagfile(path).segmenter.batch_norm_momentum == 0.9
