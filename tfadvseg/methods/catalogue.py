"""Every method, by the value of `--method`."""

from tfadvseg.methods import adaptation, adversarial, source_only, supervised
from tfadvseg.methods.method import Method

METHODS: dict[str, Method] = {
    "supervised": supervised.METHOD,
    "adversarial": adversarial.METHOD,
    "source_only": source_only.METHOD,
    "adaptation": adaptation.METHOD,
}
