"""The command `tfadvseg evaluate`, for a checkout: python scripts/evaluate.py --help."""

from tfadvseg import cli
from tfadvseg.commands import evaluate

if __name__ == "__main__":
    cli.run(evaluate.main)
