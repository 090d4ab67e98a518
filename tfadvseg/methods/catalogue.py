"""All methods, by the value of `--method`."""

from tfadvseg.methods import (
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
from tfadvseg.methods.method import Method

METHODS: dict[str, Method] = {
    "supervised": supervised.METHOD,
    "adversarial": adversarial.METHOD,
    "segan": segan.METHOD,
    "size_prior": size_prior.METHOD,
    "source_only": source_only.METHOD,
    "adabn": adabn.METHOD,
    "minent": minent.METHOD,
    "fda": fda.METHOD,
    "adaptation": adaptation.METHOD,
    "advent": advent.METHOD,
    "self_training": self_training.METHOD,
    "advsemiseg": advsemiseg.METHOD,
    "dan": dan.METHOD,
}
