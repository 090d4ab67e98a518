"""`benchmarks.worker` for candidates in PyTorch. Imports no TensorFlow.

python -m benchmarks.torch_worker < orders
"""

import torch

from benchmarks.settings import (
    ADAPTATION_TORCH,
    EXPORT_TORCH,
    SEGNET_TORCH,
    UNET_TORCH,
    Settings,
)
from benchmarks.torch_adaptation import build_adaptation
from benchmarks.torch_segnet import build_segnet
from benchmarks.torch_unet import build_served, build_unet
from benchmarks.turns import Streams, resident_memory, take_turns
from benchmarks.workload import Workloads


def build(name: str, settings: Settings, precision: str) -> Workloads:
    """The workloads of candidate `name`, on the CPU."""
    match name:
        case _ if name == SEGNET_TORCH:
            return build_segnet(settings, precision)
        case _ if name == UNET_TORCH:
            return build_unet(settings, precision)
        case _ if name == EXPORT_TORCH:
            return build_served(settings, precision)
        case _ if name == ADAPTATION_TORCH:
            return build_adaptation(settings, precision)
    raise ValueError(f"unknown candidate {name!r}")


def serve(streams: Streams) -> None:
    order = streams.next_order()
    name, settings, precision = order["candidate"], order["settings"], order["precision"]
    torch.manual_seed(0)
    take_turns(streams, lambda: build(name, settings, precision), settings, resident_memory)


if __name__ == "__main__":
    serve(Streams())
