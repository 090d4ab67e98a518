import numpy as np
import tensorflow as tf

from tests.testing_utils import MEMBRANES, tiny_config, tiny_state
from tfadvseg.data.examples import Examples
from tfadvseg.data.sources import Splits
from tfadvseg.files.start_facts import read_start_facts
from tfadvseg.run.loading import RunData
from tfadvseg.run.start_facts import write_start_facts
from tfadvseg.training.types import Phase

WINDOWS = {
    "source_image": np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1),
    "source_label": np.array([[[0, 1]], [[1, 1]]], np.int32),
    "target_image": np.ones([1, 3, 3, 1], np.float32),
}


def facts(folder, model, part=b"\x00\x01"):
    image = np.frombuffer(part, np.uint8).reshape(1, 2, 1)
    examples = Examples(("a",), (image,), (image[..., 0],))
    data = RunData(tiny_config(), Splits(MEMBRANES, examples, examples), None, "", ())
    batches = tf.data.Dataset.from_tensors(WINDOWS)
    phase = Phase("adapt", lambda batch, weights: {}, 5, lambda epoch, first: batches)
    write_start_facts(folder, data, model, [phase])
    return read_start_facts(folder)


def test_what_is_recorded(tmp_path):
    model = tiny_state(tiny_config()).segmenter.model
    found = facts(tmp_path, model)
    assert found.images == {"train": 1, "validation": 1}
    assert list(found.parts) == ["train", "validation"]
    (phase,) = found.phases
    assert (phase.name, phase.updates) == ("adapt", 5)
    assert phase.windows == {"image": 2, "target_image": 1}
    # Means of 0..3 and 4..7; of a window's labels.
    assert phase.first_batch == {"image": [1.5, 5.5], "label": [0.5, 1], "target_image": [1]}
    assert found.windows_per_epoch() == {"image": 10, "target_image": 5}
    assert found.parameters == sum(v.numpy().size for v in model.trainable_variables)


def test_what_another_start_changes(tmp_path):
    """S begins alike with and without D; another seed or image shows."""
    against = tiny_config(method={"method": "adversarial"})
    alone = tiny_config(method={"method": "supervised", "lambda_adv": ()})
    first = facts(tmp_path, tiny_state(against).segmenter.model)
    assert facts(tmp_path, tiny_state(alone).segmenter.model) == first
    seed = facts(tmp_path, tiny_state(alone, seed=2).segmenter.model)
    assert (seed.parts, seed.parameters) == (first.parts, first.parameters)
    assert seed.initial_weights != first.initial_weights
    image = facts(tmp_path, tiny_state(alone).segmenter.model, b"\x00\x02")
    assert image.parts != first.parts and image.initial_weights == first.initial_weights


def test_earlier_versions_recorded_nothing(tmp_path):
    assert read_start_facts(tmp_path) is None
