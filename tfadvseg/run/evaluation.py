"""Evaluation of a run or an export on labelled images, and its output files."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absl import logging

from tfadvseg.config import DataConfig, pixel_size
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Examples
from tfadvseg.data.sets.catalogue import find_dataset
from tfadvseg.data.sources import has_labelled_target, load_split
from tfadvseg.errors import UserError
from tfadvseg.evaluation.per_image import per_image_csv, write_image_sums
from tfadvseg.evaluation.report import Evaluation, evaluate_sections
from tfadvseg.evaluation.whole_images import TILE
from tfadvseg.export.choices import Network, Which
from tfadvseg.export.model_source import check_choices, is_run, load_model_spec, load_predictor
from tfadvseg.files import atomic
from tfadvseg.files.image_sums import IMAGE_SUMS
from tfadvseg.files.metrics_text import without_nan
from tfadvseg.files.model_spec import RUN_FLAGS, TRAINED_ON, ModelSpec
from tfadvseg.files.text import read_text
from tfadvseg.flags.flagfile import read_flagfile
from tfadvseg.reporting.confusion_figure import confusion_figure
from tfadvseg.run.recorded_data import check_found, recorded_config

_LONGEST_NAME = 150
"""Longest file name without suffixes, in characters; file systems allow 255."""


@dataclass(frozen=True)
class EvaluationOptions:
    """The model to evaluate, and the images.

    Attributes:
        model: a run's `--output_dir`, an export, or a folder of exports.
        data: the dataset; for a run see `evaluated_data`.
        split: as for `data.sources.load_split`.
        seed: seed of the split, for datasets without predefined splits.
        network, which, test_scales: as for `export.model_source.load_predictor`.
        tile: images higher or wider than this are predicted in overlapping tiles of this size.
        outlines: whether to measure outlines and objects, too.
        spacing: (height, width) of a pixel; empty takes the run's own.
    """

    model: str
    data: DataConfig
    split: str = "validation"
    seed: int = 0
    network: Network | None = None
    which: Which | None = None
    test_scales: tuple[float, ...] = ()
    tile: int = TILE
    outlines: bool = True
    spacing: tuple[float, ...] = ()


@dataclass(frozen=True)
class EvaluatedModel:
    """A model's metrics on images, with the model and the options.

    Attributes:
        source: origin of the weights.
        spec: spec of the model, with the image scales that were averaged.
        options: the options of the evaluation.
        keys: names of the N images.
        evaluation: metrics, and a confusion matrix per image.
    """

    source: str
    spec: ModelSpec
    options: EvaluationOptions
    keys: tuple[str, ...]
    evaluation: Evaluation


def run_folder(model: str) -> Path | None:
    """The folder of a run; None for an export.

    Raises:
        UserError: there is no such folder.
    """
    if not Path(model).is_dir():
        raise UserError(f"--model={model}: no such folder; give a run or an export.")
    return Path(model) if is_run(model) else None


def evaluated_data(
    given: DataConfig, changed: Mapping[str, Any], seed: int | None, run_dir: Path | None
) -> tuple[DataConfig, int]:
    """The dataset to evaluate on and its seed: the run's, with some fields changed, or another.

    Args:
        given: the dataset if it is not the run's.
        changed: the fields of `given` that the user set; the others are defaults.
        seed: seed of the split; None for the run's, or 0.
        run_dir: folder of a run; if its target domain is labelled, its dataset is the target's.

    Raises:
        UserError: no dataset is given, and the model does not record its own.
    """
    if run_dir is None or not (run_dir / RUN_FLAGS).exists():
        if "dataset" not in changed:
            raise UserError(
                "--dataset is required, because this model does not record its data; add "
                "--data_dir unless the dataset is embedded."
            )
        return given, seed or 0
    if "examples" in ModelSpec.load(run_dir).own_parts and "dataset" not in changed:
        raise UserError(
            f"--model={run_dir}: was trained on examples given from Python; give --dataset and "
            "--data_dir, or evaluate it from Python."
        )
    trained = recorded_config(run_dir)
    seed = trained.run.seed if seed is None else seed
    data = trained.target if has_labelled_target(trained) else trained.data
    if changed.get("dataset", data.dataset) != data.dataset:
        return given, seed
    if "data_dir" not in changed:
        check_found(data, run_dir)
    return dataclasses.replace(data, **changed), seed


def evaluate_model(options: EvaluationOptions) -> EvaluatedModel:
    """Evaluates a model on whole images; images are read and checked before the model is loaded.

    Logs a warning if images of a split other than `train` and `all` were trained on.

    Raises:
        UserError: the model or the images cannot be read, the images have no labels, they have
            other classes or channels than the model takes, or `tile` is too small.
    """
    run_dir = run_folder(options.model)
    check_choices(options.model, options.network, options.which, options.test_scales)
    spec = load_model_spec(options.model)
    data = options.data
    if "class_names" in find_dataset(data.dataset).flags and not data.class_names:
        data = dataclasses.replace(data, class_names=spec.class_names)
    descriptor, examples = load_split(data, options.split, options.seed)
    _check_fit(f"--dataset={data.dataset} --split={options.split}", descriptor, examples, spec)
    if options.split not in ("train", "all"):
        _warn_of_trained(run_dir, data, examples.keys)
    predictor = load_predictor(options.model, options.network, options.which, options.test_scales)
    return EvaluatedModel(
        source=predictor.source,
        spec=predictor.spec,
        options=dataclasses.replace(options, data=data),
        keys=examples.keys,
        evaluation=evaluate_sections(
            predictor,
            examples,
            options.tile,
            outlines=options.outlines,
            spacing=pixel_size(options.spacing or _own_spacing(run_dir)),
        ),
    )


def evaluation_file(
    options: EvaluationOptions,
    choices: Mapping[str, str],
    data_dir: str | None = None,
) -> Path:
    """Default path of the JSON file; different options give different names.

    Args:
        options: dataset, split, model, network and checkpoint become part of the name.
        choices: other values that the user gave, by flag, in order.
        data_dir: `--data_dir`, if given.

    Returns:
        A file in the run's folder, or for an export in the current folder.
    """
    run_dir = run_folder(options.model)
    parts, places = ["evaluation", options.data.dataset, options.split], []
    if data_dir is not None:
        places.append(Path(data_dir).resolve())
        parts.append(places[0].name)
    parts += [f"{name}-{value or 'none'}" for name, value in choices.items()]
    if run_dir is not None:
        parts += [options.network or "segmenter", options.which or "best"]
    else:
        places.append(Path(options.model).resolve())
        parts += places[-1].parts[-2:]
    whole = "_".join(parts)
    name = re.sub(r"[^\w.-]+", "-", whole)[:_LONGEST_NAME].strip("-")
    if places or name != whole:  # the name alone would be ambiguous
        chosen = repr((whole, *map(str, places)))
        name += f"_{hashlib.sha256(chosen.encode()).hexdigest()[:8]}"
    return (run_dir or Path()) / f"{name}.json"


def write_evaluation(evaluated: EvaluatedModel, file: Path, per_image: bool) -> dict[str, Path]:
    """Writes the metrics as JSON and, for more than two classes, a figure of the confusion matrix.

    Args:
        evaluated: from `evaluate_model`.
        file: the JSON file; other files go to the same folder, with the same stem.
        per_image: whether to write each image's metrics too, as CSV.

    Returns:
        The files by content.
    """
    files = {"json": file}
    atomic.write_text(file, json.dumps(_summary(evaluated), indent=1) + "\n")
    names, evaluation = evaluated.spec.class_names, evaluated.evaluation
    if per_image:
        files["per image"] = file.with_name(f"{file.stem}_per_image.csv")
        atomic.write_text(files["per image"], per_image_csv(evaluated.keys, evaluation))
        files["sums per image"] = file.with_name(f"{file.stem}_{IMAGE_SUMS}")
        write_image_sums(files["sums per image"], evaluated.keys, evaluation)
    if len(names) > 2:
        files["confusion"] = file.with_name(f"{file.stem}_confusion.png")
        confusion_figure(evaluation.confusion, names, files["confusion"])
    return files


def _summary(evaluated: EvaluatedModel) -> dict[str, Any]:
    options, data = evaluated.options, evaluated.options.data
    return {
        "model": evaluated.source,
        "dataset": data.dataset,
        "split": (data.val_split if options.split == "validation" else None) or options.split,
        "data_dir": data.data_dir and str(Path(data.data_dir).resolve()),
        "images": len(evaluated.keys),
        "resize": data.resize,
        "test_scales": evaluated.spec.test_scales,
        "tile": options.tile,
        "metrics": without_nan(evaluated.evaluation.metrics),
        "confusion": evaluated.evaluation.confusion.tolist(),
    }


def _own_spacing(run_dir: Path | None) -> tuple[float, ...]:
    """Of a run; empty for an export, which does not know it."""
    if run_dir is None or not (run_dir / RUN_FLAGS).exists():
        return ()
    return read_flagfile(run_dir / RUN_FLAGS).run.spacing


def _check_fit(
    where: str, descriptor: DatasetDescriptor, examples: Examples, spec: ModelSpec
) -> None:
    if examples.labels is None:
        raise UserError(f"{where}: has no labels to evaluate on; the command predict needs none.")
    if descriptor.num_classes != spec.num_classes:
        raise UserError(
            f"{where}: has {descriptor.num_classes} classes, but the model has "
            f"{spec.num_classes} ({', '.join(spec.class_names)})."
        )
    if descriptor.image_channels != spec.image_channels:
        raise UserError(
            f"{where}: images have {descriptor.image_channels} channels, but the model takes "
            f"{spec.image_channels}; convert them first."
        )
    if descriptor.image_dtype != spec.image_dtype:
        raise UserError(
            f"{where}: images hold {descriptor.image_dtype} pixels, the model was trained on "
            f"{spec.image_dtype}; give images of the same depth."
        )


def _warn_of_trained(run_dir: Path | None, data: DataConfig, keys: tuple[str, ...]) -> None:
    """Logs how many images were trained on: another --seed or other files change the split."""
    if run_dir is None or not (run_dir / TRAINED_ON).exists():
        return
    trained = recorded_config(run_dir).data
    places = [Path(each.data_dir or "").expanduser().resolve() for each in (trained, data)]
    if trained.dataset != data.dataset or places[0] != places[1]:
        return
    try:
        lines = read_text(run_dir / TRAINED_ON).splitlines()
    except UnicodeDecodeError:
        raise UserError(
            f"{run_dir / TRAINED_ON}: damaged, not text; repeat the command that trained the run, "
            "which writes it again, or remove it to evaluate without its warning."
        ) from None
    seen = set(lines).intersection(keys)
    if seen:
        logging.warning("%d of these %d images were trained on.", len(seen), len(keys))
