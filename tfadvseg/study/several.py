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
    """What one arm changed against one reference in a study's deciding metric.

    Attributes:
        study: name of the study.
        arm, reference: names of arms.
        has_d: whether the arm trains a discriminator.
        metric: that decides.
        mean: over pairs, in the metric's unit.
        low, high: its 95 % interval (t); NaN-free, as it takes two pairs.
        wins, pairs: pairs in which the arm was better, and all pairs.
        p_value: of the sign-flip test, corrected for the study's arms (Holm); None of one pair.
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
        """`helped`, `hurt` or `no clear change`, by the interval."""
        if self.low <= 0 <= self.high:
            return "no clear change"
        return "helped" if (self.mean > 0) != less_is_better(self.metric) else "hurt"


def read_differences(path: Path) -> list[Difference]:
    """The deciding differences of one study.

    Arms with a D are listed against every reference; the others against the main one only.

    Args:
        path: a study's folder or its `results.json`.

    Raises:
        UserError: there is no such file, or it is not of a study with two pairs or more.
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
            f"{file}: not the results of a study ({error!r}); write them anew with "
            "`tfadvseg study --gather`."
        ) from None
    if not found:
        raise UserError(f"{file}: has no two pairs to compare yet; run more of the study.")
    return found


def differences_table(differences: Sequence[Difference]) -> list[list[str]]:
    """A row per difference; those of shares are in points (hundredths)."""
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
