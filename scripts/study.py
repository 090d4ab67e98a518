"""The command `tfadvseg study`, for a checkout: python scripts/study.py --help."""

from tfadvseg import cli
from tfadvseg.commands import study

if __name__ == "__main__":
    cli.run(study.main)
