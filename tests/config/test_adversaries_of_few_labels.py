"""What AdvSemiSeg and DAN ask of their options."""

import pytest

from tests.testing_utils import parse
from tfadvseg.errors import UserError


def test_defaults_are_the_published_ones():
    config = parse("--method=advsemiseg", "--labelled_images=2")
    method, d = config.method, config.discriminator
    assert method.lambda_adv == ((0, 0.01),)
    assert (method.lambda_semi_adv, method.lambda_semi, method.semi_threshold) == (0.001, 0.1, 0.2)
    assert (d.discriminator, d.d_width) == ("fc", 64)
    dan = parse("--method=dan", "--labelled_images=2").discriminator
    assert (dan.discriminator, dan.d_width, dan.d_image, dan.d_dropout) == (
        "pooled",
        64,
        "concat",
        0.5,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method=advsemiseg", "--lambda_adv=0"], "--lambda_adv=0: builds no D"),
        (
            ["--method=dan", "--lambda_adv=0"],
            "--lambda_adv=0: S learns nothing from images without",
        ),
        (["--method=advsemiseg", "--semi_threshold=1.5"], "--semi_threshold=1.5: is a prob"),
        (["--method=advsemiseg", "--semi_start=-1"], "--semi_start=-1.0: must be at least 0"),
        (["--method=advsemiseg", "--epochs=3", "--semi_start=3"], "no pseudo-label counts in 3"),
        (["--method=advsemiseg", "--d_image=none"], "--d_image=none: is for --method="),
        (["--method=dan", "--semi_threshold=0.5"], "--semi_threshold=0.5: is for --method=adv"),
        (["--method=dan", "--crop_size=31,64"], "--crop_size=31,64: too small for the pooled"),
        (["--method=advsemiseg", "--gan=hinge", "--d_label_smoothing=0.1"], "no labels to smooth"),
        (["--method=dan", "--masks_dir=m"], r"not dan \(its D is shown predictions alone, never a"),
        (["--method=dan", "--d_truth=one_hot"], "never a true map"),
        (["--method=advsemiseg", "--compare=size_prior"], "--compare=size_prior: needs masks"),
        (["--method=dan", "--d_dropout=1"], "--d_dropout=1.0: take 0 to below 1"),
    ],
)
def test_what_cannot_work_is_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        parse(*arguments)


def test_every_method_with_answers_of_a_d_takes_ratios_and_comparisons():
    for method in ("advsemiseg", "dan"):
        parse(f"--method={method}", "--gan=relativistic", "--lambda_adv=ratio:0.1", "--d_r1=1")
    parse("--method=advsemiseg", "--masks_dir=m", "--d_ignored=shown", "--compare=size_prior")


@pytest.mark.parametrize("method", ["supervised", "size_prior", "self_training"])
def test_a_ratio_without_a_d_is_refused(method):
    with pytest.raises(UserError, match=f"--method={method} trains no D whose gradient"):
        parse(f"--method={method}", "--lambda_adv=ratio:0.1")
