"""Results of several studies side by side, read from their `results.json`. No TensorFlow here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfadvseg.errors import UserError
from tfadvseg.reporting.metric_names import change_text, less_is_better, metric_title

RESULTS_JSON = "results.json"


@dataclass(frozen=True)
class Difference:
    """Difference between an arm and a reference in the metric that decides a study.

    Attributes:
        study: name of the study.
        arm, reference: names of arms.
        has_d: whether the arm trains a discriminator.
        metric: name of the metric.
        mean: mean difference over pairs, in the metric's unit.
        low, high: 95 % interval of the mean (Student's t).
        wins, pairs: number of pairs in which the arm was better, and of all pairs.
        p_value: p-value of the sign-flip test, corrected for the study's arms (Holm), or None.
    """

    study: str
    arm: str
    reference: str
    has_d: bool
    metric: str
    mean: float
    low: float
    high: float
    wins: int
    pairs: int
    p_value: float | None

    @property
    def outcome(self) -> str:
        """`no clear change` if the interval contains 0, otherwise `helped` or `hurt`."""
        if self.low <= 0 <= self.high:
            return "no clear change"
        return "helped" if (self.mean > 0) != less_is_better(self.metric) else "hurt"


def read_differences(path: Path) -> list[Difference]:
    """Differences in the metric that decides a study.

    Arms with a D are compared with every reference, the others only with the first one.

    Args:
        path: a study's folder or its `results.json`.

    Raises:
        UserError: there is no such file, or it is not that of a study with at least two pairs.
    """
    file = path / RESULTS_JSON if path.is_dir() else path
    try:
        fields = json.loads(file.read_text())
        name, metric, references = fields["study"], fields["metrics"][0], fields["references"]
        arms = {arm: each["discriminator"] for arm, each in fields["arms"].items()}
        found = [
            Difference(
                study=file.stem if file.name != RESULTS_JSON else name,
                arm=each["arm"],
                reference=each["reference"],
                has_d=arms[each["arm"]] is not None,
                metric=metric,
                mean=each["mean"],
                low=each["low"],
                high=each["high"],
                wins=each["losses"] if less_is_better(metric) else each["wins"],
                pairs=len(each["differences"]),
                p_value=each["sign_flip_p_value_holm"],
            )
            for each in fields["comparisons"]
            if each["metric"] == metric
            and len(each.get("differences", ())) > 1
            and (arms[each["arm"]] is not None or each["reference"] == references[0])
        ]
    except FileNotFoundError:
        raise UserError(
            f"{file}: no such file; give a study's --output_dir, or its {RESULTS_JSON}."
        ) from None
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(
            f"{file}: not the results of a study ({error!r}); write them again with "
            "`tfadvseg study --gather`."
        ) from None
    if not found:
        raise UserError(f"{file}: has fewer than two pairs to compare; run more of the study.")
    return found


def differences_table(differences: Sequence[Difference]) -> list[list[str]]:
    """A heading and one row per difference; differences of shares are in percentage points."""
    header = ["study", "arm", "D", "against", "metric", "difference", "95 % interval"]
    rows = [[*header, "better in", "p (sign flip, Holm)", ""]]
    for each in differences:
        rows.append(
            [
                each.study,
                each.arm,
                "yes" if each.has_d else "",
                each.reference,
                metric_title(each.metric),
                change_text(each.metric, each.mean),
                " to ".join(change_text(each.metric, bound) for bound in (each.low, each.high)),
                f"{each.wins} of {each.pairs}",
                "-" if each.p_value is None else f"{each.p_value:.3f}",
                each.outcome,
            ]
        )
    return rows
