"""AdaBN (Li et al. 2016, arXiv 1603.04779): the control of methods that use unlabelled images.

S learns from the labelled source. Target images pass through S in training mode, as in
`methods.adaptation`, so that they update batch norm's moving statistics, but they contribute no
gradient. An adaptation method's gain over AdaBN is therefore due to its loss on target images.
Without a target domain, the images without labels take its place.
"""

from tfadvseg.config.methods.adabn import RULES
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.source_training import source_phase
from tfadvseg.training.types import Phase


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of both domains, or of images with and without labels."""
    return source_phase("adabn", training, training.feed.domains, adapts_statistics=True)


METHOD = Method(RULES, phases)
