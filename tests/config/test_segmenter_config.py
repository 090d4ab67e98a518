"""Options of each segmenter, and the ones that are refused."""

import dataclasses
from typing import get_args

import pytest

from tests.flags.test_config_flags import parse
from tfadvseg.config import Config
from tfadvseg.config.resolve import architecture, stride_of, used_segmenter
from tfadvseg.config.segmenter import SegmenterConfig, SegmenterName
from tfadvseg.errors import UserError
from tfadvseg.flags.flagfile import differing_flags, flags_text, read_flagfile


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (SegmenterConfig(), {"width": 32, "depth": 4, "upsampling": "resize"}),
        (
            SegmenterConfig("segnet"),
            {"width": 64, "depth": 3, "stage_convolutions": (2, 2, 2)},
        ),
        (SegmenterConfig("segnet", stage_convolutions=(2, 2, 3, 3, 3)), {"depth": 5}),
        (SegmenterConfig("segnet", depth=2), {"stage_convolutions": (2, 2)}),
        (SegmenterConfig("fcn"), {"width": 32, "depth": 4, "up_kernel": 4}),
        (SegmenterConfig("strided_unet", upsampling="resize"), {"up_kernel": 3}),
        (SegmenterConfig("fcn8s"), {"width": 64, "upsampling": "transposed", "up_kernel": 0}),
        (SegmenterConfig("deeplabv3plus"), {"upsampling": "resize", "backbone": "resnet50_v2"}),
    ],
)
def test_own_values(config, own):
    resolved = used_segmenter(config)
    assert {name: getattr(resolved, name) for name in own} == own
    assert used_segmenter(resolved) == resolved


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (SegmenterConfig(), 16),
        (SegmenterConfig(depth=2), 4),
        (SegmenterConfig("segnet"), 8),
        (SegmenterConfig("segnet", stage_convolutions=(1, 1)), 4),
        (SegmenterConfig("fcn8s"), 32),
        (SegmenterConfig("deeplabv3plus"), 32),
    ],
)
def test_stride(config, stride):
    assert stride_of(config) == stride


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--segmenter=fcn8s", "--depth=5"], r"--depth=5: is for --segmenter=unet, .*, not fcn8s"),
        (["--segmenter=deeplabv3plus", "--width=8"], "--width=8: is for .*or add --width=0"),
        (["--segmenter=segnet", "--upsampling=resize"], "--upsampling=resize: is for --segmenter="),
        (["--stage_convolutions=2,2"], "--stage_convolutions=2,2: is for --segmenter=segnet, not"),
        (["--segnet_decoder=darkfield"], "is for --segmenter=segnet, not unet"),
        (["--up_kernel=4"], "--up_kernel=4: is for --segmenter=fcn, strided_unet, not"),
        (["--allow_checkerboard"], "or add --noallow_checkerboard"),
        (
            ["--segmenter=fcn", "--allow_checkerboard", "--upsampling=resize"],
            "--allow_checkerboard: --upsampling=resize causes no checkerboard",
        ),
        (["--backbone=resnet18_v2"], "is for --segmenter=deeplabv3plus"),
        (["--backbone_weights=a.h5"], "for --segmenter=fcn8s, deeplabv3plus"),
        (["--upsampling=transposed"], "--segmenter=unet always interpolates"),
        (["--width=-1"], "--width=-1: give more than 0"),
        (["--segmenter=segnet", "--stage_convolutions=2,0"], "at least one convolution"),
        (["--segmenter=segnet", "--stage_convolutions=2,2", "--depth=3"], "2 stages, but --dep"),
        (["--segmenter=fcn", "--up_kernel=3"], "checkerboard.*2 and 1 of its taps.*multiple of 2"),
        (["--segmenter=fcn", "--up_kernel=5", "--upsampling=transposed"], "3 and 2 of its taps"),
    ],
)
def test_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        parse(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--segmenter=fcn", "--up_kernel=3", "--allow_checkerboard"],
        ["--segmenter=strided_unet", "--up_kernel=5", "--upsampling=resize"],
        ["--segmenter=segnet", "--stage_convolutions=2,2,3,3,3", "--segnet_decoder=darkfield"],
        ["--segmenter=deeplabv3plus", "--backbone=resnet18_v2", "--backbone_weights=a.h5"],
        ["--upsampling=resize", "--width=8"],
    ],
)
def test_accepted_and_written_back(arguments, tmp_path):
    config = parse(*arguments)
    (tmp_path / "run.flags").write_text(flags_text(config))
    assert read_flagfile(tmp_path / "run.flags") == config


def test_a_runs_description_knows_no_initial_weights():
    config = SegmenterConfig("fcn8s", backbone_weights="gone.h5")
    assert architecture(config) == used_segmenter(SegmenterConfig("fcn8s"))


def test_giving_the_networks_own_value_is_no_difference():
    def run(**fields) -> Config:
        return dataclasses.replace(Config(), segmenter=SegmenterConfig(**fields))

    assert differing_flags(run(), run(width=32, depth=4)) == []
    assert differing_flags(run(), run(width=16)) == ["--width (was 32, now 16)"]


def test_every_name_resolves():
    for name in get_args(SegmenterName):
        assert used_segmenter(SegmenterConfig(name)).segmenter == name


def test_the_source_of_the_weights_sets_where_bottlenecks_stride():
    torchvision = SegmenterConfig(
        segmenter="deeplab_v2", weights="resnet101.pth", weights_source="torchvision_resnet"
    )
    assert used_segmenter(torchvision).stride_place == "3x3"
    # The description of a model no longer contains the source of its weights.
    assert architecture(torchvision).stride_place == "3x3"
    assert used_segmenter(SegmenterConfig(segmenter="deeplab_v2")).stride_place == "1x1"
