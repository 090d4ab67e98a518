"""Flagfiles of published and measured experiments, one each; installed as `tfadvseg_configs`."""
