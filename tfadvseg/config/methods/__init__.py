"""The TensorFlow-free half of every method: `METHOD_RULES`, by the value of `--method`."""

from tfadvseg.config.methods import (
    adabn,
    adaptation,
    advent,
    adversarial,
    advsemiseg,
    dan,
    fda,
    minent,
    segan,
    self_training,
    size_prior,
    source_only,
    supervised,
)
from tfadvseg.config.methods.rules import MethodRules

METHOD_RULES: dict[str, MethodRules] = {
    "supervised": supervised.RULES,
    "adversarial": adversarial.RULES,
    "segan": segan.RULES,
    "size_prior": size_prior.RULES,
    "source_only": source_only.RULES,
    "adabn": adabn.RULES,
    "minent": minent.RULES,
    "fda": fda.RULES,
    "adaptation": adaptation.RULES,
    "advent": advent.RULES,
    "self_training": self_training.RULES,
    "advsemiseg": advsemiseg.RULES,
    "dan": dan.RULES,
}


def method_help() -> str:
    """Help text with one sentence per method."""
    return " ".join(f"{name}: {rules.summary}" for name, rules in METHOD_RULES.items())


__all__ = ["METHOD_RULES", "MethodRules", "method_help"]
