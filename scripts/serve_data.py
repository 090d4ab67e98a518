"""The command `tfadvseg serve-data`, for a checkout: python scripts/serve_data.py --help."""

from tfadvseg import cli
from tfadvseg.commands import serve_data

if __name__ == "__main__":
    cli.run(serve_data.main)
