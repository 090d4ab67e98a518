"""A whole run: data, networks, training, final evaluation and export.

The command train calls `run_experiment`.
"""

import dataclasses
from pathlib import Path

from tfadvseg.config import Config
from tfadvseg.data.lazy import raise_user_errors
from tfadvseg.data.shares import WHOLE
from tfadvseg.errors import UserError
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.checkpoints import restore_newest
from tfadvseg.methods.building import prepare_training
from tfadvseg.run.checks import Start, check_start
from tfadvseg.run.cluster import check_alike, lost_workers, own_folder
from tfadvseg.run.inputs import make_inputs
from tfadvseg.run.loading import RunData, load_data
from tfadvseg.run.machine import prepare_machine
from tfadvseg.run.networks import Networks, build_networks
from tfadvseg.run.outputs import RunOutput
from tfadvseg.run.parts import Parts
from tfadvseg.run.result import Result, earlier_result, finish_run
from tfadvseg.run.served_batches import served_phases
from tfadvseg.run.start_facts import write_start_facts
from tfadvseg.training.loop import run_updates
from tfadvseg.training.workers import Workers, workers_of


def run_experiment(config: Config, parts: Parts | None = None) -> Result:
    """Trains, or continues training, and writes all files of the run.

    Args:
        config: configuration of the run.
        parts: the user's own networks, examples or method.

    Raises:
        UserError: the data, the flags or the output folder are invalid, the folder holds another
            run, or another process trains there; nothing is written then. Or training diverged;
            the last checkpoint is intact.
        training.stopping.Stopped: a signal, or an absent or lost worker, ended the run; what
            was saved is intact.
    """
    strategy = prepare_machine(config)
    workers = workers_of(strategy)
    parts = parts or Parts()
    with own_folder(Path(config.run.output_dir), workers) as folder, lost_workers(workers):
        check_alike(workers, config)
        start = check_start(config, parts)
        data = load_data(config, parts.examples)
        workers.check_same({"images and labels": data.fingerprint}, "data")
        networks = build_networks(start, data, parts, strategy)
        run = _open_output(start, data, networks, workers, folder)
        if finished := _resume(run, data, workers):
            return finished
        with raise_user_errors():
            _train(run, data.fingerprint)
            return finish_run(
                data.config,
                networks.spec,
                data.splits,
                networks.state,
                run.log,
                folder,
                parts.segmenter,
                workers,
            )


def _open_output(
    start: Start, data: RunData, networks: Networks, workers: Workers, folder: Path
) -> RunOutput:
    """Prepares the pipelines and the outputs; writes the files that are known before training."""
    inputs = make_inputs(data, networks.spec, workers.local_replicas, workers.share)
    training = prepare_training(data.config, networks.state, inputs.feed, networks.terms)
    run = RunOutput(data.config, folder, inputs, networks, training, workers.strategy)
    _start_output(start, folder, networks, data.trained_on)
    return run


def _resume(run: RunOutput, data: RunData, workers: Workers) -> Result | None:
    """Restores the newest checkpoint; returns the earlier result if the run is already finished."""
    for folder in ("", "plots", "export", "checkpoints", "best"):
        atomic.remove_leftovers(run.output / folder)
    output = Path(run.config.run.output_dir)
    restore_newest(run.checkpoint, output / "checkpoints")
    workers.check_same({"update": str(run.update)}, "checkpoints in --output_dir")
    if not run.update:
        phases = run.phases
        if workers.count > 1:  # the facts are those of whole batches
            feed = dataclasses.replace(run.inputs.feed, share=WHOLE)
            whole = dataclasses.replace(run.training, feed=feed)
            phases = run.networks.method.phases(whole)
        write_start_facts(run.output, data, run.state.segmenter.model, phases)
    if not run.is_finished():
        return None
    result = earlier_result(output, run.update, run.planned_updates)
    if result:
        result = dataclasses.replace(result, worker=workers.index)
    exports = run.config.run.export
    return result if result and ("export" in result.made or not exports) else None


def _train(run: RunOutput, fingerprint: str) -> None:
    if run.is_finished():
        return
    with served_phases(run.config, fingerprint, run.phases) as phases:
        run.start_logging()
        try:
            run_updates(
                run.config,
                phases,
                run.networks.method.opponents(run.config),
                run.strategy,
                run.networks.state.step,
                run.log,
                run,
            )
        finally:
            run.tensorboard.finish_stretch()


def _start_output(
    start: Start, output: Path, networks: Networks, trained_on: tuple[str, ...]
) -> None:
    """Makes the output folder, and writes the files that are known before training."""
    try:
        atomic.write_text(output / model_spec.RUN_FLAGS, start.as_flags)
        atomic.write_text(output / model_spec.FILE_NAME, networks.spec.to_json())
        atomic.write_text(output / model_spec.TRAINED_ON, "".join(f"{key}\n" for key in trained_on))
    except OSError as error:
        raise UserError(f"--output_dir={output}: cannot write there ({error.strerror}).") from None
