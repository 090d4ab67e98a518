"""Predicts the labels of image files with a run or an export.

    tfadvseg predict --model=runs/mine --images=photos --output_dir=predicted
    tfadvseg predict --model=/models/cells --images='stacks/*.tif' --output_dir=predicted
    tfadvseg predict --model=runs/a --images='test/*/*.png' --output_dir=out --cityscapes

Takes PNG, JPEG, GIF and TIFF files of any size, also with several pages. OUTPUT_DIR/predictions
gets a PNG of class ids for each page, OUTPUT_DIR/overlays the image with its classes coloured.
--cityscapes also writes the format of that benchmark: OUTPUT_DIR/labelIds for submission, and the
same in its colours in OUTPUT_DIR/color. --probabilities=CLASS writes the probabilities of a class
to OUTPUT_DIR/probabilities, one TIFF of 32-bit floats per file, with all its pages.

Slides, Zarr folders and TIFF files of more than 256 MiB of pixels are read window by window, so
that memory does not grow with them. Their class ids and probabilities are tiled TIFFs with levels
of lower resolution, one for each page; their overlays are reduced.
"""

from typing import cast

from absl import flags
from tqdm import tqdm

from tfadvseg import cli
from tfadvseg.errors import UserError
from tfadvseg.evaluation.cityscapes_submission import (
    COLOUR_FOLDER,
    FRAME_SIZE,
    LABEL_FOLDER,
    check_frames,
)
from tfadvseg.export.choices import Which
from tfadvseg.flags.command_line import (
    define_network_flags,
    define_test_scales_flag,
    define_tile_flag,
    test_scales_of,
)
from tfadvseg.run.prediction import (
    OVERLAYS,
    PREDICTIONS,
    PROBABILITIES,
    check_images,
    find_images,
    predict_files,
)
from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES

_MODEL = flags.DEFINE_string(
    "model", None, "A run (its --output_dir), an export, or a folder of exports."
)
_IMAGES = flags.DEFINE_string("images", None, "A folder, a file, or a pattern in quotes.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder for predictions and overlays.")
_NETWORK, _WHICH = define_network_flags(None)
_TEST_SCALES = define_test_scales_flag()
_TILE = define_tile_flag()
_CITYSCAPES = flags.DEFINE_boolean(
    "cityscapes",
    False,
    "Also write the Cityscapes benchmark's format; for models of its 19 classes and whole frames "
    "with their original names.",
)
_PROBABILITIES = flags.DEFINE_string(
    "probabilities", None, "Class whose probabilities are also written."
)


def main(argv: list[str]) -> None:
    del argv
    model, images, output_dir = map(cli.required, (_MODEL, _IMAGES, _OUTPUT_DIR))
    test_scales = test_scales_of(_TEST_SCALES)
    paths = find_images(images)
    cityscapes = _CITYSCAPES.value
    if cityscapes:
        check_frames(path.stem for path in paths)
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.export.model_source import load_predictor

    network, which = _NETWORK.value, cast(Which | None, _WHICH.value)
    predictor = load_predictor(model, network, which, test_scales)
    if cityscapes and predictor.spec.class_names != TRAIN_NAMES:
        raise UserError(
            f"--cityscapes: is for models of Cityscapes' {len(TRAIN_NAMES)} classes; this "
            f"one has {', '.join(predictor.spec.class_names)}."
        )
    names, of = predictor.spec.class_names, _PROBABILITIES.value
    if of is not None and of not in names:
        raise UserError(f"--probabilities={of}: no such class; choose one of {', '.join(names)}.")
    size = FRAME_SIZE if cityscapes else None
    files = check_images(paths, predictor.spec, size)
    total = sum(len(file.names) for file in files)
    # Shown on terminals only.
    with tqdm(total=total, disable=None, leave=False, dynamic_ncols=True) as progress:

        def advance(name: str) -> None:
            progress.set_postfix_str(name, refresh=False)
            progress.update()

        predict_files(
            predictor,
            files,
            output_dir,
            _TILE.value,
            advance,
            cityscapes,
            None if of is None else names.index(of),
        )
    ids = ", ".join(f"{i} {name}" for i, name in enumerate(names))
    print(f"model: {predictor.source}")
    print(f"class ids: {ids}")
    print(f"predictions: {total} in {output_dir}/{PREDICTIONS}")
    print(f"overlays: {total} in {output_dir}/{OVERLAYS}")
    if of is not None:
        print(f"probabilities of {of}: {len(files)} in {output_dir}/{PROBABILITIES}")
    if cityscapes:
        print(f"label ids: {total} in {output_dir}/{LABEL_FOLDER}")
        print(f"colours: {total} in {output_dir}/{COLOUR_FOLDER}")
