"""The command `tfadvseg convert`, for a checkout: python scripts/convert.py --help."""

from tfadvseg import cli
from tfadvseg.commands import convert

if __name__ == "__main__":
    cli.run(convert.main)
