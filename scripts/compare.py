"""The command `tfadvseg compare`, for a checkout: python scripts/compare.py --help."""

from tfadvseg import cli
from tfadvseg.commands import compare

if __name__ == "__main__":
    cli.run(compare.main)
