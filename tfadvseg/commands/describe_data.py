"""Describes a dataset: each channel's mean and standard deviation, each class's pixels.

    tfadvseg describe-data --dataset=darkfield --data_dir=D
    tfadvseg describe-data --dataset=camvid --data_dir=D --split=train
    tfadvseg describe-data --dataset=darkfield --data_dir=D --split=test --seed=1
    tfadvseg describe-data --dataset=gta5 --data_dir=D --prepare=none
    tfadvseg describe-data --dataset=folder --data_dir=D --suggest=my.flags

Examples are read one by one, so that datasets of any size can be described. Means and deviations
are on the 0-255 scale. The frequency of a class is its share of the pixels that are not ignored;
its images are those that contain it. --suggest also prints likely faults of the data, and writes a
flagfile to start training from, with a reason for each line.
"""

from absl import flags

from tfadvseg.flags.command_line import data_config_from_flags, define_data_flags

_SPLIT = flags.DEFINE_string(
    "split",
    "all",
    "Images to describe: all, train or validation as in training, or a TFDS slice such as "
    "train[20:25]; of darkfield also test.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of the division of datasets that have no splits of their own."
)
_SUGGEST = flags.DEFINE_string(
    "suggest", None, "Flagfile to write for training on this dataset; it must not exist yet."
)

define_data_flags()


def main(argv: list[str]) -> None:
    del argv
    config = data_config_from_flags()
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.data.sources import stream_split
    from tfadvseg.data.statistics import format_statistics, measure
    from tfadvseg.run.suggestion import check_new, with_values_mapped, write_suggestion

    read = config
    if _SUGGEST.value:
        check_new(_SUGGEST.value)
        read = with_values_mapped(config, _SEED.value)
    descriptor, stream = stream_split(read, _SPLIT.value, _SEED.value)
    statistics = measure(stream, descriptor.num_classes)
    print(f"{config.dataset}, {_SPLIT.value}: {format_statistics(descriptor, statistics)}")
    if _SUGGEST.value:
        faults = write_suggestion(config, _SEED.value, _SUGGEST.value)
        print("\n".join(["", *(f"- {fault}" for fault in faults)]).rstrip())
        print(f"suggestion: {_SUGGEST.value}")
