"""Training on the source domain alone: the baseline without target images."""

from tfadvseg.config.methods.source_only import RULES
from tfadvseg.methods.method import Method, Training
from tfadvseg.methods.source_training import source_phase
from tfadvseg.training.types import Phase


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over windows of the source."""
    return source_phase("source_only", training, training.feed.domains, adapts_statistics=False)


METHOD = Method(RULES, phases)
