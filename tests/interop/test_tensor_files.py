"""Files of named tensors: round trips, files from other programs, and damage."""

import json
import pickle
import sys

import numpy as np
import pytest

from tfadvseg.errors import UserError
from tfadvseg.interop.tensor_files import check_kind, read_tensors, write_tensors

TENSORS = {
    "b.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 7,
    "a.bias": np.array([-1.5, 2.0], np.float32),
    "n.num_batches_tracked": np.zeros((), np.int64),
}


def safetensors_file(path, entries, data, padding=b""):
    """A file laid out by the format's specification."""
    header = json.dumps(entries).encode() + padding
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_written_is_read_again(suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    write_tensors(path, TENSORS)
    read = read_tensors(path)
    if suffix == ".npz":
        assert list(read) == list(TENSORS), "in order"
    assert read.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(read[name], value)
        assert read[name].dtype == value.dtype and read[name].shape == value.shape


def test_a_compressed_archive_with_any_byte_changed_is_read_or_refused(tmp_path):
    whole, path = tmp_path / "whole.npz", tmp_path / "damaged.npz"
    np.savez_compressed(whole, **TENSORS)
    content = whole.read_bytes()
    refused = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            read_tensors(path)
        except UserError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > len(content) / 2


def test_what_cannot_be_written_is_known_before(monkeypatch, tmp_path):
    for suffix in (".npz", ".safetensors"):
        check_kind(tmp_path / f"w{suffix}")
    with pytest.raises(UserError, match=r"w\.h5: unknown format of weights"):
        check_kind(tmp_path / "w.h5")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r"w\.pth: needs PyTorch"):
        check_kind(tmp_path / "w.pth")


def test_a_safetensors_file_by_the_specification(tmp_path):
    values = np.array([[1.0, -2.5, 3.25]])
    chunks = [
        np.array([0x3F80, 0xC020], "<u2").tobytes(),
        values.astype("<f2").tobytes(),
        values.astype("<f8").tobytes(),
        np.array([7], "<i4").tobytes(),
    ]
    kinds = [("BF16", [2]), ("F16", [1, 3]), ("F64", [1, 3]), ("I32", [])]
    entries, offset = {"__metadata__": {"format": "pt"}}, 0
    for index, ((kind, shape), chunk) in enumerate(zip(kinds, chunks, strict=True)):
        offsets = [offset, offset := offset + len(chunk)]
        entries[f"t{index}"] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
    path = safetensors_file(tmp_path / "w.safetensors", entries, b"".join(chunks), b"   ")
    read = read_tensors(path)
    np.testing.assert_array_equal(read["t0"], [1.0, -2.5])
    np.testing.assert_array_equal(read["t1"], values)
    np.testing.assert_array_equal(read["t2"], values)
    assert read["t3"] == 7 and read["t3"].dtype == np.int64
    assert {read[f"t{i}"].dtype for i in range(3)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "fields",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F8", "shape": [8], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2]},
        ["F32"],
    ],
)
def test_a_safetensors_header_that_lies_is_refused(fields, tmp_path):
    path = safetensors_file(tmp_path / "w.safetensors", {"t": fields}, bytes(8))
    with pytest.raises(UserError, match="damaged, or not a safetensors"):
        read_tensors(path)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_damage_absence_and_other_kinds_are_named(suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    with pytest.raises(UserError, match=r"weights.*no such file"):
        read_tensors(path)
    write_tensors(path, TENSORS)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not weights at all"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            read_tensors(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match="cannot read it"):
        read_tensors(path)
    with pytest.raises(UserError, match="cannot write it"):
        write_tensors(path, TENSORS)
    with pytest.raises(
        UserError, match=r"weights.bin: unknown format.*\.npz, \.safetensors, \.pth"
    ):
        read_tensors(tmp_path / "weights.bin")


def test_nothing_pickled_in_an_npz_is_executed(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.array([{"x": 1}], object))
    with pytest.raises(UserError, match=r"not a \.npz of plain arrays"):
        read_tensors(path)


def test_values_must_be_finite_numbers(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, fine=np.ones(2), broken=np.array([1.0, np.nan]))
    with pytest.raises(UserError, match="broken contains values that are not finite"):
        read_tensors(path)
    np.savez(path, text=np.array(["a"]))
    with pytest.raises(UserError, match="text has type"):
        read_tensors(path)


def test_a_pth_without_pytorch_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    path = tmp_path / "w.pth"
    with pytest.raises(UserError, match=r"tfadvseg\[torch\].*safetensors"):
        write_tensors(path, {})
    assert not path.exists()
    path.touch()
    with pytest.raises(UserError, match=r"tfadvseg\[torch\].*safetensors"):
        read_tensors(path)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def test_pth_round_trip(torch, tmp_path):
    write_tensors(tmp_path / "w.pth", TENSORS)
    loaded = torch.load(tmp_path / "w.pth", weights_only=True)
    assert list(loaded) == list(TENSORS)
    assert loaded["n.num_batches_tracked"].dtype == torch.int64
    for name, value in read_tensors(tmp_path / "w.pth").items():
        np.testing.assert_array_equal(value, TENSORS[name])


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_pth_files_of_old_and_new_pytorch_and_nested_ones(torch, options, tmp_path):
    state = {"w": torch.ones(2, dtype=torch.bfloat16), "p": torch.nn.Parameter(torch.zeros(3))}
    for content in (state, {"epoch": 3, "state_dict": state}):
        torch.save(content, tmp_path / "w.pt", **options)
        read = read_tensors(tmp_path / "w.pt")
        np.testing.assert_array_equal(read["w"], np.ones(2, np.float32))
        np.testing.assert_array_equal(read["p"], np.zeros(3, np.float32))


class Harmful:
    """Code that a pickle could run on loading."""

    def __reduce__(self):
        return (open, ("harm", "w"))


def test_a_pth_with_code_in_it_is_refused_and_not_run(torch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"w": Harmful()}))
    with pytest.raises(UserError, match="more than tensors"):
        read_tensors("w.pth")
    assert not (tmp_path / "harm").exists()
    torch.save({"w": [1, 2]}, "w.pth")
    with pytest.raises(UserError, match="not a state_dict"):
        read_tensors("w.pth")
    (tmp_path / "w.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UserError, match="damaged"):
        read_tensors("w.pth")
