"""The command `tfadvseg predict`, for a checkout: python scripts/predict.py --help."""

from tfadvseg import cli
from tfadvseg.commands import predict

if __name__ == "__main__":
    cli.run(predict.main)
