"""AdaBN (Li et al. 2016, arXiv 1603.04779): the baseline of the adaptation methods.

S learns from the labelled source. Target images pass through S in training mode, as in
`methods.adaptation`, so that they update batch norm's moving statistics, but they contribute no
gradient. An adaptation method's gain over AdaBN is therefore due to its loss on target images.
"""

from tfadvseg.config.methods.adabn import RULES
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.source_training import source_phase
from tfadvseg.training.types import Phase


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of both domains."""
    return source_phase("adabn", training, training.feed.domains, adapts_statistics=True)


METHOD = Method(RULES, phases)
