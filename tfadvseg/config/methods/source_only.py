"""Rules of training on the source domain alone."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S on the labelled source alone, without target images.",
    options=("lambda_seg_aux", "iter_size"),
    target="measured",
    levels=True,
)
