"""The state_dicts that tests load: the content of a PyTorch network of some size."""

import zlib

import numpy as np

from tfadvseg.interop.tensor_files import Tensors


def random_state_dict(spec: list[tuple[str, tuple[int, ...]]], salt: str = "") -> Tensors:
    """Arrays made by a rule instead of a file: pure functions of `salt` and the name.

    Kernels are He-normal, variances and scales near 1, the rest small.
    """
    return {name: _values(name, tuple(shape), salt) for name, shape in spec}


def _values(name: str, shape: tuple[int, ...], salt: str) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    seed = zlib.crc32((salt + name).encode())
    n = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
    if name.endswith("running_var"):
        n = 1 + 0.1 * np.abs(n)
    elif name.endswith(("running_mean", ".bias")):
        n = 0.1 * n
    elif len(shape) == 1:
        n = (1 + 0.1 * n) * (0.2 if name.endswith("bn3.weight") else 1)
    else:
        n = n * np.sqrt(2 / np.prod(shape[1:]))
    return np.asarray(n, np.float32)


def resnet_spec(
    blocks: tuple[int, ...] = (1, 1, 1, 1),
    width: int = 4,
    classifiers: tuple[int, ...] = (3, 4),
    first_classifier: int = 5,
    classes: int = 5,
) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of AdaptSegNet's ResNet, as in its code.

    Args:
        classifiers: the stages that they are attached to.
        first_classifier: layer number of the first one.
    """

    def norm(name: str, n: int) -> list[tuple[str, tuple[int, ...]]]:
        vectors = ("weight", "bias", "running_mean", "running_var")
        return [*((f"{name}.{v}", (n,)) for v in vectors), (f"{name}.num_batches_tracked", ())]

    spec = [("conv1.weight", (width, 3, 7, 7)), *norm("bn1", width)]
    channels = width
    for stage, count in enumerate(blocks, start=1):
        inner, outer = width * 2 ** (stage - 1), 4 * width * 2 ** (stage - 1)
        for index in range(count):
            name = f"layer{stage}.{index}"
            spec += [(f"{name}.conv1.weight", (inner, channels, 1, 1))]
            spec += norm(f"{name}.bn1", inner)
            spec += [(f"{name}.conv2.weight", (inner, inner, 3, 3))]
            spec += norm(f"{name}.bn2", inner)
            spec += [(f"{name}.conv3.weight", (outer, inner, 1, 1))]
            spec += norm(f"{name}.bn3", outer)
            if index == 0:
                spec += [(f"{name}.downsample.0.weight", (outer, channels, 1, 1))]
                spec += norm(f"{name}.downsample.1", outer)
            channels = outer
    for number, stage in enumerate(classifiers, start=first_classifier):
        for branch in range(4):
            name = f"layer{number}.conv2d_list.{branch}"
            shape = (classes, 4 * width * 2 ** (stage - 1), 3, 3)
            spec += [(f"{name}.weight", shape), (f"{name}.bias", (classes,))]
    return spec
