"""Runs from Python, with arrays instead of files and functions instead of flags."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tfadvseg.config import Config, DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette
from tfadvseg.data.examples import Examples, check_labels
from tfadvseg.data.sources import Splits
from tfadvseg.errors import UserError
from tfadvseg.evaluation.report import evaluate_sections
from tfadvseg.export.predictor import Predictor
from tfadvseg.methods.method import Method
from tfadvseg.run.experiment import run_experiment
from tfadvseg.run.parts import Parts
from tfadvseg.run.result import Result
from tfadvseg.training.state import DiscriminatorBuilder, SegmenterBuilder

Pairs: TypeAlias = Iterable[tuple[Any, Any]]
"""Pairs of an image, uint8 [H,W] or [H,W,C], and its label, integers [H,W]: arrays or tensors, in a
list, a generator or a `tf.data.Dataset`."""


def train(
    config: Config,
    *,
    segmenter: SegmenterBuilder | None = None,
    discriminator: DiscriminatorBuilder | None = None,
    method: Method | None = None,
    examples: Pairs | None = None,
    validation: Pairs | None = None,
    class_names: Sequence[str] = (),
    foreground_class: str = "",
) -> Result:
    """Trains a run, or continues it, as `scripts/train.py` does with the same configuration.

    Args:
        config: configuration of the run. All files go to its `output_dir`.
        segmenter: your own S: a function of (channels of an image, logits per pixel) to a Keras
            model of normalised images [B,H,W,C] float32 of any size to logits [B,H,W,K] float32. K
            is 1 for two classes. The function is called once per copy of S, in the run's precision.
        discriminator: your own D: a function of ((height, width), channels of a map) to a Keras
            model of maps [B,H,W,channels] float32 to logits [B,h,w,1] float32.
        method: your own method, a `Method`. `config.method.method` names the method whose options
            and batches it takes.
        examples, validation: your own images and labels, instead of a dataset; give both or
            neither. Class ids in labels are 0, 1, ...; 255 marks pixels to ignore.
        class_names: names of the classes in your examples.
        foreground_class: name of the class inside objects that are separated by boundaries; adds
            the metrics V_rand and V_info.

    Returns:
        The contents of the run's `summary.json`.

    Raises:
        UserError: a part, the data or the configuration does not fit; the message names it.
        training.stopping.Stopped: SIGTERM, SIGINT, or an absent or lost worker, ended the
            run; what was saved is intact.
    """
    if not isinstance(config, Config):
        raise UserError(f"config: is {type(config).__name__}; give a tfadvseg.Config.")
    if discriminator is not None and method is None and not config.method.uses_discriminator:
        raise UserError(
            f"discriminator: --method={config.method.method} with these weights trains none; leave "
            "it out."
        )
    splits = None
    if (examples is None) != (validation is None):
        raise UserError("examples and validation go together: give both, or neither.")
    if examples is not None and validation is not None:
        if config.target.dataset:
            raise UserError(
                "examples: not possible with --target_dataset; name a dataset per domain."
            )
        splits = _splits(examples, validation, class_names, foreground_class)
    return run_experiment(config, Parts(segmenter, discriminator, method, splits))


def evaluate(predictor: Predictor, examples: Pairs) -> dict[str, float]:
    """Evaluates a model on whole images.

    Args:
        predictor: predictor of a run or an export (`load_predictor`).
        examples: images and labels.

    Returns:
        The metrics of `evaluation.report.evaluate_sections`, by name.

    Raises:
        UserError: the examples do not fit the model.
    """
    collected = collect_pairs(examples, "examples")
    channels = collected.images[0].shape[-1]
    if channels != predictor.spec.image_channels:
        raise UserError(
            f"examples: images have {channels} channels, but the model takes "
            f"{predictor.spec.image_channels}."
        )
    check_labels(collected, predictor.spec.num_classes)
    return evaluate_sections(predictor, collected).metrics


def collect_pairs(pairs: Pairs, name: str) -> Examples:
    """Reads pairs of an image and a label into memory.

    Args:
        pairs: the pairs.
        name: name of the examples in messages and in their keys: `name-0000`, ...

    Raises:
        UserError: there are none, a shape or dtype is wrong, or numbers of channels differ.
    """
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    if not isinstance(pairs, Iterable):
        raise UserError(f"{name}: {type(pairs).__name__}; give pairs (image, label).")
    for number, pair in enumerate(pairs):
        where = f"{name}[{number}]"
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UserError(f"{where}: {type(pair).__name__}; give a tuple (image, label).")
        image, label = (np.asarray(each) for each in pair)
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise UserError(
                f"{where}: the image is {image.dtype} {image.shape}; give uint8 [height, width] or "
                "[height, width, channels]."
            )
        image = image if image.ndim == 3 else image[:, :, np.newaxis]
        if images and image.shape[-1] != images[0].shape[-1]:
            raise UserError(
                f"{where}: has {image.shape[-1]} channels, but {name}[0] has {images[0].shape[-1]}."
            )
        label = label[..., 0] if label.ndim == 3 and label.shape[-1] == 1 else label
        if label.ndim != 2 or label.dtype.kind not in "iu":
            raise UserError(
                f"{where}: the label is {label.dtype} {label.shape}; give integers [height, width]."
            )
        if label.size and not 0 <= label.min() <= label.max() <= 255:
            raise UserError(
                f"{where}: the label has values from {label.min()} to {label.max()}; class ids are "
                "0 to 254."
            )
        images.append(image)
        labels.append(label.astype(np.uint8))
    if not images:
        raise UserError(f"{name}: there are no images.")
    keys = tuple(f"{name}-{number:04d}" for number in range(len(images)))
    return Examples(keys, tuple(images), tuple(labels))


def _splits(
    examples: Pairs, validation: Pairs, class_names: Sequence[str], foreground_class: str
) -> Splits:
    names = () if isinstance(class_names, str) else tuple(class_names)
    if len(names) < 2:
        raise UserError("class_names: give one name per class, at least two.")
    if foreground_class and foreground_class not in names:
        raise UserError(f"foreground_class={foreground_class}: not one of {', '.join(names)}.")
    parts = [collect_pairs(examples, "examples"), collect_pairs(validation, "validation")]
    channels = [part.images[0].shape[-1] for part in parts]
    if channels[0] != channels[1]:
        raise UserError(
            f"validation: images have {channels[1]} channels, but examples have {channels[0]}."
        )
    for part in parts:
        check_labels(part, len(names))
    descriptor = DatasetDescriptor(
        name="own",
        class_names=names,
        palette=default_palette(len(names)),
        image_channels=channels[0],
        foreground_class=names.index(foreground_class) if foreground_class else None,
    )
    return Splits(descriptor, parts[0], parts[1], DataConfig(dataset=descriptor.name))
