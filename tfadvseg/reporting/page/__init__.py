"""`report.html`: one self-contained page per run and per study."""
