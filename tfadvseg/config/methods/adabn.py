"""Rules of AdaBN: only batch norm's statistics are adapted."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S on labelled images; images of a target domain, or without labels, only update batch "
    "norm's statistics, without gradients; no D. The control of methods that use such images.",
    options=("lambda_seg_aux", "iter_size", "compare"),
    target="optional",
    unlabelled=("images", "target"),
    levels=True,
    arms=("source_only",),
)
