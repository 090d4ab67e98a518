"""Makes training windows for a run on another machine (docs/several_machines.md).

    tfadvseg serve-data --flagfile=my --data_service=grpc://a:5050,grpc://b:5050 --part=0    # on a
    tfadvseg serve-data --flagfile=my --data_service=grpc://a:5050,grpc://b:5050 --part=1    # on b
    tfadvseg train --flagfile=my --data_service=grpc://a:5050,grpc://b:5050

Each process makes an equal part of every batch. It needs the run's flags and its images, and
listens at the port of its address and at the next one. It uses no GPU, and runs until it is ended.
"""

import os

from absl import flags

from tfadvseg.flags.command_line import config_from_flags, define_train_flags

_PART = flags.DEFINE_integer(
    "part", 0, "Number of this process among the addresses of --data_service, from 0."
)

define_train_flags()


def main(argv: list[str]) -> None:
    del argv
    config = config_from_flags()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # set before TensorFlow looks for GPUs
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.run.data_server import serve_data

    serve_data(config, _PART.value)
