"""Measures a run or an export on labelled images.

    tfadvseg evaluate --model=runs/mine
    tfadvseg evaluate --model=runs/mine --network=standard --which=latest --split=train
    tfadvseg evaluate --model=/models/cells --dataset=folder --data_dir=D --split=all

Whole images are measured, always in float32. The metrics are printed as a table and written to a
JSON file. Without data flags, a run is measured on its own validation images (of the target domain,
if it had one); data flags change single settings. With another --dataset, no setting of the run
applies.

    tfadvseg evaluate --model=runs/adapted --resize= --per_image

--resize resizes images and labels before they are compared. A model trained with it resizes images
itself, and its predictions back: with --resize= (empty), its run is measured at the labels' own
resolution, as by the Cityscapes benchmark. --test_scales=0.7,1,1.4 averages predictions on images
of several sizes, instead of the run's own choice. --per_image adds a CSV file with the metrics of
each image. The JSON contains the confusion matrix in pixels (rows: true classes, columns: predicted
ones); with more than two classes it is also drawn. Both files are named after the JSON.
"""

import dataclasses
from pathlib import Path
from typing import Any, cast

from absl import flags

from tfadvseg import cli
from tfadvseg.config import DataConfig
from tfadvseg.export.choices import Which
from tfadvseg.flags.command_line import (
    data_config_from_flags,
    define_data_flags,
    define_network_flags,
    define_spacing_flag,
    define_test_scales_flag,
    define_tile_flag,
    spacing_of,
    test_scales_of,
)
from tfadvseg.flags.kinds import text_of
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
    "Images to measure: train or validation as in training, all, or a TFDS slice such as "
    "train[20:25]; of darkfield also test.",
)
_SEED = flags.DEFINE_integer(
    "seed", None, "Seed of the division of a folder or of darkfield. Default: the run's, or 0."
)
_PER_IMAGE = flags.DEFINE_boolean(
    "per_image", False, "Also write the metrics of each image, as CSV and as sums for a bootstrap."
)
_OUTLINES = flags.DEFINE_boolean(
    "outlines",
    True,
    "Also measure Hausdorff and surface distances, boundary IoU, and objects found and missed. "
    "Takes longest on large images of many classes.",
)
_SPACING = define_spacing_flag()
_OUTPUT_FILE = flags.DEFINE_string(
    "output_file",
    None,
    "JSON file to write. Default: evaluation_DATASET_SPLIT.json, with other chosen settings in its "
    "name, in the run's folder, or for an export in the current one.",
)

_NO_CHOICE = frozenset(
    ("dataset", "data_dir", "class_names", "prepare", "prepared_dir", "beam_options")
)
"""Data flags that do not change the result, or are in the file's name anyway."""

define_data_flags()


def main(argv: list[str]) -> None:
    del argv
    model = cli.required(_MODEL)
    given, test_scales = data_config_from_flags(), test_scales_of(_TEST_SCALES)
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.evaluation.report import format_table
    from tfadvseg.run.evaluation import (
        EvaluationOptions,
        evaluate_model,
        evaluated_data,
        evaluation_file,
        run_folder,
        write_evaluation,
    )

    data, seed = evaluated_data(given, _changed(given), _SEED.value, run_folder(model))
    options = EvaluationOptions(
        model=model,
        data=data,
        split=_SPLIT.value,
        seed=seed,
        network=_NETWORK.value,
        which=cast(Which | None, _WHICH.value),
        test_scales=test_scales,
        tile=_TILE.value,
        outlines=_OUTLINES.value,
        spacing=spacing_of(_SPACING),
    )
    data_dir = given.data_dir if flags.FLAGS["data_dir"].present else None
    file = Path(_OUTPUT_FILE.value or evaluation_file(options, _choices(), data_dir))
    cli.check_output_file("--output_file", file)
    evaluated = evaluate_model(options)
    images = f"{len(evaluated.keys)} images of {data.dataset}, {options.split}"
    print(f"{evaluated.source} on {images}")
    print(format_table({options.network or "segmenter": evaluated.evaluation.metrics}))
    for what, path in write_evaluation(evaluated, file, _PER_IMAGE.value).items():
        print(f"{what}: {path}")


def _changed(given: DataConfig) -> dict[str, Any]:
    """The data flags on the command line, by their fields."""
    return {
        field.name: getattr(given, field.name)
        for field in dataclasses.fields(DataConfig)
        if field.name in flags.FLAGS and flags.FLAGS[field.name].present
    }


def _choices() -> dict[str, str]:
    """The flags on the command line that change the result, and their text."""
    data_flags = [flag.name for flag in DATA_FLAGS if flag.name not in _NO_CHOICE]
    names = (*data_flags, _SEED.name, _TEST_SCALES.name, _TILE.name, _SPACING.name)
    chosen = {name: flags.FLAGS[name] for name in names if flags.FLAGS[name].present}
    return {name: text_of(flag, flag.value) for name, flag in chosen.items()}
