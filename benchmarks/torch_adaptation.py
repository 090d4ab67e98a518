"""The iteration of domain adaptation in PyTorch, in the published order.

S on source, S on target through Ds with frozen weights, each D on source and on target predictions;
then all updates. Modules are named as in the published code, so that its weights fit.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.settings import Settings
from benchmarks.torch_step import workload
from benchmarks.workload import Workloads

CLASSES = 19
LAMBDA_SEG = (0.1, 1.0)
LAMBDA_ADV = (0.0002, 0.001)
SOURCE, TARGET = 0.0, 1.0
_BLOCKS = {True: (3, 4, 23, 3), False: (1, 1, 1, 1)}


class Bottleneck(nn.Module):
    """[B,C,H,W] to [B,4*width,ceil(H/stride),ceil(W/stride)]."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride, bias=False)
        self.bn1 = _fixed_batch_norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = _fixed_batch_norm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = _fixed_batch_norm(4 * width)
        self.downsample: nn.Module = nn.Identity()
        if project:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), _fixed_batch_norm(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x), inplace=True)


class Classifier(nn.Module):
    """The sum of four dilated convolutions: [B,C,h,w] to [B,CLASSES,h,w]."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(inputs, CLASSES, 3, padding=rate, dilation=rate) for rate in (6, 12, 18, 24)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (convolution(x) for convolution in self.conv2d_list)
        for other in others:
            first = first + other
        return first


class Segmenter(nn.Module):
    """`models.deeplab_v2` with two levels: images [B,3,H,W] to logits of both, [B,19,h,w]."""

    def __init__(self, blocks: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = _fixed_batch_norm(width)
        self.layer1 = _stage(blocks[0], width, width, 1, 1)
        self.layer2 = _stage(blocks[1], 4 * width, 2 * width, 2, 1)
        self.layer3 = _stage(blocks[2], 8 * width, 4 * width, 1, 2)
        self.layer4 = _stage(blocks[3], 16 * width, 8 * width, 1, 4)
        self.layer5 = Classifier(16 * width)
        self.layer6 = Classifier(32 * width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.layer5(x), self.layer6(self.layer4(x))

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters with the base learning rate, and the classifiers' with ten times that."""
        named = [(name, p) for name, p in self.named_parameters() if p.requires_grad]
        classifiers = ("layer5", "layer6")
        return (
            [p for name, p in named if not name.startswith(classifiers)],
            [p for name, p in named if name.startswith(classifiers)],
        )


def _stage(blocks: int, inputs: int, width: int, stride: int, dilation: int) -> nn.Sequential:
    first = Bottleneck(inputs, width, stride, dilation, project=True)
    others = (Bottleneck(4 * width, width, 1, dilation, False) for _ in range(blocks - 1))
    return nn.Sequential(first, *others)


def _fixed_batch_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    for parameter in norm.parameters():
        parameter.requires_grad = False
    return norm


class Discriminator(nn.Module):
    """`models.fc_discriminator`: maps [B,19,H,W] to logits [B,1,H//32,W//32]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [CLASSES, width, 2 * width, 4 * width, 8 * width]
        for index in range(1, 5):
            self.add_module(
                f"conv{index}", nn.Conv2d(channels[index - 1], channels[index], 4, 2, 1)
            )
        self.classifier = nn.Conv2d(8 * width, 1, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.children()
        for convolution in hidden:
            x = functional.leaky_relu(convolution(x), 0.2, inplace=True)
        return last(x)


class Iteration:
    """S, one D per level, and their optimizers."""

    def __init__(self, full_depth: bool, width: int) -> None:
        self.segmenter = Segmenter(_BLOCKS[full_depth], width)
        self.discriminators = [Discriminator(width) for _ in range(2)]
        networks: list[nn.Module] = [self.segmenter, *self.discriminators]
        for network in networks:
            network.to(memory_format=torch.channels_last)
        body, classifiers = self.segmenter.parameter_groups()
        self.s_optimizer = torch.optim.SGD(
            [{"params": body}, {"params": classifiers, "lr": 2.5e-3}],
            lr=2.5e-4,
            momentum=0.9,
            weight_decay=5e-4,
        )
        self.d_optimizers = [
            torch.optim.Adam(d.parameters(), lr=1e-4, betas=(0.9, 0.99))
            for d in self.discriminators
        ]

    def step(self, source: Tensor, label: Tensor, target: Tensor) -> Tensor:
        """One update of S and both Ds.

        Args:
            source, target: images [B,3,H,W].
            label: of the source images, [B,H,W] int64.

        Returns:
            The last level's segmentation loss.
        """
        for optimizer in self._optimizers():
            optimizer.zero_grad()
        self._hold_discriminators(True)
        on_source = [*self._predictions(source)]
        losses = [functional.cross_entropy(p, label, ignore_index=255) for p in on_source]
        sum(w * loss for w, loss in zip(LAMBDA_SEG, losses, strict=True)).backward()
        on_target = [*self._predictions(target)]
        answers = [
            _answer(d, p, SOURCE) for d, p in zip(self.discriminators, on_target, strict=True)
        ]
        sum(w * loss for w, loss in zip(LAMBDA_ADV, answers, strict=True)).backward()
        self._hold_discriminators(False)
        for predictions, domain in ((on_source, SOURCE), (on_target, TARGET)):
            for d, p in zip(self.discriminators, predictions, strict=True):
                (_answer(d, p.detach(), domain) / 2).backward()
        for optimizer in self._optimizers():
            optimizer.step()
        return losses[-1]

    def _predictions(self, image: Tensor) -> Iterator[Tensor]:
        """Logits of each level at the image's size, float32."""
        size = image.shape[2:]
        for logits in self.segmenter(image):
            yield functional.interpolate(logits.float(), size, mode="bilinear", align_corners=True)

    def _hold_discriminators(self, hold: bool) -> None:
        for discriminator in self.discriminators:
            discriminator.requires_grad_(not hold)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.s_optimizer, *self.d_optimizers]


def _answer(discriminator: Discriminator, predictions: Tensor, domain: float) -> Tensor:
    """D's loss for the wanted answer `domain`."""
    logits = discriminator(predictions.softmax(dim=1)).float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))


def build_adaptation(settings: Settings, precision: str) -> Workloads:
    """The same iteration as `adaptation.build_adaptation`."""
    iteration = Iteration(settings.full_depth, settings.width)
    shape = (settings.batch, 3, *settings.crop_size)
    source, target = (torch.randn(shape).to(memory_format=torch.channels_last) for _ in range(2))
    label = torch.randint(CLASSES, (settings.batch, *settings.crop_size))
    return {
        "": workload(lambda: iteration.step(source, label, target), 2 * settings.batch, precision)
    }
