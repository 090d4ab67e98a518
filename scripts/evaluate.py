"""Measures a run or an export on labelled images.

    python scripts/evaluate.py --model=runs/mine
    python scripts/evaluate.py --model=runs/mine --network=standard --which=latest --split=train
    python scripts/evaluate.py --model=/models/cells --dataset=folder --data_dir=D --split=all

Whole images are measured, in float32 whatever precision the run trained in. The metrics go to
standard output as a table and to a JSON file. A run knows its data: without data flags it is
measured on its own validation images (of the target domain where it had one), and data flags
change single settings; with another --dataset, everything is as the flags say.

    python scripts/evaluate.py --model=runs/adapted --resize= --per_image

--resize brings images and labels to one size before they are compared. A model trained with it
resizes images inside, and its answers back: with --resize= (empty) its run is measured at the
labels' own resolution, as the Cityscapes benchmark measures. --test_scales=0.7,1,1.4 measures the
mean of the answers on images of several sizes, in place of the run's own choice. --per_image adds a
CSV file of the metrics of each image. The JSON holds the confusion matrix in pixels, rows true and
columns predicted classes; with more than two of them it is drawn, too. Both lie beside the JSON and
have its name.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import cast

from absl import flags, logging

from tfadvseg import cli
from tfadvseg.config import DataConfig
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which
from tfadvseg.files import atomic
from tfadvseg.files.metrics_text import without_nan
from tfadvseg.files.model_spec import RUN_FLAGS, TRAINED_ON
from tfadvseg.flags.command_line import (
    data_config_from_flags,
    define_data_flags,
    define_network_flags,
    define_test_scales_flag,
    define_tile_flag,
    test_scales_of,
)
from tfadvseg.flags.flagfile import read_flagfile
from tfadvseg.flags.table import DATA_FLAGS

_MODEL = flags.DEFINE_string(
    "model", None, "A run (its --output_dir), an export, or a folder of exports."
)
_NETWORK, _WHICH = define_network_flags(None)
_TEST_SCALES = define_test_scales_flag()
_TILE = define_tile_flag()
_SPLIT = flags.DEFINE_string(
    "split",
    "validation",
    "train or validation as in training, all, or any TFDS slice such as train[20:25]; of "
    "darkfield also test.",
)
_SEED = flags.DEFINE_integer(
    "seed", None, "What divided a folder or darkfield into its parts. Default: the run's, or 0."
)
_PER_IMAGE = flags.DEFINE_boolean(
    "per_image", False, "Also write each image's mIoU, accuracy and IoU of each class, as CSV."
)
_OUTPUT_FILE = flags.DEFINE_string(
    "output_file",
    None,
    "Where the JSON goes. Default: evaluation_DATASET_SPLIT.json, with what else was chosen; in "
    "the run, or for an export in the current folder.",
)

_NO_CHOICE = frozenset(
    ("dataset", "data_dir", "class_names", "prepare", "prepared_dir", "beam_options")
)
"""Data flags that do not change what is measured, or are named anyway."""

_LONGEST_NAME = 150
"""Letters; file systems take 255, of which some are for what is added."""


def main(argv: list[str]) -> None:
    del argv
    model = cli.required(_MODEL)
    given, test_scales = data_config_from_flags(), test_scales_of(_TEST_SCALES)
    # Only now, so that what is wrong with the flags is said at once.
    from tfadvseg.data.sources import load_split
    from tfadvseg.evaluation.per_image import per_image_csv
    from tfadvseg.evaluation.report import evaluate_sections, format_table
    from tfadvseg.export.model_source import is_run, load_predictor
    from tfadvseg.reporting.confusion_figure import confusion_figure

    run_dir = Path(model) if is_run(model) else None
    data, seed = _data_and_seed(given, run_dir)
    file = Path(_OUTPUT_FILE.value or _default_file(data.dataset, model, run_dir))
    cli.check_output_file("--output_file", file)
    network, which = cast(Network | None, _NETWORK.value), cast(Which | None, _WHICH.value)
    predictor = load_predictor(model, network, which, test_scales)
    spec = predictor.spec
    if data.dataset == "folder" and not data.class_names:
        data = dataclasses.replace(data, class_names=spec.class_names)
    descriptor, examples = load_split(data, _SPLIT.value, seed)
    where = f"--dataset={data.dataset} --split={_SPLIT.value}"
    if examples.labels is None:
        raise UserError(f"{where}: has no labels to compare with; scripts/predict.py needs none.")
    if descriptor.num_classes != spec.num_classes:
        raise UserError(
            f"{where}: has {descriptor.num_classes} classes, the model {spec.num_classes} "
            f"({', '.join(spec.class_names)})."
        )
    if descriptor.image_channels != spec.image_channels:
        raise UserError(
            f"{where}: images have {descriptor.image_channels} channels, the model takes "
            f"{spec.image_channels}; convert them first."
        )
    if _SPLIT.value not in ("train", "all"):
        _warn_of_trained(run_dir, data, examples.keys)
    measured = evaluate_sections(predictor, examples, _TILE.value)
    metrics = measured.metrics
    print(f"{predictor.source} on {len(examples)} images of {data.dataset}, {_SPLIT.value}")
    print(format_table({network or "segmenter": metrics}))
    files = {"json": file}
    split = (data.val_split if _SPLIT.value == "validation" else None) or _SPLIT.value
    result = {
        "model": predictor.source,
        "dataset": data.dataset,
        "split": split,
        "data_dir": data.data_dir and str(Path(data.data_dir).resolve()),
        "images": len(examples),
        "resize": data.resize,
        "test_scales": spec.test_scales,
        "tile": _TILE.value,
        "metrics": without_nan(metrics),
        "confusion": measured.confusion.tolist(),
    }
    atomic.write_text(file, json.dumps(result, indent=1) + "\n")
    if _PER_IMAGE.value:
        files["per image"] = file.with_name(f"{file.stem}_per_image.csv")
        table = per_image_csv(examples.keys, measured.image_confusions, spec.class_names)
        atomic.write_text(files["per image"], table)
    if spec.num_classes > 2:
        files["confusion"] = file.with_name(f"{file.stem}_confusion.png")
        confusion_figure(measured.confusion, spec.class_names, files["confusion"])
    for what, path in files.items():
        print(f"{what}: {path}")


def _data_and_seed(given: DataConfig, run_dir: Path | None) -> tuple[DataConfig, int]:
    """The flags that were given, over the run's own where its dataset is meant."""
    chosen = {
        field.name: getattr(given, field.name)
        for field in dataclasses.fields(DataConfig)
        if field.name in flags.FLAGS and flags.FLAGS[field.name].present
    }
    if run_dir is None or not (run_dir / RUN_FLAGS).exists():
        if "dataset" not in chosen:
            raise UserError(
                "--dataset: is needed, as this model does not know its data; with --data_dir for "
                "all but embedded data."
            )
        return given, _SEED.value or 0
    from tfadvseg.data.sources import has_labelled_target

    trained = read_flagfile(run_dir / RUN_FLAGS)
    seed = trained.run.seed if _SEED.value is None else _SEED.value
    own = trained.target if has_labelled_target(trained) else trained.data
    if chosen.get("dataset", own.dataset) != own.dataset:
        return given, seed
    return dataclasses.replace(own, **chosen), seed


def _warn_of_trained(run_dir: Path | None, data: DataConfig, keys: tuple[str, ...]) -> None:
    """Another --seed or other files divide a dataset anew: what then tests may have trained."""
    if run_dir is None or not (run_dir / TRAINED_ON).exists():
        return
    trained = read_flagfile(run_dir / RUN_FLAGS).data
    places = [Path(each.data_dir or "").expanduser().resolve() for each in (trained, data)]
    if trained.dataset != data.dataset or places[0] != places[1]:
        return
    seen = set((run_dir / TRAINED_ON).read_text().splitlines()).intersection(keys)
    if seen:
        logging.warning("%d of these %d images were trained on.", len(seen), len(keys))


def _default_file(dataset: str, model: str, run_dir: Path | None) -> Path:
    """Another for each choice, so that no evaluation replaces another's."""
    parts, places = ["evaluation", dataset, _SPLIT.value], []
    if flags.FLAGS["data_dir"].present:
        places.append(Path(str(flags.FLAGS["data_dir"].value)).resolve())
        parts.append(places[0].name)
    choices = [flag.name for flag in DATA_FLAGS if flag.name not in _NO_CHOICE]
    for name in (*choices, _SEED.name, _TEST_SCALES.name, _TILE.name):
        if flags.FLAGS[name].present:
            parts.append(f"{name}-{str(flags.FLAGS[name].value) or 'none'}")
    if run_dir is not None:
        parts += [_NETWORK.value or "segmenter", _WHICH.value or "best"]
    else:
        places.append(Path(model).resolve())
        parts += places[-1].parts[-2:]
    whole = "_".join(parts)
    name = re.sub(r"[^\w.-]+", "-", whole)[:_LONGEST_NAME].strip("-")
    if places or name != whole:  # it alone would not tell choices apart
        chosen = repr((whole, *map(str, places)))
        name += f"_{hashlib.sha256(chosen.encode()).hexdigest()[:8]}"
    return (run_dir or Path()) / f"{name}.json"


if __name__ == "__main__":
    define_data_flags(flags.FLAGS)
    cli.run(main)
