"""Records of runs that were made before an option existed."""

import pytest

from tests.testing_utils import parse
from tfadvseg.errors import UserError
from tfadvseg.files.seals import sealed_lines
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


def test_flags_of_a_run_that_are_not_what_it_wrote_are_refused(tmp_path):
    path = tmp_path / "run.flags"
    whole = sealed_lines(flags_text(parse("--dataset=isbi2012", "--width=4")))
    path.write_text(whole)
    assert read_flagfile(path) == parse("--dataset=isbi2012", "--width=4")
    for changed in (whole[:300], whole.replace("--width=4", "--width=8"), whole[:40]):
        path.write_text(changed)
        with pytest.raises(UserError, match=r"run\.flags: (is not what the run wrote|empty)"):
            read_flagfile(path)
    # Taken as they are once the checksum is removed, as are those of earlier versions.
    path.write_text(whole.partition("\n")[2].replace("--width=4", "--width=8"))
    assert read_flagfile(path).segmenter.width == 8


@pytest.mark.parametrize("content", ["", "\n\n", "# a comment\n"])
def test_empty_flags_of_a_run_are_not_those_of_the_default_run(tmp_path, content):
    (tmp_path / "run.flags").write_text(content)
    with pytest.raises(UserError, match=r"run\.flags: empty"):
        read_flagfile(tmp_path / "run.flags")


@pytest.mark.parametrize("content", [b"\x8f\x07 noise\n\x81", b"--dataset=membranes\nnoise\n"])
def test_lines_that_are_no_flags_are_refused(tmp_path, content):
    (tmp_path / "run.flags").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.flags: .* is no flag"):
        read_flagfile(tmp_path / "run.flags")
