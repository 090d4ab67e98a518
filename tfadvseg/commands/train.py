"""Trains a segmenter, alone or against a discriminator.

    tfadvseg train                                     # the embedded data, defaults
    tfadvseg train --flagfile=demo
    tfadvseg train --dataset=folder --data_dir=D --output_dir=runs/mine

The same command continues a run that was stopped or killed. Flags after a --flagfile override it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfadvseg.config import LAST, Config
from tfadvseg.config.resolve import resolve
from tfadvseg.flags.command_line import config_from_flags, define_train_flags

if TYPE_CHECKING:
    from tfadvseg.run.result import Result

define_train_flags()


def main(argv: list[str]) -> None:
    del argv
    config = config_from_flags()
    output = Path(config.run.output_dir)
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.evaluation.report import format_table
    from tfadvseg.run.experiment import run_experiment
    from tfadvseg.training.stopping import EXIT_STOPPED, Stopped

    try:
        result = run_experiment(config)
    except Stopped as stopped:
        print(f"{stopped}; the same command continues.", file=sys.stderr)
        sys.exit(EXIT_STOPPED)
    if result.worker:
        print(f"worker {result.worker} has finished; worker 0 writes {output}.")
        return
    if result.finished_before:
        print(f"{output}: this run is finished; {_how_to_go_on(config, result)}.", file=sys.stderr)
    print(format_table(result.networks))
    if config.method.compare:
        methods = [f"{name}: {it}" for name, it in config.method.methods_by_network().items()]
        print(f"\n{', '.join(methods)}; on the same batches")
    if config.run.best_metric != LAST:
        print(f"\nbest: at its best validation {config.run.best_metric}, chosen on these images")
    print(
        f"\ntrained for {result.seconds:.0f} s of {result.wall_seconds:.0f} in all, "
        f"{result.images_per_second:.1f} images/s, at most {result.peak_memory_mib} MiB"
    )
    for notice in result.notices:
        print(f"note: {notice}")
    for what, where in result.made.items():
        print(f"{what}: {where}")


def _how_to_go_on(config: Config, result: "Result") -> str:
    if result.stopped_early:
        return "no epoch was better within --patience; raise that to go on"
    ends = config.s_optimizer.ends or config.d_optimizer.ends
    if ends and resolve(config).run.rate_epochs == config.run.epochs:
        return "a longer one is another run, as learning rates have fallen to 0"
    return "raise --epochs to go on"
