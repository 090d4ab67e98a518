"""Rules of training on the source domain alone."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S on the labelled source alone; no target image reaches it.",
    options=("lambda_seg_aux", "iter_size"),
    target="measured",
    levels=True,
)
