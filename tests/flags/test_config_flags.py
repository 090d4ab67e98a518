"""Flags to configuration and back, and the flags that are refused."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from absl import flags as absl_flags

from tests.testing_utils import parse
from tfadvseg.config import (
    Config,
    DataConfig,
    MethodConfig,
    OptimizerConfig,
    RunConfig,
    piecewise_value,
)
from tfadvseg.config.method import METHOD_OPTIONS
from tfadvseg.config.options import names_in, options_of
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


KINDS_OF_WEIGHTS = [
    "0.5",
    "ratio:0.1",
    "ratio:0:0,3:0.2",
    "linear:0:0,10:0.1",
    "gaussian:40:0.1",
    "ratio:linear:0:0,10:0.1",
]


@pytest.mark.parametrize(
    "arguments", [(), EVERYTHING, *((f"--lambda_adv={text}",) for text in KINDS_OF_WEIGHTS)]
)
def test_flagfile_text_reads_back_as_the_same_configuration(arguments, tmp_path):
    config = parse(*arguments)
    (tmp_path / "run.flags").write_text("# a comment\n\n" + flags_text(config))
    assert read_flagfile(tmp_path / "run.flags") == config
    assert parse(f"--flagfile={tmp_path / 'run.flags'}") == config


def test_lambda_by_epoch():
    pieces = parse("--lambda_adv=0:0.1,3:1.0").method.lambda_adv
    assert [piecewise_value(pieces, epoch) for epoch in range(5)] == [0.1, 0.1, 0.1, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "progress", "value"),
    [
        ("linear:0:0,10:0.1", 2.5, 0.025),
        ("linear:0:0,10:0.1", 12.0, 0.1),
        ("linear:0:1,2:3,4:3", 1.5, 2.5),
        ("ratio:0:0,3:0.2", 2.9, 0.0),
        ("ratio:0:0,3:0.2", 3.0, 0.2),
        # exp(-5), exp(-5/4) and 1 times the last value, by whole epochs
        ("gaussian:200:0.1", 0.0, 0.1 * 0.006737947),
        ("gaussian:200:0.1", 100.9, 0.1 * 0.286504797),
        ("gaussian:200:0.1", 300.0, 0.1),
    ],
)
def test_weights_that_ramp(text, progress, value):
    method = parse(f"--lambda_adv={text}").method
    (name, got), *_ = method.adversarial_weight(progress).items()
    assert got == pytest.approx(value)
    assert name == ("lambda_adv_ratio" if text.startswith("ratio") else "lambda_adv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lambda_adv=ratio:0"], "--lambda_adv=ratio:0.0: is 0 in every epoch"),
        (["--lambda_adv=linear:0:0.1"], "needs two epochs or more"),
        (["--lambda_adv=linear:1:0,2:0.1"], "start at 0"),
        (["--lambda_adv=gaussian:0.1"], "gaussian:epochs:value"),
        (["--lambda_adv=gaussian:1:0.1,2:0.2"], "gaussian:epochs:value"),
        (["--method=supervised", "--lambda_adv=ratio:0.1"], "--lambda_adv=ratio:0.1: "),
        (["--d_r1_every=4"], "--d_r1_every=4: has no effect without --d_r1"),
        (["--d_r1=-1"], "--d_r1=-1.0"),
        (["--method=supervised", "--d_r1=1"], "--d_r1=1.0: is for --method="),
        (["--gan=hinge", "--d_label_smoothing=0.1"], "--d_label_smoothing=0.1: --gan=hinge"),
    ],
)
def test_bad_weights_and_penalties_are_refused(arguments, words):
    with pytest.raises(UserError, match=re.escape(words)):
        parse(*arguments)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--lambda_adv=1:0.5", "start at 0"),
        ("--lambda_adv=-1", "at least 0"),
        ("--crop_size=128", "height,width"),
        ("--augment=wobble", "--augment=wobble: unknown; choose one of rotate"),
        ("--val_fraction=1.5", "--val_fraction=1.5"),
        ("--epochs=0", "--epochs=0: must be greater than 0"),
        ("--global_batch_size=-2", "--global_batch_size=-2"),
        ("--d_truth_tau=2", "--d_truth_tau=2.0"),
        ("--s_learning_rate=0", "learning_rate=0.0"),
        ("--train_list=a.txt", "go together"),
        ("--keep_checkpoints=1", "at least 2"),
        ("--output_dir=", "--output_dir=: name a folder"),
        ("--data_dir=", "--data_dir=: name a folder"),
        (f"--width={10**20}", "too large a number; take at most 2147483647"),
        (f"--epochs={10**19}", "--epochs=10000000000000000000: too large"),
        (f"--val_windows={10**11}", "--val_windows=100000000000: too large"),
        (f"--global_batch_size={10**9}", "too many windows for a batch; take at most 65536"),
        ("--resize=99999,99999", "at most 16384 per side"),
        ("--depth=99", "--depth=99: too many; take at most 8"),
        ("--d_depth=20", "--d_depth=20: too many; take at most 8"),
        ("--d_r1=inf", "--d_r1=inf: must be a finite number"),
        ("--s_learning_rate=inf", "--s_learning_rate=inf: must be a finite number"),
        ("--d_clip_norm=nan", "--d_clip_norm=nan: must be a finite number"),
    ],
)
def test_bad_values_are_refused_by_name(argument, words):
    with pytest.raises(UserError, match=words):
        parse(argument)


@pytest.mark.parametrize(
    ("argument", "form"),
    [
        ("--lambda_adv=0:0.5,x", "value, or epoch:value,epoch:value,..."),
        ("--crop_size=a,b", "height,width"),
        ("--value_map=255", "value:class,value:class,..."),
        ("--class_weights=many", "none, one_minus_frequency, median_frequency, or number,number"),
        ("--mean=1,x", "number,number,..."),
    ],
)
def test_values_of_another_form_are_refused(argument, form):
    with pytest.raises(absl_flags.Error, match=re.escape(f"{argument}: write it as {form}")):
        parse(argument)


@pytest.mark.parametrize(
    ("section", "fields", "words"),
    [
        (RunConfig, {"epochs": "1"}, "--epochs=1: is str; from Python give int."),
        (RunConfig, {"epochs": True}, "--epochs=True: is bool; from Python give int."),
        (
            RunConfig,
            {"output_dir": Path("a")},
            "--output_dir=a: is PosixPath; from Python give str.",
        ),
        (DataConfig, {"crop_size": [32, 32]}, "is list; from Python give tuple[int, int]."),
        (DataConfig, {"crop_size": (32.0, 32.0)}, "from Python give tuple[int, int]."),
        (DataConfig, {"class_names": "cell"}, "is str; from Python give tuple[str, ...]."),
        (MethodConfig, {"lambda_adv": 0.1}, "--lambda_adv=0.1: is float; from Python give"),
        (
            OptimizerConfig,
            {"learning_rate": "1"},
            "learning_rate=1: is str; from Python give float.",
        ),
    ],
)
def test_values_of_another_type_are_refused(section, fields, words):
    with pytest.raises(UserError, match=re.escape(words)):
        section(**fields)


def test_whole_numbers_are_numbers():
    assert RunConfig(ema=0, test_scales=(1, 2)).test_scales == (1, 2)
    assert OptimizerConfig(learning_rate=np.float64(0.1), warmup=np.int64(3)).warmup == 3


def test_flagfiles_that_come_with_the_package_are_read_by_name():
    assert read_flagfile("demo").run.output_dir == "runs/demo"
    with pytest.raises(
        UserError, match=r"nosuch: no such file; give a file, or one of .*, camvid_best"
    ):
        read_flagfile("nosuch")


def test_rate_epochs_are_for_rates_that_end():
    with pytest.raises(UserError, match="--rate_epochs=5: applies to poly and cosine"):
        parse("--rate_epochs=5", "--s_rate=step", "--s_rate_steps=2")
    parse("--rate_epochs=5", "--epochs=5", "--d_rate=poly")
    with pytest.raises(UserError, match=r"--rate_epochs=5: .* 0 from then until .* --epochs=6"):
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
        "--lambda_adv (was 0.1, now 0.5)",
        "--seed (was 0, now 4)",
    ]


FLAGFILES = sorted((Path(__file__).parents[2] / "configs").glob("*.flags"))


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfiles_parse(path):
    assert parse(f"--flagfile={path}") == read_flagfile(path)
    assert read_flagfile(path).run.output_dir == f"runs/{path.stem}"


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
        (
            ("--target_dataset=cells",),
            "--method=source_only, adabn, .*, not adversarial",
        ),
        (("--iter_size=2",), "--iter_size=2: is for --method=source_only, adabn"),
        (
            ("--gan=ls", "--method=supervised"),
            "--gan=ls: is for --method=adversarial, adaptation",
        ),
        (
            ("--method=adaptation", "--target_dataset=cells", "--d_image=none"),
            "--d_image=none: is for --method=adversarial",
        ),
        (("--method=source_only", "--boundary_weight=10"), "--boundary_weight"),
        (("--method=supervised", "--schedule=alternating"), "--schedule"),
        (("--s_decay=0.1", "--s_rate=poly"), "_decay"),
        (("--ema=1.5",), "--ema"),
        (("--resize=5",), "--resize"),
        (("--augment=scale", "--scale_range=1,1"), "--scale_range=1,1: scales nothing"),
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


def test_flags_of_d_are_refused_where_no_d_is_trained():
    given = ("--d_depth=4", "--d_image=none", "--d_optimizer=sgd", "--d_momentum=0.5")
    undo = ("--d_depth=3", "--d_image=concat", "--d_optimizer=adam", "--d_momentum=0.9")
    message = (
        f"{' '.join(given)}: are for --method=adversarial, dan, not supervised; leave them out, "
        f"or add {' '.join(undo)}."
    )
    with pytest.raises(UserError, match=re.escape(message)):
        parse("--method=supervised", *given)


def test_the_error_for_an_adversarial_flagfile_shows_how_to_train_s_alone():
    flagfile = f"--flagfile={FLAGFILES[0].parent / 'isbi2012_alternating.flags'}"
    with pytest.raises(UserError, match="not supervised; leave them out, or add") as error:
        parse(flagfile, "--method=supervised")
    undo = str(error.value).split("or add ")[1].rstrip(".").split()
    config = parse(flagfile, "--method=supervised", *undo)
    assert config.segmenter == parse(flagfile).segmenter
    assert config.discriminator == parse("--method=supervised").discriminator


def test_records_of_earlier_versions_may_hold_flags_without_effect(tmp_path):
    # Written before flags of D were refused, with the resolved values of defaults.
    lines = ["--method=supervised", "--discriminator=patch", "--d_width=32", "--lambda_adv=0.1"]
    lines += ["--d_depth=5", "--seed=3", "--batch_norm_momentum=0.9"]
    (tmp_path / "run.flags").write_text("\n".join(lines))
    recorded = read_flagfile(tmp_path / "run.flags")
    assert differing_flags(recorded, parse("--method=supervised", "--seed=3")) == []
    parse("--flagfile=" + str(tmp_path / "run.flags"), "--d_depth=3")
    # Elsewhere the same values are refused, though other methods have them as defaults.
    for line in lines[1:4]:
        with pytest.raises(UserError, match="not supervised; leave it out, or add"):
            parse("--method=supervised", line)


def test_every_option_has_help_that_begins_with_the_thing():
    for option in options_of(Config):
        assert option.help[0].isupper() and option.help.endswith("."), option.name
        assert not option.help.startswith(("Of ", "In which")), option.name
        assert "{" not in option.help and "*_" not in option.help.replace("*_label", ""), (
            option.name
        )


def test_every_option_of_a_method_is_an_option():
    names = {option.name for option in options_of(Config)}
    for method, taken in METHOD_OPTIONS.items():
        assert taken <= names, method
    of_methods = frozenset().union(*METHOD_OPTIONS.values())
    assert names_in(MethodConfig) - of_methods == {"method"}


@pytest.mark.parametrize(
    "given",
    ["--test_scales=0.5,1", "--mean=122.67891434,116,104.5", "--lambda_adv=0:0.1,3:1.0"],
)
def test_lists_are_written_as_they_are_typed(given):
    assert given in flags_text(parse(given, *(["--std=1,1,1"] if "mean" in given else [])))
