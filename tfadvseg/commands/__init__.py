"""The commands: what each defines as flags and does with them."""
