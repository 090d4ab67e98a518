"""Records in a study's folder: the plan with which it was begun, and failed runs."""

import json
from collections.abc import Mapping

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.study.plan import Study

PLAN = "study.json"
FAILURES = "failed.json"


def record_study(study: Study, write: bool = True) -> list[str]:
    """Compares a study with the plan in its folder, and writes it there.

    Args:
        study: the plan.
        write: whether to record it, if no plan is there yet.

    Returns:
        Sentences on changes since the study was begun.

    Raises:
        UserError: the folder holds another study, or other files.
    """
    path = study.output / PLAN
    arms = {arm.name: list(arm.arguments) for arm in study.arms}
    plan = {"arms": arms, "unit": study.unit, "metrics": list(study.metrics), "part": study.part}
    try:
        begun = json.loads(path.read_text())
        begun_arms, metric, part = begun["arms"], begun["metrics"][0], begun["part"]
        unit = begun["unit"]
    except FileNotFoundError:
        if study.output.is_dir() and any(study.output.iterdir()):
            raise UserError(
                f"--output_dir={study.output}: not empty, and holds no study; give another folder."
            ) from None
        if write:
            atomic.write_text(path, json.dumps(plan, indent=1) + "\n")
        return []
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"{path}: not a study's plan ({error}).") from None
    if unit != study.unit or not set(begun_arms) & set(arms):
        raise UserError(
            f"--output_dir={study.output}: holds another study, of {unit}s and the arms "
            f"{', '.join(begun_arms)}; give another folder."
        )
    changed = []
    if metric != study.metrics[0]:
        changed.append(f"the deciding metric was {metric}")
    if part != study.part:
        changed.append(f"the {part} part decided")
    return [f"When this study was begun, {each}." for each in changed]


def read_failures(study: Study) -> dict[tuple[str, int], str]:
    """Reasons of the runs that failed when the study was last conducted, by arm and number."""
    try:
        listed = json.loads((study.output / FAILURES).read_text())
        return {(each["arm"], each["number"]): each["reason"] for each in listed}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{study.output / FAILURES}: damaged ({error}); remove it.") from None


def write_failures(study: Study, failed: Mapping[tuple[str, int], str]) -> None:
    listed = [{"arm": arm, "number": n, "reason": why} for (arm, n), why in failed.items()]
    atomic.write_text(study.output / FAILURES, json.dumps(listed, indent=1) + "\n")
