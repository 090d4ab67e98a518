"""Text that carries its own checksum."""

import dataclasses
import json

import pytest

from tfadvseg.config import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.seals import is_whole, is_whole_json, sealed_json, sealed_lines

SPEC = ModelSpec(
    segmenter=SegmenterConfig(width=4),
    class_names=("a", "b"),
    palette=((0, 0, 0), (255, 255, 255)),
    image_channels=1,
    mean=(20.416666666666668,),
    std=(41.25,),
    foreground_class=None,
    dataset="folder",
    crop_size=(32, 32),
)


def test_sealed_lines_tell_every_change():
    text = sealed_lines("--a=1\n--b=2\n")
    assert is_whole(text)
    assert is_whole(text.replace("\n", "\r\n") + "\n")
    assert is_whole("--a=1\n"), "text without a checksum is taken as it is"
    for changed in (text.replace("a=1", "a=3"), text[:-6], text + "--c=3\n", text[:40]):
        assert not is_whole(changed), changed


def test_sealed_json_tells_every_change():
    fields = json.loads(sealed_json({"mean": (0.1, 1e-300), "name": "\udcff"}))
    assert is_whole_json(fields)
    assert is_whole_json({"mean": [1]})
    assert not is_whole_json(fields | {"mean": [0.1, 2e-300]})
    assert not is_whole_json(fields | {"more": 1})


def test_a_changed_number_of_a_model_is_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(SPEC.to_json())
    assert ModelSpec.load(tmp_path) == SPEC
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"mean": [99.5]}))
    with pytest.raises(UserError, match=r"model\.json: is not what was written there"):
        ModelSpec.load(tmp_path)
    # Models of earlier versions have no checksum.
    path.write_text(json.dumps(dataclasses.asdict(SPEC)))
    assert ModelSpec.load(tmp_path) == SPEC
    for odd in ("[]", "1", "{}", '{"segmenter": 3}', path.read_text()[:200]):
        path.write_text(odd)
        with pytest.raises(UserError, match=r"model\.json: not a model description"):
            ModelSpec.load(tmp_path)
