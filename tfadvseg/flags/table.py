"""Every flag of a run: its name, the field of `Config` that it is, its help and its form."""

from dataclasses import dataclass
from typing import Any, get_args

from tfadvseg import config as c
from tfadvseg.config import segmenter as sc
from tfadvseg.data.catalogue import CATALOGUE
from tfadvseg.flags.kinds import (
    BY_EPOCH,
    CLASS_WEIGHTS,
    COUNTS,
    NAMES,
    NUMBERS,
    SIZE,
    VALUE_MAP,
    list_of,
)

DATASET_NAMES = (*CATALOGUE, "folder")


@dataclass(frozen=True)
class Flag:
    """One flag, and the field of `Config` that it is.

    Attributes:
        name: what users type.
        section: the field of `Config`.
        help: what `--helpfull` says.
        kind: how its text is read and written; an enum's choices where it is a tuple.
        field: the field's name within its section, where it is not the flag's.
    """

    name: str
    section: str
    help: str
    kind: Any
    field: str = ""

    @property
    def attribute(self) -> str:
        return self.field or self.name


def _optimizer_flags(prefix: str) -> tuple[Flag, ...]:
    """The flags of the segmenter's optimizer (`s`) or the discriminator's (`d`)."""
    owner = prefix.upper()
    table: tuple[tuple[str, str, Any], ...] = (
        ("optimizer", f"{owner}'s update rule.", get_args(c.OptimizerName)),
        ("learning_rate", f"{owner}'s highest learning rate.", float),
        ("decay", "Inverse-time decay an update: rate / (1 + decay * updates).", float),
        ("rate", f"How {owner}'s learning rate falls.", get_args(c.RateSchedule)),
        ("rate_steps", f"Epochs with which --{prefix}_rate=step falls tenfold.", COUNTS),
        ("warmup", "Updates over which the learning rate first rises.", int),
        ("momentum", f"Of --{prefix}_optimizer=sgd.", float),
        ("beta_2", f"Of --{prefix}_optimizer=adam, adamw and torch_adam.", float),
        (
            "weight_decay",
            "Of kernels only, but of all that deeplab_v2 trains with sgd; sgd or adamw.",
            float,
        ),
        ("clip_norm", "Largest global norm of the gradient; 0: not clipped.", float),
    )
    return tuple(
        Flag(f"{prefix}_{field}", f"{prefix}_optimizer", text, kind, field)
        for field, text, kind in table
    )


DATA_FLAGS = (
    Flag(
        "dataset",
        "data",
        "What to train on: an embedded set, a TFDS builder, or folder.",
        DATASET_NAMES,
    ),
    Flag(
        "data_dir", "data", "Folder of the raw files as downloaded. Embedded data needs none.", str
    ),
    Flag(
        "train_split",
        "data",
        "TFDS slice to train on, such as train[:20]. Default: the dataset's own.",
        str,
    ),
    Flag("val_split", "data", "TFDS slice to validate on. Default: the dataset's own.", str),
    Flag(
        "val_fraction",
        "data",
        "Share of the images that validates. Of folder (default 0.2) and darkfield (0.1), drawn by "
        "--seed; of camvid, stretches of train (default: val validates, or 0.2 without it).",
        float,
    ),
    Flag(
        "test_fraction",
        "data",
        "Share of the images that is kept for testing, drawn by --seed. For darkfield (default "
        "0.1). Another --val_fraction draws other images to test on.",
        float,
    ),
    Flag(
        "void_as_class",
        "data",
        "Count void as a twelfth class instead of ignoring it. For camvid.",
        bool,
    ),
    Flag(
        "official_split",
        "data",
        "Divide by the set's own split.mat into train, val and test. For gta5.",
        bool,
    ),
    Flag(
        "skip_damaged",
        "data",
        "Leave out frames whose label is of another size than the image. For gta5.",
        bool,
    ),
    Flag(
        "train_ids",
        "data",
        "Read *_labelTrainIds.png instead of *_labelIds.png. For cityscapes_semseg.",
        bool,
    ),
    Flag("class_names", "data", "Names of the classes by id. For folder.", NAMES),
    Flag(
        "value_map",
        "data",
        "Class id of each value in label files, as in 0:0,255:1. For folder.",
        VALUE_MAP,
    ),
    Flag(
        "label_suffix",
        "data",
        "What label files have after the image's stem, such as _mask. For folder.",
        str,
    ),
    Flag(
        "foreground_class",
        "data",
        "Name of the class inside objects, where membranes or other boundaries tell them apart: "
        "V_rand and V_info are measured then. For folder.",
        str,
    ),
    Flag(
        "train_list",
        "data",
        "Text file of stems to train on, one a line; with --val_list. For folder.",
        str,
    ),
    Flag("val_list", "data", "Text file of stems to validate on, one a line. For folder.", str),
    Flag(
        "resize",
        "data",
        "Size that every image is brought to first; empty: its own. Exports do it themselves.",
        SIZE,
    ),
    Flag(
        "prepare",
        "data",
        "How files become a prepared copy: by TFDS, by its way through Apache Beam, or not at all. "
        "The last two are for gta5 and cityscapes_semseg.",
        get_args(c.Preparation),
    ),
    Flag(
        "beam_options",
        "data",
        "Of --prepare=beam; runner=DirectRunner if empty.",
        list_of(str, "option=value,option=value,..."),
    ),
    Flag(
        "prepared_dir",
        "data",
        "Where TFDS keeps its prepared copies. Default: ~/tensorflow_datasets.",
        str,
    ),
)

_CROP_SIZE = Flag("crop_size", "data", "Size of a training window in pixels.", SIZE)

TARGET_FLAGS = tuple(
    Flag(
        f"target_{flag.name}",
        "target",
        f"As --{flag.name}, of the target domain.",
        str if flag.name == "dataset" else flag.kind,
        flag.name,
    )
    for flag in (*DATA_FLAGS, _CROP_SIZE)
)
"""The data flags once more, for the domain that adaptation adapts to."""

TRAIN_FLAGS = (
    Flag(
        "output_dir",
        "run",
        "Where everything goes. The same command continues a run found there.",
        str,
    ),
    Flag("seed", "run", "Of every random choice.", int),
    Flag(
        "method",
        "method",
        "supervised: S alone. adversarial: S against D. adaptation: S on a labelled source and an "
        "unlabelled target against a D a level. source_only: S on the source alone.",
        get_args(c.MethodName),
    ),
    Flag(
        "schedule",
        "method",
        "joint: S and D in every step. alternating: a phase each, every epoch.",
        get_args(c.ScheduleName),
    ),
    Flag(
        "lambda_adv",
        "method",
        "Weight of S's adversarial loss; by epoch, from 0, as in 0:0.1,3:1.0. Default: 0.1, with "
        "--method=adaptation 0.001.",
        BY_EPOCH,
    ),
    Flag(
        "lambda_seg_aux",
        "method",
        "Weight of the segmentation loss of the level before the last. For deeplab_v2.",
        float,
    ),
    Flag(
        "lambda_adv_aux",
        "method",
        "Weight of that level's adversarial loss; 0 builds no D for it.",
        float,
    ),
    Flag(
        "gan",
        "method",
        "Adversarial loss of --method=adaptation: binary cross-entropy or least squares.",
        get_args(c.GanLoss),
    ),
    Flag(
        "iter_size",
        "method",
        "Batches whose gradients' mean is one update. For adaptation and source_only.",
        int,
    ),
    Flag(
        "compare", "method", "Also train the standard network, S alone, on the same batches.", bool
    ),
    Flag(
        "epochs",
        "run",
        "Number of epochs. A finished run goes on if it is raised, unless its learning rate falls "
        "with it (poly, cosine).",
        int,
    ),
    Flag(
        "steps_per_epoch",
        "run",
        "Updates of S an epoch; 0: as many as show each training image once.",
        int,
    ),
    Flag("global_batch_size", "run", "Windows an update, over all replicas.", int),
    _CROP_SIZE,
    Flag("augment", "data", f"Any of {','.join(get_args(c.Augmentation))}; empty: none.", NAMES),
    Flag(
        "scale_range",
        "data",
        "Smallest and largest magnification of --augment=scale; it is never so small that "
        "--crop_size would not fit into the image.",
        list_of(float, "smallest,largest"),
    ),
    Flag(
        "shuffle",
        "data",
        "Draw the order of the training images anew each time round; else once.",
        bool,
    ),
    Flag(
        "mean",
        "data",
        "Of each channel (red,green,blue), subtracted from 0-255; empty: the training images' own.",
        NUMBERS,
    ),
    Flag("std", "data", "What each channel is then divided by; goes with --mean.", NUMBERS),
    Flag(
        "channel_order",
        "data",
        "In which S sees the channels of colour images.",
        get_args(c.ChannelOrder),
    ),
    Flag(
        "val_windows",
        "data",
        "Fixed windows to validate on after each epoch; 0: every image whole, unless some are "
        "larger than 2048 x 2048.",
        int,
    ),
    Flag("segmenter", "segmenter", "The segmenter S.", get_args(sc.SegmenterName)),
    Flag(
        "width",
        "segmenter",
        "Filters of S's first level, doubled at each halving of the resolution; 0: its own.",
        int,
    ),
    Flag("depth", "segmenter", "How often S halves the resolution; 0: its own.", int),
    Flag(
        "stage_convolutions",
        "segmenter",
        "Convolutions of each stage of segnet; empty: two each. The paper's: 2,2,3,3,3.",
        COUNTS,
    ),
    Flag(
        "segnet_decoder",
        "segmenter",
        "mirrored: plain logits. darkfield: as published, which clips its logits at 0.",
        get_args(sc.SegNetDecoder),
    ),
    Flag(
        "upsampling",
        "segmenter",
        "transposed: transposed convolutions. resize: interpolate, then convolve.",
        get_args(sc.Upsampling),
    ),
    Flag(
        "up_kernel",
        "segmenter",
        "Kernel of each upsampling by 2 of fcn and strided_unet; 0: 4, or 3 with resize.",
        int,
    ),
    Flag(
        "allow_checkerboard",
        "segmenter",
        "Allow an --up_kernel that covers pixels unevenly.",
        bool,
    ),
    Flag(
        "backbone",
        "segmenter",
        "Encoder of deeplabv3plus, of KerasCV's ResNets.",
        get_args(sc.BackboneName),
    ),
    Flag(
        "backbone_weights",
        "segmenter",
        "File of weights that the encoder of fcn8s or deeplabv3plus starts from.",
        str,
    ),
    Flag(
        "blocks",
        "segmenter",
        "Bottlenecks in each stage of deeplab_v2; empty: 3,4,23,3, a ResNet-101.",
        COUNTS,
    ),
    Flag("multi_level", "segmenter", "deeplab_v2 classifies after its third stage, too.", bool),
    Flag(
        "atrous_branches",
        "segmenter",
        "How many of an atrous classifier's four branches are summed; published weights: 2.",
        int,
    ),
    Flag(
        "batch_norm",
        "segmenter",
        "Of deeplab_v2 in training. published: batch statistics, fixed scale and offset. frozen: "
        "nothing moves. per_domain: as published, with statistics of its own for each domain.",
        get_args(sc.BatchNormMode),
    ),
    Flag(
        "stride_place",
        "segmenter",
        "Convolution of a bottleneck that strides: 1x1 as DeepLab, 3x3 as torchvision; auto: as "
        "--weights_source had it.",
        ("auto", *get_args(sc.StridePlace)),
    ),
    Flag(
        "recompute",
        "segmenter",
        "Recompute the stages' activations in the backward pass: less memory, more time. "
        "For deeplab_v2.",
        bool,
    ),
    Flag("weights", "segmenter", "Published file that deeplab_v2 or its VGG starts from.", str),
    Flag(
        "weights_source",
        "segmenter",
        "What kind of file that is, and so what it may lack.",
        get_args(sc.WeightsSource),
    ),
    Flag("class_weights", "loss", "Of the cross-entropy.", CLASS_WEIGHTS),
    Flag(
        "boundary_weight",
        "loss",
        "Weight of background, class 0, between two objects (U-Net's w0, there 10); 0: none.",
        float,
    ),
    Flag("boundary_sigma", "loss", "How far that weight reaches, in pixels.", float),
    Flag("lambda_dice", "loss", "Weight of a soft Dice term; 0: none.", float),
    Flag("lambda_focal", "loss", "Weight of a focal term; 0: none.", float),
    Flag("focal_gamma", "loss", "The focal term's exponent.", float),
    *_optimizer_flags("s"),
    Flag(
        "discriminator",
        "discriminator",
        "The discriminator D: one logit a window (encoder) or a map of them (patch, fc); auto: fc "
        "for adaptation, else patch.",
        get_args(c.DiscriminatorName),
    ),
    Flag(
        "d_width",
        "discriminator",
        "Filters of D's first level; doubled at each halving; 0: its own.",
        int,
    ),
    Flag("d_depth", "discriminator", "How often D halves the resolution.", int),
    Flag(
        "d_image", "discriminator", "How D sees the image beside the map.", get_args(c.ImageInput)
    ),
    Flag(
        "d_truth",
        "discriminator",
        "Form of labels for D: one_hot, or scaling: probabilities like S's own.",
        get_args(c.TruthForm),
    ),
    Flag(
        "d_truth_tau",
        "discriminator",
        "Least probability of the true class under --d_truth=scaling.",
        float,
    ),
    Flag("d_label_smoothing", "discriminator", "D's target for real maps is 1 minus this.", float),
    Flag("d_spectral_norm", "discriminator", "Spectral normalisation of the patch D.", bool),
    *_optimizer_flags("d"),
    Flag(
        "rate_epochs",
        "run",
        "Epochs over which poly and cosine learning rates fall; 0: all of --epochs.",
        int,
    ),
    Flag(
        "ema",
        "run",
        "Decay of an exponential moving average of S, measured and exported in its place; 0: none.",
        float,
    ),
    Flag(
        "best_metric",
        "run",
        "Validation metric that tells the best epoch: miou, accuracy, loss_seg, iou_CLASS, ...; "
        "last: none, the last epoch is kept; auto: last with a target domain, else miou.",
        str,
    ),
    Flag(
        "patience",
        "run",
        "Epochs without a better --best_metric after which training stops; 0: never.",
        int,
    ),
    Flag(
        "test_scales",
        "run",
        "Magnifications of an image over which the final measurements and the export average.",
        NUMBERS,
    ),
    Flag(
        "checkpoint_every", "run", "Updates between checkpoints; 0: at the end of each epoch.", int
    ),
    Flag("keep_checkpoints", "run", "How many checkpoints to keep.", int),
    Flag(
        "precision",
        "run",
        "Of activations; auto takes what the device runs fast.",
        get_args(c.Precision),
    ),
    Flag(
        "strategy",
        "run",
        "Of this machine's GPUs, mirrored takes all and one_device the first; auto mirrors where "
        "there are several.",
        get_args(c.StrategyName),
    ),
    Flag("xla", "run", "Compile the steps with XLA. For one GPU; slower on CPUs.", bool),
    Flag(
        "deterministic", "run", "The same command on the same machine gives the same numbers.", bool
    ),
    Flag("export", "run", "Write a SavedModel when training ends.", bool),
)
