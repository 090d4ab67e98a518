"""Rules of AdvEnt."""

import dataclasses

from tfadvseg.config.methods import adaptation

RULES = dataclasses.replace(
    adaptation.RULES,
    summary="S as in adaptation, against one D per level that is shown the self-information of "
    "S's predictions (AdvEnt).",
)
