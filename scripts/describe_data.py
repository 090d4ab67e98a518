"""The command `tfadvseg describe-data`, for a checkout: python scripts/describe_data.py --help."""

from tfadvseg import cli
from tfadvseg.commands import describe_data

if __name__ == "__main__":
    cli.run(describe_data.main)
