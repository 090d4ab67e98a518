"""Flags to configuration and back, and what is refused."""

import dataclasses
from pathlib import Path

import pytest
from absl import flags as absl_flags

from tests.testing_utils import parse
from tfadvseg.config import Config, DataConfig, MethodConfig, piecewise_value
from tfadvseg.errors import UserError
from tfadvseg.flags.flagfile import differing_flags, flags_text, read_flagfile


def test_no_flags_is_the_default_configuration():
    assert parse() == Config()


EVERYTHING = (
    "--dataset=folder",
    "--data_dir=somewhere",
    "--value_map=0:0,255:1",
    "--class_names=soil,root",
    "--crop_size=96,128",
    "--augment=",
    "--nodeterministic",
    "--compare",
    "--lambda_adv=0:0.1,3:1.0",
    "--s_optimizer=rmsprop",
    "--d_learning_rate=0.0003",
    "--seed=7",
)


def test_values_reach_their_fields():
    config = parse(*EVERYTHING)
    assert config.data.value_map == ((0, 0), (255, 1))
    assert config.data.class_names == ("soil", "root")
    assert config.data.crop_size == (96, 128)
    assert config.data.augment == ()
    assert not config.run.deterministic
    assert config.method.compare
    assert config.method.lambda_adv == ((0, 0.1), (3, 1.0))
    assert config.s_optimizer.optimizer == "rmsprop"
    assert config.d_optimizer.learning_rate == 0.0003
    assert config.run.seed == 7


@pytest.mark.parametrize("arguments", [(), EVERYTHING, ("--lambda_adv=0.5",)])
def test_flagfile_text_reads_back_as_the_same_configuration(arguments, tmp_path):
    config = parse(*arguments)
    (tmp_path / "run.flags").write_text("# a comment\n\n" + flags_text(config))
    assert read_flagfile(tmp_path / "run.flags") == config
    assert parse(f"--flagfile={tmp_path / 'run.flags'}") == config


def test_lambda_by_epoch():
    pieces = parse("--lambda_adv=0:0.1,3:1.0").method.lambda_adv
    assert [piecewise_value(pieces, epoch) for epoch in range(5)] == [0.1, 0.1, 0.1, 1.0, 1.0]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--lambda_adv=1:0.5", "start at 0"),
        ("--lambda_adv=0:0.5,x", "--lambda_adv=0:0.5,x: write it as"),
        ("--lambda_adv=-1", "at least 0"),
        ("--crop_size=128", "height,width"),
        ("--crop_size=a,b", "write it as height,width"),
        ("--augment=wobble", "--augment=wobble: unknown; choose one of rotate"),
        ("--val_fraction=1.5", "--val_fraction=1.5"),
        ("--epochs=0", "--epochs=0: must be greater than 0"),
        ("--global_batch_size=-2", "--global_batch_size=-2"),
        ("--d_truth_tau=2", "--d_truth_tau=2.0"),
        ("--s_learning_rate=0", "learning_rate=0.0"),
        ("--train_list=a.txt", "go together"),
        ("--keep_checkpoints=1", "at least 2"),
        ("--value_map=255", "value:class"),
    ],
)
def test_bad_values_are_refused_by_name(argument, words):
    with pytest.raises(UserError, match=words):
        parse(argument)


def test_rate_epochs_are_for_rates_that_end():
    with pytest.raises(UserError, match="--rate_epochs=5: is for a learning rate that poly or"):
        parse("--rate_epochs=5", "--s_rate=step", "--s_rate_steps=2")
    parse("--rate_epochs=5", "--epochs=5", "--d_rate=poly")
    with pytest.raises(UserError, match=r"--rate_epochs=5: .* 0 from then on .* --epochs=6"):
        parse("--rate_epochs=5", "--epochs=6", "--d_rate=poly")


def test_flags_of_a_target_domain_need_one():
    with pytest.raises(UserError, match=r"--target_resize: .* give --target_dataset"):
        parse("--method=source_only", "--target_resize=20,20")
    parse("--method=source_only", "--target_resize=20,20", "--target_dataset=cells")


def test_deeplabs_image_pooling_needs_two_images():
    with pytest.raises(
        UserError, match="--global_batch_size=1: the image pooling of deeplabv3plus"
    ):
        parse("--segmenter=deeplabv3plus", "--global_batch_size=1")
    parse("--segmenter=deeplabv3plus", "--global_batch_size=2")
    parse("--segmenter=fcn8s", "--global_batch_size=1")


@pytest.mark.parametrize("argument", ["--dataset=mnist", "--method=magic", "--nosuchflag=1"])
def test_unknown_names_are_refused(argument):
    with pytest.raises(absl_flags.Error):
        parse(argument)


def test_encoder_discriminator_needs_windows_it_can_halve():
    with pytest.raises(UserError, match=r"--crop_size=100,96.*multiples of 16"):
        parse("--discriminator=encoder", "--d_depth=4", "--crop_size=100,96")
    parse("--discriminator=patch", "--d_depth=4", "--crop_size=100,96")


@pytest.mark.parametrize(
    ("arguments", "flag", "least"),
    [
        (["--discriminator=fc", "--crop_size=32,31"], "crop_size=32,31", 32),
        (["--segmenter=deeplab_v2_vgg", "--crop_size=7,32"], "crop_size=7,32", 8),
        (
            ["--method=adaptation", "--target_dataset=cells", "--target_crop_size=31,64"],
            "target_crop_size=31,64",
            32,
        ),
    ],
)
def test_windows_that_strides_leave_nothing_of_are_refused(arguments, flag, least):
    with pytest.raises(UserError, match=f"--{flag}: too small .* at least {least},{least}"):
        parse(*arguments)


def test_differing_flags_names_those_that_matter():
    old = Config()
    new = dataclasses.replace(
        old,
        method=MethodConfig(lambda_adv=((0, 0.5),)),
        data=DataConfig(data_dir="moved", train_list="moved", val_list="moved"),
        run=dataclasses.replace(old.run, epochs=99, output_dir="elsewhere", seed=4),
    )
    assert differing_flags(old, new) == [
        "--seed (was 0, now 4)",
        "--lambda_adv (was 0.1, now 0.5)",
    ]


FLAGFILES = sorted((Path(__file__).parents[2] / "configs").glob("*.flags"))


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfiles_parse(path):
    assert read_flagfile(path).run.output_dir == f"runs/{path.stem}"


def test_a_share_left_out_is_the_datasets_own():
    folder = DataConfig(dataset="folder")
    assert folder.fractions() == (0.2, None)
    assert DataConfig(dataset="folder", val_fraction=0.3).fractions() == (0.3, None)
    assert DataConfig(dataset="darkfield").fractions() == (0.1, 0.1)
    assert DataConfig(dataset="darkfield", test_fraction=0.0).fractions() == (0.1, 0)
    assert DataConfig(dataset="camvid").fractions() == (None, None)
    assert DataConfig(dataset="membranes", val_fraction=0.2).fractions() == (None, None)


@pytest.mark.parametrize(
    ("dataset", "fraction", "names"),
    [
        ("folder", 0.2, []),
        ("folder", 0.3, ["--val_fraction (was 0.3, now 0.2)"]),
        ("membranes", 0.2, []),
        ("camvid", 0.2, ["--val_fraction (was 0.2, now None)"]),
    ],
)
def test_a_share_written_out_does_not_differ_from_the_same_left_out(dataset, fraction, names):
    old = Config(data=DataConfig(dataset=dataset, val_fraction=fraction))
    assert differing_flags(old, Config(data=DataConfig(dataset=dataset))) == names


def test_shares_must_leave_something_to_train_on():
    message = "--val_fraction=0.5 and --test_fraction=0.5: leave nothing"
    with pytest.raises(UserError, match=message):
        DataConfig(dataset="darkfield", val_fraction=0.5, test_fraction=0.5)
    with pytest.raises(UserError, match=r"--test_fraction=1\.0: must be at least 0"):
        DataConfig(test_fraction=1.0)


def test_what_depends_on_the_method_is_filled_in():
    adapted = parse("--method=adaptation", "--target_dataset=cells", "--segmenter=deeplab_v2")
    assert adapted.method.lambda_adv == ((0, 0.001),)
    assert (adapted.discriminator.discriminator, adapted.discriminator.d_width) == ("fc", 64)
    assert adapted.segmenter.levels == 2
    plain = parse("--segmenter=deeplab_v2")
    assert plain.method.lambda_adv == ((0, 0.1),)
    assert (plain.discriminator.discriminator, plain.discriminator.d_width) == ("patch", 32)
    assert plain.segmenter.levels == 1, "nothing would train the other"
    assert not differing_flags(plain, parse("--segmenter=deeplab_v2", "--nomulti_level"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method=adaptation",), "--target_dataset"),
        (("--target_dataset=cells",), "--method=adaptation"),
        (("--iter_size=2",), "--global_batch_size"),
        (("--gan=ls",), "--gan=ls: is for --method=adaptation"),
        (("--gan=ls", "--method=supervised"), "--gan=ls: is for --method=adaptation"),
        (
            ("--method=adaptation", "--target_dataset=cells", "--d_image=none"),
            "--d_image=none: is for --method=adversarial",
        ),
        (("--method=source_only", "--boundary_weight=10"), "--boundary_weight"),
        (("--method=supervised", "--schedule=alternating"), "--schedule"),
        (("--s_decay=0.1", "--s_rate=poly"), "_decay"),
        (("--ema=1.5",), "--ema"),
        (("--resize=5",), "--resize"),
        (("--augment=scale", "--scale_range=1,1"), "--scale_range=1,1: nothing is scaled"),
        (("--target_crop_size=5",), "^target domain, whose flags begin with --target_: --crop"),
        (("--mean=1,2,3",), "--std"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        parse(*arguments)


def test_best_is_the_last_state_where_only_labels_of_a_target_could_tell():
    adapted = ("--method=adaptation", "--target_dataset=cells")
    assert parse().run.best_metric == "miou"
    assert parse(*adapted).run.best_metric == "last"
    assert parse(*adapted, "--best_metric=accuracy").run.best_metric == "accuracy"


@pytest.mark.parametrize("alone", ["--method=supervised", "--lambda_adv=0"])
def test_there_is_nothing_to_compare_without_a_discriminator(alone):
    with pytest.raises(UserError, match="--compare"):
        parse("--compare", alone)


@pytest.mark.parametrize("owner", ["s", "d"])
def test_optimizers_errors_name_their_flag(owner):
    with pytest.raises(UserError, match=f"^--{owner}_learning_rate=0"):
        parse(f"--{owner}_learning_rate=0")
