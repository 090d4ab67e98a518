"""Networks: segmenters (image to logits) and discriminators (maps to logits)."""
