"""Rules of adversarial training on labelled images."""

from tfadvseg.config.methods.rules import MethodRules

RULES = MethodRules(
    summary="S against D, which tells S's maps from true ones.",
    options=("schedule", "lambda_adv", "gan", "compare"),
    d_options=("d_image", "d_truth", "d_truth_tau", "d_label_smoothing"),
    discriminator="patch",
    lambda_adv=0.1,
    boundaries=True,
    arms=("supervised",),
)
