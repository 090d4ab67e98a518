"""Rules of AdvEnt."""

import dataclasses

from tfadvseg.config.methods import adaptation

RULES = dataclasses.replace(
    adaptation.RULES,
    summary="as adaptation, but D's input is the self-information of S's predictions (AdvEnt).",
)
