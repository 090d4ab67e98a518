"""How metrics are named, scaled and judged in sentences and tables."""

import re

_NAMES = {
    "miou": "mean IoU",
    "accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "v_rand": "V_rand",
    "v_info": "V_info",
    "ece": "expected calibration error",
}

_LESS_IS_BETTER = ("loss", "ece", "hd95", "assd", "missed", "invented")
_NOT_SHARES = ("loss", "hd95", "assd", "missed", "invented", "found")
"""What the names of metrics begin with that are not shares of 1."""


_WHOLE = re.compile(
    r"miou(_\d+)?|accuracy|class_accuracy|v_(rand|info)(_\w+)?|ece|hd95|assd|boundary_iou"
)
_OF_A_CLASS = re.compile(
    r"(iou|f1|precision|recall|accuracy|darkfield_accuracy|boundary_iou|hd95|assd|found|missed|invented)_.+"
)


def may_be_metric(name: str) -> bool:
    """Whether some dataset has a metric of this name; only its classes tell which of them has."""
    return bool(_WHOLE.fullmatch(name) or _OF_A_CLASS.fullmatch(name))


def metric_title(metric: str) -> str:
    """What a sentence calls a metric."""
    if metric in _NAMES:
        return _NAMES[metric]
    kind, _, of_class = metric.partition("_")
    titles = {"iou": "IoU", "f1": "F1", "precision": "precision", "recall": "recall"}
    return f"{titles[kind]} of {of_class}" if kind in titles and of_class else metric


def less_is_better(metric: str) -> bool:
    return metric.startswith(_LESS_IS_BETTER)


def is_share(metric: str) -> bool:
    """Whether it lies between 0 and 1, so that differences are told in points (hundredths)."""
    return not metric.startswith(_NOT_SHARES)


def value_text(metric: str, value: float) -> str:
    return f"{value:.3f}" if is_share(metric) else f"{value:.2f}"


def change_text(metric: str, change: float, unit: bool = False) -> str:
    """A signed difference: of shares in points, of others in the metric's own unit."""
    if is_share(metric):
        return f"{100 * change:+.1f}" + " points" * unit
    return f"{change:+.2f}"
