"""SegNet in PyTorch, as usual there, on the same batch: memory format channels-last."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.settings import INFERENCE_PART, TRAINING_PART, Settings
from benchmarks.torch_step import workload
from benchmarks.workload import Workloads

STAGES = (2, 2, 2)
CHANNELS = 3
CLASSES = 3


class SegNet(nn.Module):
    """`models.segnet` with stages (2, 2, 2) and the darkfield decoder.

    Images [B,3,H,W], H and W multiples of 8, to logits [B,3,H,W]. Parameters and buffers have the
    order of ours.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        filters = [width * 2**stage for stage in range(len(STAGES))]
        inputs = [CHANNELS, *filters]
        self.encoder = nn.ModuleList(
            _stage(inputs[i], filters[i], count) for i, count in enumerate(STAGES)
        )
        narrowed = [CLASSES, *filters]
        self.decoder = nn.ModuleList(
            _stage(filters[i], narrowed[i], count) for i, count in reversed([*enumerate(STAGES)])
        )

    def forward(self, x: Tensor) -> Tensor:
        places = []
        for stage in self.encoder:
            x, indices = functional.max_pool2d(stage(x), 2, 2, return_indices=True)
            places.append(indices)
        for stage, indices in zip(self.decoder, reversed(places), strict=True):
            x = stage(functional.max_unpool2d(x, indices, 2, 2))
        return x


def _stage(inputs: int, filters: int, count: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(count):
        layers += [
            nn.Conv2d(filters if index else inputs, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def training_step(model: SegNet, image: Tensor, label: Tensor) -> Callable[[], Tensor]:
    """One update, as a function that returns the loss: image [B,3,H,W], label [B,H,W] int64."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def train() -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(image).float(), label)
        loss.backward()
        optimizer.step()
        return loss

    return train


def build_segnet(settings: Settings, precision: str) -> Workloads:
    """The same training step and inference as `networks.build_network`."""
    model = SegNet(settings.width).to(memory_format=torch.channels_last)
    batch, size = settings.batch, settings.crop_size
    image = torch.randn(batch, CHANNELS, *size).to(memory_format=torch.channels_last)
    train = training_step(model, image, torch.randint(CLASSES, (batch, *size)))

    @torch.inference_mode()
    def infer() -> Tensor:
        model.eval()
        return model(image).float().softmax(dim=1)

    return {
        TRAINING_PART: workload(train, batch, precision),
        INFERENCE_PART: workload(infer, batch, precision),
    }
