"""Rules of supervised training."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(summary="S alone, on labelled images.", boundaries=True)
