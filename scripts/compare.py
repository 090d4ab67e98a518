"""Compares finished runs, class by class: a table and pictures.

    python scripts/compare.py --runs=source_only=runs/a,adapted=runs/b,oracle=runs/c
    python scripts/compare.py --runs=source_only=runs/a0+runs/a1,adapted=runs/b0+runs/b1

Several runs of one name are seeds: their mean and standard deviation are given. Where there are
runs named source_only and oracle (trained with the target's labels), the share of the gap between
them that each other name closes is given, too. In --output_dir it leaves

  compared.md, compared.json   means, deviations, gains on source_only, shares of the gap
  iou_bars.png                 IoU of each class
  curves.png                   --metric on the validation windows over updates
"""

from pathlib import Path
from typing import get_args

from absl import flags

from tfadvseg import atomic, cli
from tfadvseg.comparison import (
    class_names,
    compare,
    json_text,
    markdown,
    parse_runs,
    read_run,
)
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which

_RUNS = flags.DEFINE_string(
    "runs", None, "What to compare: name=run,name=run+run,... where a run is its --output_dir."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "compared", "Where tables and pictures go.")
_METRIC = flags.DEFINE_string(
    "metric", "miou", "What the curves show and the gap is measured in: miou, accuracy, iou_CLASS."
)
_NETWORK = flags.DEFINE_enum(
    "network",
    "segmenter",
    get_args(Network),
    "Which network of each run; standard is the one trained alone with --compare.",
)
_WHICH = flags.DEFINE_enum(
    "which",
    "latest",
    get_args(Which),
    "Which checkpoint of each run. best is chosen by labels of the validation images, which of the "
    "target unsupervised adaptation must not know; so the default is the last one.",
)


def main(argv: list[str]) -> None:
    del argv
    metric, network = _METRIC.value, _NETWORK.value
    measured = network if _WHICH.value == "latest" else f"{network} best"
    runs = {
        name: [read_run(folder, measured) for folder in folders]
        for name, folders in parse_runs(cli.required(_RUNS)).items()
    }
    classes = class_names(runs)
    sides = compare(runs, metric)
    # Only now, so that what is wrong with the flags is said at once.
    from tfadvseg.reporting.comparison_curves import comparison_figure
    from tfadvseg.reporting.iou_bars import iou_bars_figure

    folder = Path(_OUTPUT_DIR.value)
    rows = {name: [run.rows for run in seeds] for name, seeds in runs.items()}
    try:
        comparison_figure(rows, f"val/{network}/{metric}", folder / "curves.png", metric)
    except ValueError as error:
        raise UserError(f"--metric={metric}: {error}") from None
    text = markdown(sides, metric, measured)
    atomic.write_text(folder / "compared.md", text)
    atomic.write_text(folder / "compared.json", json_text(sides, metric, measured))
    iou_bars_figure(
        {name: side.mean for name, side in sides.items()},
        classes,
        folder / "iou_bars.png",
        {name: side.deviation for name, side in sides.items()},
    )
    print(text)
    for name in ("compared.md", "compared.json", "iou_bars.png", "curves.png"):
        print(f"{Path(name).stem}: {folder / name}")


if __name__ == "__main__":
    cli.run(main)
