"""The signatures of an export, compared with NumPy around the Keras model."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfadvseg.export.encoded_images import decode_image
from tfadvseg.export.exported import load_exported
from tfadvseg.export.version_folder import EXTRA
from tfadvseg.export.warmup import FILE_NAME


def encode(image: np.ndarray, file_format: str, mode: str | None = None) -> bytes:
    """A uint8 image [H,W,C] as a file."""
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    buffer = io.BytesIO()
    (picture if mode is None else picture.convert(mode)).save(buffer, file_format, quality=95)
    return buffer.getvalue()


def read_png(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as png:
        assert png.format == "PNG"
        assert png.mode == "L"
        return np.array(png)


def call_encoded(signatures, files: list[bytes]) -> list[np.ndarray]:
    output = signatures["encoded"](image_bytes=tf.constant(files, tf.string))
    assert set(output) == {"label_bytes"}
    return [read_png(content) for content in output["label_bytes"].numpy()]


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported.folder))


@pytest.mark.parametrize("size", [(32, 32), (37, 50), (3, 2), (1, 1)])
@pytest.mark.parametrize("signature", ["serving_default", "serving_float"])
def test_probabilities_and_label(exported, loaded, signature, size):
    images = exported.images(*size, count=2)
    expected = exported.expected_probabilities(images)
    given = tf.constant(images, tf.uint8 if signature == "serving_default" else tf.float32)
    output = loaded.signatures[signature](image=given)
    assert set(output) == {"probabilities", "label"}
    probabilities, label = output["probabilities"], output["label"]
    assert probabilities.dtype == tf.float32
    assert label.dtype == tf.uint8
    assert label.shape == (2, *size)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, atol=1e-6)
    certain = np.sort(expected, axis=-1)[..., -1] - np.sort(expected, axis=-1)[..., -2] > 1e-4
    np.testing.assert_array_equal(label.numpy()[certain], expected.argmax(axis=-1)[certain])


def test_predictions_vary_over_the_image(exported):
    """Otherwise the comparisons in this file would show little."""
    labels = exported.expected_probabilities(exported.images(37, 50)).argmax(axis=-1)
    counts = np.bincount(labels.ravel(), minlength=exported.spec.num_classes)
    assert np.sort(counts)[-2] > 50


def test_float_signature_keeps_fractions(exported, loaded):
    images = exported.images(9, 9).astype(np.float32) + np.float32(0.5)
    output = loaded.signatures["serving_float"](image=tf.constant(images))
    np.testing.assert_allclose(
        output["probabilities"], exported.expected_probabilities(images), atol=1e-5
    )
    whole = exported.expected_probabilities(np.floor(images))
    assert np.abs(output["probabilities"] - whole).max() > 1e-4


def test_encoded_takes_sizes_of_one_request_as_they_come(exported, loaded):
    images = [exported.images(*size)[0] for size in [(20, 31), (8, 8), (33, 17)]]
    labels = call_encoded(loaded.signatures, [encode(image, "PNG") for image in images])
    assert [label.shape for label in labels] == [(20, 31), (8, 8), (33, 17)]
    for image, label in zip(images, labels, strict=True):
        direct = loaded.signatures["serving_default"](image=tf.constant(image[np.newaxis]))
        np.testing.assert_array_equal(label, direct["label"][0])


def test_encoded_jpeg_beside_png(exported, loaded):
    # Blocks of 8x8, like those of JPEG, so that it hardly changes them.
    image = np.kron(exported.images(5, 6)[0], np.ones((8, 8, 1), np.uint8))
    jpeg = encode(image, "JPEG")
    labels = call_encoded(loaded.signatures, [jpeg, encode(image, "PNG")])
    decoded = np.array(Image.open(io.BytesIO(jpeg))).reshape(image.shape)
    expected = exported.expected_probabilities(decoded[np.newaxis])[0]
    ordered = np.sort(expected, axis=-1)
    # JPEG decoders differ by a grey level at a few pixels.
    certain = ordered[..., -1] - ordered[..., -2] > 0.05
    assert certain.sum() > 200
    assert (labels[0] == expected.argmax(axis=-1))[certain].mean() > 0.99


def test_encoded_of_nothing_is_nothing(loaded):
    assert call_encoded(loaded.signatures, []) == []


def test_encoded_refuses_what_is_no_image(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError):
        call_encoded(loaded.signatures, [b"not an image"])


@pytest.mark.parametrize(
    ("file_format", "file_mode", "channels", "tolerance"),
    [
        ("PNG", "L", 1, 0),
        ("PNG", "L", 3, 0),
        ("PNG", "RGB", 3, 0),
        ("PNG", "RGB", 1, 1),
        ("PNG", "RGBA", 3, 0),
        ("PNG", "LA", 1, 0),
        ("JPEG", "L", 1, 2),
        ("JPEG", "L", 3, 2),
        ("JPEG", "RGB", 3, 2),
        ("JPEG", "RGB", 1, 2),
    ],
)
def test_decoding_agrees_with_pillow(file_format, file_mode, channels, tolerance):
    colours = np.random.default_rng(0).integers(0, 256, (4, 4, 4), np.uint8)
    # Each colour fills a block of 16x16, because JPEG would change single pixels.
    colours = np.kron(colours, np.ones((16, 16, 1), np.uint8))
    picture = Image.fromarray(colours).convert("RGB").convert(file_mode)
    buffer = io.BytesIO()
    picture.save(buffer, file_format, quality=100, subsampling=0)
    decoded = decode_image(tf.constant(buffer.getvalue()), channels)
    assert decoded.dtype == tf.uint8
    assert decoded.shape == (64, 64, channels)
    with Image.open(buffer) as read:
        expected = np.array(read.convert("L" if channels == 1 else "RGB")).reshape(64, 64, channels)
    difference = np.abs(decoded.numpy().astype(int) - expected)
    assert difference.max() <= tolerance


def test_every_grey_survives_decoding():
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    decoded = decode_image(tf.constant(encode(greys, "PNG")), channels=1)
    np.testing.assert_array_equal(decoded, greys)


def test_warmup_requests_run_on_the_signatures(exported, loaded):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(exported.folder / EXTRA / FILE_NAME))
    seen = []
    for record in records.as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        signature = loaded.signatures[request.model_spec.signature_name]
        # Like TensorFlow Serving, this compares names, dtypes and shapes with the signature.
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        output = signature(**{name: tf.constant(value) for name, value in inputs.items()})
        assert len(output) > 0
        if "image" in inputs:
            assert inputs["image"].shape[1:3] == exported.spec.crop_size
        seen.append(request.model_spec.signature_name)
    assert seen == ["serving_default", "serving_float", "encoded"]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_predictor_of_an_export(exported, dtype):
    predictor = load_exported(exported.folder.parent)
    assert predictor.spec == exported.spec
    assert predictor.source == str(exported.folder)
    images = exported.images(21, 30, count=3)
    probabilities = predictor.predict_probabilities(images.astype(dtype))
    np.testing.assert_allclose(probabilities, exported.expected_probabilities(images), atol=1e-5)


def test_predictor_refuses_other_shapes_and_dtypes(exported):
    predictor = load_exported(exported.folder)
    images = exported.images(8, 8)
    for wrong in (images[0], images[..., :0], images.astype(np.int32), images.astype(float)):
        with pytest.raises(ValueError, match=r"images: need"):
            predictor.predict_probabilities(wrong)
