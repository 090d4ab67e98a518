"""The command `tfadvseg train`, for a checkout: python scripts/train.py --help."""

from tfadvseg import cli
from tfadvseg.commands import train

if __name__ == "__main__":
    cli.run(train.main)
