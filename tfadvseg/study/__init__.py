"""Paired studies: arms x seeds, launched, gathered and compared."""
