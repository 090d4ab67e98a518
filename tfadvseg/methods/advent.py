"""AdvEnt (Vu et al., CVPR 2019, arXiv 1811.12833): adaptation by the entropy of predictions.

This is `methods.adaptation`, but D's input is the weighted self-information of S's predictions. S
learns to be as certain on target images as on source images.
"""

import functools

from tfadvseg.config.methods.advent import RULES
from tfadvseg.losses.entropy import self_information
from tfadvseg.methods import adaptation
from tfadvseg.methods.method import Method

METHOD = Method(
    RULES,
    functools.partial(adaptation.phases, d_input=self_information),
    adaptation.build_learners,
    opponents=adaptation.opponents,
    pictures=functools.partial(adaptation.pictures, d_input=self_information),
)
