"""The U-Net in PyTorch, as usual there, on the same batch: memory format channels-last."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.settings import INFERENCE_PART, TRAINING_PART, Settings, export_parts
from benchmarks.torch_step import workload
from benchmarks.workload import Workloads

DEPTH = 4


class UNet(nn.Module):
    """`models.unet` for grey images and two classes.

    Images [B,1,H,W], H and W multiples of 16, to logits [B,1,H,W] of class 1. Parameters and
    buffers have the order of ours.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        filters = [width * 2**level for level in range(DEPTH + 1)]
        inputs = [1, *filters]
        self.down = nn.ModuleList(
            nn.Sequential(*_block(inputs[level], own), *_block(own, own))
            for level, own in enumerate(filters)
        )
        self.up = nn.ModuleList(
            nn.Sequential(*_block(3 * own, own), *_block(own, own))
            for own in reversed(filters[:-1])
        )
        self.logits = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2), skip], dim=1))
        return self.logits(x)


def _block(inputs: int, filters: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, filters, 3, padding=1, bias=False),
        nn.BatchNorm2d(filters, eps=1e-3),
        nn.LeakyReLU(0.2, inplace=True),
    ]


def training_step(model: UNet, image: Tensor, label: Tensor) -> Callable[[], Tensor]:
    """One update, as a function that returns the loss: image [B,1,H,W], label [B,H,W] in {0,1}."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def train() -> Tensor:
        model.train()
        optimizer.zero_grad()
        logits = model(image).float()[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, label.float())
        loss.backward()
        optimizer.step()
        return loss

    return train


def build_unet(settings: Settings, precision: str) -> Workloads:
    """The same training step and inference as `networks.build_network`."""
    model = UNet(settings.width).to(memory_format=torch.channels_last)
    batch, size = settings.batch, settings.crop_size
    image = torch.randn(batch, 1, *size).to(memory_format=torch.channels_last)
    train = training_step(model, image, torch.randint(2, (batch, *size)))
    return {
        TRAINING_PART: workload(train, batch, precision),
        INFERENCE_PART: workload(_inference(model, image), batch, precision),
    }


def build_served(settings: Settings, precision: str) -> Workloads:
    """The same answers as the candidates of `exports`: probabilities and labels of raw images."""
    model = UNet(settings.width).to(memory_format=torch.channels_last)

    def answer(count: int) -> Callable[[], Tensor]:
        raw = torch.randint(256, (count, 1, *settings.crop_size), dtype=torch.uint8)
        raw = raw.to(memory_format=torch.channels_last)
        return _inference(model, raw)

    return {
        part: workload(answer(count), count, precision)
        for part, count in export_parts(settings).items()
    }


def _inference(model: UNet, image: Tensor) -> Callable[[], Tensor]:
    @torch.inference_mode()
    def infer() -> Tensor:
        model.eval()
        return model(image.float()).float().sigmoid()

    return infer
