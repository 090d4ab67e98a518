"""Checks of a run before its long work begins."""

from dataclasses import dataclass
from pathlib import Path

from absl import logging

from tfadvseg.config import LAST, Config, DataConfig
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Examples, check_window, fitting
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.sets.catalogue import find_dataset, known_descriptor
from tfadvseg.data.sources import Splits, check_target_descriptor, has_labelled_target
from tfadvseg.errors import UserError, of_target, of_unlabelled
from tfadvseg.evaluation.label_metrics import LABEL_METRICS, label_metrics
from tfadvseg.files import model_spec
from tfadvseg.files.checkpoints import checkpoint_paths
from tfadvseg.files.seals import sealed_lines
from tfadvseg.flags.flagfile import differing_flags, flags_text, read_flagfile
from tfadvseg.losses.class_weights import given_weights
from tfadvseg.run.parts import Parts


@dataclass(frozen=True)
class Start:
    """The state in which a run starts.

    Attributes:
        output: the run's folder.
        begins: whether there is no checkpoint yet.
        as_flags: the run as a flagfile.
    """

    output: Path
    begins: bool
    as_flags: str


def check_start(config: Config, parts: Parts) -> Start:
    """Makes all checks that need no data; preparing data may take long.

    Raises:
        UserError: naming the flag.
    """
    output = Path(config.run.output_dir)
    begins = not checkpoint_paths(output / "checkpoints")
    check_continued(output, config, begins)
    check_source(config.segmenter, begins)
    if begins:
        check_domains(config)
    if parts.examples is None:
        if descriptor := known_descriptor(config.data):
            check_descriptor(config, descriptor)
        if config.target.dataset:
            check_target(config.target, descriptor)
        check_unlabelled(config)
    warn_of_steps(config)
    return Start(output, begins, sealed_lines(flags_text(config)))


def check_continued(output: Path, config: Config, begins: bool) -> None:
    """Refuses a folder that holds a converted model, or a run of another configuration.

    Args:
        output: the run's folder.
        config: the configuration given now.
        begins: whether there is no checkpoint yet; until there is one, flags may change.

    Raises:
        UserError: naming the flags that differ.
    """
    flagfile = output / model_spec.RUN_FLAGS
    if not flagfile.exists():
        if (output / model_spec.FILE_NAME).exists():
            raise UserError(
                f"--output_dir={output}: holds a converted model, which a run would replace. Give "
                "another --output_dir."
            )
    elif not begins and (differing := differing_flags(read_flagfile(flagfile), config)):
        raise UserError(
            f"--output_dir={output}: holds a run of another configuration: "
            f"{', '.join(differing)}. Give another --output_dir, or the earlier values."
        )


def check_domains(config: Config) -> None:
    """Refuses batch-norm statistics per domain where all images share them.

    Images without labels count as a second domain, whatever they show.

    Raises:
        UserError: naming the flag.
    """
    separates = bool(config.target.dataset or config.method.rules.unlabelled)
    if config.segmenter.batch_norm == "per_domain" and not separates:
        raise UserError(
            "--batch_norm=per_domain: there is no second domain; leave it out, or give "
            "--target_dataset, or a --method that learns from images without labels."
        )


def check_target(target: DataConfig, source: DatasetDescriptor | None) -> None:
    """Refuses, before the source's files are prepared, a target domain that is not like the source.

    Args:
        target: the target domain.
        source: what is known of the source before its files are read, or None.

    Raises:
        UserError: naming the flag, or both domains' classes or channels.
    """
    try:
        descriptor = _check_place(target)
        if source and descriptor:
            check_target_descriptor(source, descriptor)
    except UserError as error:
        raise of_target(error) from None


def check_unlabelled(config: Config) -> None:
    """Refuses, where that is known before files are prepared, that no image lacks its label.

    Raises:
        UserError: naming the flags that give such images.
    """
    few = config.few_labels
    if "images" not in config.method.rules.unlabelled or config.target.dataset:
        return
    if few.names_further_images:
        try:
            _check_place(few.further_data(config.data))
        except UserError as error:
            raise of_unlabelled(error) from None
    # A folder of the user's own may lack some labels.
    elif not few.labelled_images and not find_dataset(config.data.dataset).users_own:
        raise all_labelled(config)


def all_labelled(config: Config) -> UserError:
    """The error of a method that learns from images without labels where there are none."""
    domain = ""
    if config.method.rules.target != "refused":
        domain = ", or another domain by --target_dataset"
    return UserError(
        f"--method={config.method.method}: uses images without labels too, and there are none; "
        "give --labelled_images=N to use the labels of N training images only, or other images by "
        f"--unlabelled_dataset, --unlabelled_data_dir or --unlabelled_split{domain}."
    )


def _check_place(data: DataConfig) -> DatasetDescriptor | None:
    descriptor = known_descriptor(data)
    if data.data_dir is not None and not Path(data.data_dir).expanduser().is_dir():
        raise UserError(f"--data_dir={data.data_dir}: no such folder.")
    return descriptor


def warn_of_steps(config: Config) -> None:
    """Logs a warning if a stepwise learning rate has its first step after the last epoch."""
    for prefix, optimizer in (("s", config.s_optimizer), ("d", config.d_optimizer)):
        steps = optimizer.rate_steps
        if steps and steps[0] >= config.run.epochs:
            logging.warning(
                "--%s_rate_steps=%s: the learning rate never falls within --epochs=%d.",
                prefix,
                ",".join(map(str, steps)),
                config.run.epochs,
            )


def check_images(config: Config, splits: Splits, unlabelled: Examples | None) -> None:
    """Refuses images that do not suit the window size, the loss or the metric.

    Raises:
        UserError: naming the flag.
    """
    size = (config.data.crop_size, "crop_size")
    target_size = (config.target.crop_size, "target_crop_size")
    val_size = target_size if has_labelled_target(config) else size
    # With whole images for validation, only the images in the figures must hold a window.
    if config.data.val_windows or fitting(splits.val, val_size[0]) is None:
        check_window(splits.val, *val_size)
    if "scale" not in config.data.augment:
        check_window(splits.train, *size)
        if unlabelled is not None:
            check_window(unlabelled, *(target_size if config.target.dataset else size))
    _check_best_class(config.run.best_metric, splits)
    if config.loss.boundary_weight and any(
        isinstance(part.images, OnDisk) for part in (splits.train, splits.val)
    ):
        raise UserError(
            f"--boundary_weight: works only with images in memory, but those of "
            f"{splits.descriptor.name} stay on disk; leave it out."
        )


def check_descriptor(config: Config, descriptor: DatasetDescriptor) -> None:
    """Refuses flags that do not suit the dataset's channels or classes, and unknown metrics.

    Raises:
        UserError: naming the flag.
    """
    channels = descriptor.image_channels
    if config.data.mean and len(config.data.mean) != channels:
        raise UserError(
            f"--mean and --std: {len(config.data.mean)} numbers each, but images of "
            f"{descriptor.name} have {channels} channels; give one number per channel."
        )
    for flag, wrong in (
        ("--channel_order=bgr", config.data.channel_order == "bgr"),
        ("--augment=colour", "colour" in config.data.augment),
    ):
        if wrong and channels != 3:
            raise UserError(f"{flag}: images of {descriptor.name} are not in colour; leave it out.")
    if config.loss.boundary_weight and not descriptor.has_background:
        raise UserError(
            f"--boundary_weight: weighs background between objects, but {descriptor.name} has no "
            "background class; leave it out."
        )
    if not isinstance(config.loss.class_weights, str):
        given_weights(config.loss.class_weights, descriptor.class_names)
    valid, best = [LAST, "loss_seg"], config.run.best_metric
    for metric in label_metrics(descriptor.darkfield_accuracy).values():
        names = metric.names(descriptor.class_names)
        if best in names and metric.of_whole_images and config.data.val_windows:
            raise UserError(
                f"--best_metric={best}: is a mean over whole images; give --val_windows=0 to "
                "validate on whole images."
            )
        valid += names
    if best not in valid:
        raise UserError(f"--best_metric={best}: unknown; choose one of {', '.join(valid)}.")


def _check_best_class(best_metric: str, splits: Splits) -> None:
    """Refuses the metric of a class that no validation image contains: no epoch would be best."""
    for index, name in enumerate(splits.descriptor.class_names):
        of_class = {label for metric in LABEL_METRICS.values() for label in metric.names((name,))}
        if not best_metric.endswith(f"_{name}") or best_metric not in of_class:
            continue
        if not any((label == index).any() for label in splits.val.labels or ()):
            raise UserError(
                f"--best_metric={best_metric}: no validation image contains {name}; choose another "
                "metric or other validation images."
            )


def check_source(segmenter: SegmenterConfig, begins: bool) -> None:
    """Refuses missing files of initial weights if the run `begins`.

    Raises:
        UserError: naming the flag.
    """
    source = segmenter.weights_source
    if begins and source != "exact" and not segmenter.weights:
        raise UserError(
            f"--weights is required with --weights_source={source}: give the file, or "
            "--weights_source=exact to start from random weights."
        )
    for flag in ("weights", "backbone_weights"):
        path = getattr(segmenter, flag)
        if begins and path is not None and not Path(path).is_file():
            raise UserError(f"--{flag}={path}: no such file.")
