"""The command `tfadvseg export`, for a checkout: python scripts/export.py --help."""

from tfadvseg import cli
from tfadvseg.commands import export

if __name__ == "__main__":
    cli.run(export.main)
