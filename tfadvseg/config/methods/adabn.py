"""Rules of adapting batch norm's statistics alone."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S on the labelled source; target images pass through it for batch norm's statistics "
    "only, no gradient comes from them, and there is no D. The control of every adaptation.",
    options=("lambda_seg_aux", "iter_size", "compare"),
    target="required",
    unlabelled=("target",),
    levels=True,
    arms=("source_only",),
)
