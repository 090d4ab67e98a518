"""The result of a study as Markdown and as JSON. No TensorFlow here."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfadvseg.files.metrics_text import markdown_table, without_nan
from tfadvseg.flags.shipped import by_name
from tfadvseg.reporting.metric_names import change_text, metric_title, value_text
from tfadvseg.study.analysis import Comparison, Runs
from tfadvseg.study.arms import Arm
from tfadvseg.study.gathering import StudyRun
from tfadvseg.study.plan import Study
from tfadvseg.study.sentences import verdict, won_tied_lost


@dataclass(frozen=True)
class StudyResult:
    """Everything that a study's report shows.

    Attributes:
        study: the plan.
        runs: that finished.
        failed: reasons of runs that failed, by arm and number.
        comparisons: of `analysis.compare_arms`.
        notes: what readers must know: what pairs do not share, mixed versions, changed decisions.
    """

    study: Study
    runs: Runs
    failed: Mapping[tuple[str, int], str]
    comparisons: Sequence[Comparison]
    notes: Sequence[str]

    def finished(self) -> list[StudyRun]:
        return [run for by_number in self.runs.values() for run in by_number.values()]

    def deciding(self) -> list[Comparison]:
        """The comparisons by the metric that decides."""
        return [each for each in self.comparisons if each.metric == self.study.metrics[0]]


def markdown(result: StudyResult) -> str:
    """Verdicts, the table of arms, all comparisons, every run, and notes."""
    study = result.study
    parts = [f"# {study.output.name}", status_line(result)]
    if result.finished():
        parts += ["\n".join(f"- {line}" for line in verdicts(result))]
        parts += ["## Arms", markdown_table(arms_table(result))]
        parts += ["## Differences", markdown_table(comparison_table(result.comparisons))]
        parts += [f"## {metric_title(study.metrics[0])} of every run"]
        parts += [markdown_table(runs_table(result))]
    if result.failed:
        listed = [f"- {arm}, {study.unit} {n}: {why}" for (arm, n), why in result.failed.items()]
        parts += ["## Failed runs", "\n".join(listed)]
    if result.notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in result.notes)]
    return "\n\n".join(parts) + "\n"


def status_line(result: StudyResult) -> str:
    """How many runs have finished, and what decides."""
    study = result.study
    planned = len(study.arms) * len(study.numbers)
    text = f"{len(result.finished())} of {planned} runs finished"
    if result.failed:
        text += f", {len(result.failed)} failed"
    runs = result.finished()
    images = f" ({runs[0].images})" if runs else ""
    return (
        f"{text}. Each {study.unit} is one pair. What decides is {metric_title(study.metrics[0])} "
        f"of the last state on the {study.part} images{images}."
    )


def verdicts(result: StudyResult, comparisons: Sequence[Comparison] | None = None) -> list[str]:
    """A sentence per comparison; without any given, per comparison by the metric that decides."""
    chosen = result.deciding() if comparisons is None else comparisons
    return [verdict(each, result.study.unit) for each in chosen]


def arms_table(result: StudyResult) -> list[list[str]]:
    """A row per arm: metrics as mean ± standard deviation, and what training cost."""
    metrics = result.study.metrics
    header = ["arm", f"{result.study.unit}s", *metrics, "S parameters", "updates"]
    header += ["windows shown", "minutes", "MiB"]
    rows = [header]
    for arm in result.study.arms:
        runs = list(result.runs.get(arm.name, {}).values())
        if not runs:
            rows.append([arm.name, "0", *("-" for _ in header[2:])])
            continue
        rows.append(
            [
                arm.name,
                str(len(runs)),
                *(_spread(metric, [run.metrics[metric] for run in runs]) for metric in metrics),
                _each([run.facts.parameters if run.facts else None for run in runs]),
                _each([run.updates for run in runs]),
                _windows(runs),
                f"{statistics.mean(run.wall_seconds for run in runs) / 60:.1f}",
                str(max(run.peak_memory_mib for run in runs)),
            ]
        )
    return rows


def comparison_table(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """A row per comparison and metric; differences of shares are in points (hundredths).

    The interval over images is that of the bootstrap, for these trained networks.
    """
    header = ["arm", "reference", "metric", "pairs", "difference", "95 % interval"]
    rows = [[*header, "over images", "won/tied/lost", "p (t)", "Holm", "p (sign flip)", "Holm"]]
    for each in comparisons:
        if each.result is None:
            rows.append([each.arm, each.reference, each.metric, "0", *["-"] * 8])
            continue
        found = each.result
        rows.append(
            [
                each.arm,
                each.reference,
                each.metric,
                str(found.pairs),
                change_text(each.metric, found.mean),
                _interval(each.metric, found.interval if found.pairs > 1 else None),
                _interval(each.metric, each.image_interval),
                "/".join(map(str, won_tied_lost(each))),
                *(
                    _p(value)
                    for value in (
                        found.t_p_value,
                        each.t_holm,
                        found.sign_flip_p_value,
                        each.sign_flip_holm,
                    )
                ),
            ]
        )
    return rows


def runs_table(result: StudyResult) -> list[list[str]]:
    """The deciding metric: a row per arm, a column per seed or fold."""
    metric, unit = result.study.metrics[0], result.study.unit
    rows = [["arm", *(f"{unit} {number}" for number in result.study.numbers)]]
    for arm in result.study.arms:
        found = result.runs.get(arm.name, {})
        cells = []
        for number in result.study.numbers:
            if number in found:
                cells.append(value_text(metric, found[number].metrics[metric]))
            else:
                cells.append("failed" if (arm.name, number) in result.failed else "-")
        rows.append([arm.name, *cells])
    return rows


def json_text(result: StudyResult) -> str:
    """Everything as JSON; NaN becomes null."""
    study = result.study
    fields = {
        "study": study.output.name,
        "unit": study.unit,
        "numbers": study.numbers,
        "metrics": study.metrics,
        "part": study.part,
        "references": study.references,
        "verdicts": verdicts(result),
        "notes": list(result.notes),
        "failed": [
            {"arm": arm, study.unit: number, "reason": why}
            for (arm, number), why in result.failed.items()
        ],
        "arms": {
            arm.name: {
                "arguments": [by_name(each) for each in arm.arguments],
                "discriminator": _discriminator(arm),
                "runs": {
                    str(number): _run_fields(run, study)
                    for number, run in result.runs.get(arm.name, {}).items()
                },
            }
            for arm in study.arms
        },
        "comparisons": [comparison_fields(each) for each in result.comparisons],
    }
    return json.dumps(fields, indent=1) + "\n"


def _discriminator(arm: Arm) -> str | None:
    """The D that an arm trains."""
    config = arm.config()
    return config.discriminator.discriminator if config.method.rules.discriminator else None


def _run_fields(run: StudyRun, study: Study) -> dict:
    return {
        "folder": run.plan.folder.relative_to(study.output).as_posix(),
        "metrics": without_nan(run.metrics),
        "updates": run.updates,
        "windows": run.windows,
        "seconds": run.seconds,
        "wall_seconds": run.wall_seconds,
        "peak_memory_mib": run.peak_memory_mib,
        "precision": run.precision,
        "versions": run.versions,
        "notices": run.notices,
    }


def comparison_fields(each: Comparison) -> dict:
    """One comparison for JSON."""
    fields = {
        "arm": each.arm,
        "reference": each.reference,
        "metric": each.metric,
        "numbers": each.numbers,
        "arm_values": each.arm_values,
        "reference_values": each.reference_values,
    }
    if each.result is None:
        return fields
    numbers = {
        "mean": each.result.mean,
        "standard_deviation": each.result.deviation,
        "low": each.result.interval[0],
        "high": each.result.interval[1],
        "t_p_value": each.result.t_p_value,
        "t_p_value_holm": each.t_holm,
        "sign_flip_p_value": each.result.sign_flip_p_value,
        "sign_flip_p_value_holm": each.sign_flip_holm,
    }
    counts = {
        "differences": each.result.differences,
        "wins": each.result.wins,
        "ties": each.result.ties,
        "losses": each.result.losses,
        "pairs_needed": each.result.pairs_needed,
    }
    intervals = {"image_interval": each.image_interval}
    return fields | counts | intervals | without_nan(numbers)


def _spread(metric: str, values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return "n/a"
    text = value_text(metric, statistics.mean(known))
    return f"{text} ± {value_text(metric, statistics.stdev(known))}" if len(known) > 1 else text


def _each(values: Sequence[int | None]) -> str:
    return " / ".join(
        "unknown" if value is None else f"{value:,}" for value in dict.fromkeys(values)
    )


def _windows(runs: Sequence[StudyRun]) -> str:
    shown = dict.fromkeys(
        " + ".join(
            f"{count:,} {'labelled' if name == 'image' else name.removesuffix('_image')}"
            for name, count in run.windows.items()
        )
        for run in runs
    )
    return " / ".join(text or "unknown" for text in shown)


def _interval(metric: str, bounds: tuple[float, float] | None) -> str:
    return " to ".join(change_text(metric, bound) for bound in bounds) if bounds else "-"


def _p(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
