"""The networks of --segmenter, at typical sizes: training steps and inference."""

import tensorflow as tf

from benchmarks.input_pipeline import consuming, synthetic_windows
from benchmarks.settings import FED_PART, INFERENCE_PART, INPUT_PART, TRAINING_PART, Settings
from benchmarks.steps import Step, fed_training, inference, training
from benchmarks.workload import Workloads
from tfadvseg.compat.addons import tfa
from tfadvseg.config import Config, DataConfig, MethodConfig, OptimizerConfig, SegmenterConfig
from tfadvseg.config.segmenter import SegmenterName
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.methods.building import build_state
from tfadvseg.models.layers import batch_norm
from tfadvseg.training.optimizers import Length, build_optimizer
from tfadvseg.training.state import Builder, Learner, TrainState

CAMVID = descriptor_of("camvid")
CELLS = descriptor_of("cells")
MEMBRANES = descriptor_of("membranes")

SEGNET_STAGES = (2, 2, 2)
MOMENTUM = 0.9
LEARNING_RATE = 1e-3


def build_network(name: SegmenterName, settings: Settings) -> Workloads:
    """The network's training step and inference; for the CamVid networks also the input."""
    config, descriptor = network_config(name, settings)
    return _workloads(
        config,
        build_state(Builder(config, descriptor)),
        settings,
        descriptor,
        with_input=name in ("fcn", "strided_unet"),
    )


def camvid_windows(settings: Settings, descriptor: DatasetDescriptor) -> tf.data.Dataset:
    """Whole frames, half of them mirrored, as in camvid_fcn.flags and camvid_unet.flags."""
    return synthetic_windows(settings, ("flip",), descriptor, settings.crop_size)


def build_segnet_tfa(settings: Settings) -> Workloads:
    """SegNet as in `build_network`, but unpooling with TensorFlow Addons."""
    config, descriptor = network_config("segnet", settings)
    model = segnet_tfa(settings.width)
    optimizer = build_optimizer(config.s_optimizer, model, Length())
    learner = Learner(model, optimizer, "segmenter")
    state = TrainState(tf.Variable(0, dtype=tf.int64), {"segmenter": learner})
    return _workloads(config, state, settings, descriptor)


def network_config(name: SegmenterName, settings: Settings) -> tuple[Config, DatasetDescriptor]:
    """The network at its published size, except for `settings`, and the data it is meant for."""
    descriptor = CAMVID
    match name:
        case "unet":
            segmenter, descriptor = SegmenterConfig(width=settings.width), MEMBRANES
        case "segnet":
            segmenter = SegmenterConfig(
                name,
                settings.width,
                stage_convolutions=SEGNET_STAGES,
                segnet_decoder="darkfield",
            )
            descriptor = CELLS
        case "deeplabv3plus":
            segmenter = SegmenterConfig(
                name, backbone="resnet50_v2" if settings.full_depth else "resnet18_v2"
            )
        case _:
            segmenter = SegmenterConfig(name, settings.width)
    config = Config(
        data=DataConfig(crop_size=settings.crop_size),
        segmenter=segmenter,
        s_optimizer=OptimizerConfig("sgd", LEARNING_RATE, momentum=MOMENTUM),
        method=MethodConfig(method="supervised"),
    )
    return config, descriptor


def segnet_tfa(width: int) -> tf.keras.Model:
    """The darkfield network of `models.segnet` for multiples of its stride, as usual in the field.

    Pooling keeps the indices of the maxima, and `tfa.layers.MaxUnpooling2D` scatters to them. The
    variables are those of `models.segnet`, in the same order.
    """
    images = tf.keras.Input((None, None, CELLS.image_channels))
    x, places = images, []
    filters = [width * 2**stage for stage in range(len(SEGNET_STAGES))]
    for stage, count in enumerate(SEGNET_STAGES):
        for index in range(count):
            x = _convolution_block(x, filters[stage], f"down{stage}_{index}")
        x, indices = tf.nn.max_pool_with_argmax(x, 2, 2, "SAME", include_batch_in_index=False)
        places.append(indices)
    narrowed = [CELLS.num_classes, *filters]
    for stage, count in reversed([*enumerate(SEGNET_STAGES)]):
        x = tfa.layers.MaxUnpooling2D()(x, places[stage])
        for index in range(count):
            x = _convolution_block(x, narrowed[stage], f"up{stage}_{index}")
    logits = tf.keras.layers.Activation("linear", dtype="float32")(x)
    return tf.keras.Model(images, logits)


def _convolution_block(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    x = tf.keras.layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return tf.keras.layers.ReLU()(batch_norm(name, momentum=0.9, epsilon=1e-5)(x))


def _workloads(
    config: Config,
    state: TrainState,
    settings: Settings,
    descriptor: DatasetDescriptor,
    with_input: bool = False,
) -> Workloads:
    step = Step(config, state, settings, descriptor)
    workloads = {TRAINING_PART: training(step)}
    if with_input:
        windows = camvid_windows(settings, descriptor)
        workloads[FED_PART] = fed_training(step, windows)
        workloads[INPUT_PART] = consuming(windows, settings)
    workloads[INFERENCE_PART] = inference(state.segmenter.model, step.batch["image"])
    return workloads
