"""Rules of AdaBN: only batch norm's statistics are adapted."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S on the labelled source; target images only update batch norm's statistics, without "
    "gradients; no D. The baseline of the adaptation methods.",
    options=("lambda_seg_aux", "iter_size", "compare"),
    target="required",
    unlabelled=("target",),
    levels=True,
    arms=("source_only",),
)
