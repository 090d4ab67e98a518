"""The benchmark runs, counts correctly and compares fairly. Nothing here asserts a time."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "benchmark.py"


@pytest.fixture(autouse=True)
def _import_from_the_checkout(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def measured(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess, dict]:
    """A quick run in float32: the process and its JSON."""
    path = folder / "figures.json"
    result = run("--quick", "--precisions=float32", f"--output_json={path}", *arguments)
    assert result.returncode == 0, result.stderr
    return result, json.loads(path.read_text())


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A run of a few of the default candidates."""
    folder = tmp_path_factory.mktemp("benchmark")
    return measured(folder, "--only=matmul,supervised,pipeline")


def assert_all_measured(figures: dict, *candidates: str) -> None:
    """The given candidates, in every round."""
    assert {entry["candidate"] for entry in figures["measured"]} == set(candidates)
    for entry in figures["measured"]:
        assert len(entry["seconds"]) == entry["settings"]["rounds"] == 2
        assert min(entry["seconds"]) > 0
        assert entry["peak_memory"] >= entry["empty_memory"] > 0


@pytest.mark.slow
def test_every_candidate_is_measured_in_every_round(quick):
    _, figures = quick
    assert_all_measured(figures, "matmul", "supervised", "pipeline")
    pipelines = [e["part"] for e in figures["measured"] if e["candidate"] == "pipeline"]
    assert pipelines[0] == "windows only"
    assert {"rotate", "flip", "elastic", "photometric"} < set(pipelines)
    assert pipelines[-1] == "rotate,flip,elastic,photometric"


@pytest.mark.slow
def test_figures_agree_with_each_other(quick):
    _, figures = quick
    entries = {e["candidate"]: e for e in figures["measured"]}
    supervised = entries["supervised"]
    assert supervised["images"] == supervised["settings"]["batch"] == 2
    assert supervised["images_per_second"] == pytest.approx(2 / supervised["median_seconds"])
    products = [e for e in figures["measured"] if e["candidate"] == "matmul"]
    assert [e["part"] for e in products] == ["64 x 64", "128 x 128"]
    peaks = np.max([e["operations"] / np.array(e["seconds"]) for e in products], axis=0)
    rates = supervised["operations"] / np.array(supervised["seconds"])
    assert supervised["share_of_peak"] == pytest.approx(np.median(rates / peaks))
    assert max(e["share_of_peak"] for e in products) <= 1
    assert supervised["operations"] < supervised["plain_operations"], "the tied up-convolution"
    ratios = {r["what"]: r for r in figures["ratios"]}
    times_faster = ratios["input pipeline: speed relative to S's step"]
    # The entry with all augmentation, which is the candidate's last.
    assert times_faster["rounds"] == pytest.approx(
        np.divide(supervised["seconds"], entries["pipeline"]["seconds"])
    )
    assert len(ratios) == 2, "of what is there"
    assert not any(r["aim"] for r in figures["ratios"]), "aims are for the full size only"


@pytest.mark.slow
def test_table_is_aligned_and_progress_is_apart(quick):
    result, figures = quick
    lines = result.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("float32 "))
    table = lines[start : start + 1 + len(figures["measured"])]
    assert len({len(line) for line in table}) == 1, "the last column reaches the same edge"
    assert table[0].endswith("peak MiB")
    assert "float32: round 2/2" in result.stderr
    assert "round 2/2" not in result.stdout


@pytest.mark.slow
def test_the_default_group_is_the_experiment_and_its_yardsticks(tmp_path):
    _, figures = measured(tmp_path)
    assert_all_measured(
        figures,
        "matmul",
        "supervised",
        "supervised_fed",
        "inference",
        "joint_patch",
        "joint_encoder",
        "keras_way",
        "pipeline",
    )
    entries = {e["candidate"]: e for e in figures["measured"]}
    ratios = {r["what"]: r for r in figures["ratios"]}
    times_faster = ratios["joint step with encoder D: speed-up over the Keras way"]
    assert times_faster["rounds"] == pytest.approx(
        np.divide(entries["keras_way"]["seconds"], entries["joint_encoder"]["seconds"])
    )
    assert len(ratios) == 6
    assert not any(r["aim"] for r in figures["ratios"]), "aims are for the full size only"


def operations_of(candidate: str) -> int:
    """Measurements per repetition, of a candidate that runs in this process."""
    from benchmarks.settings import QUICK
    from benchmarks.worker import build

    (workload,) = build(candidate, QUICK).values()
    assert workload.run(2) > 0
    assert workload.images == QUICK.batch
    return workload.operations


@pytest.mark.slow
def test_more_networks_take_more_operations():
    supervised = operations_of("supervised_fed")
    assert operations_of("inference") < supervised / 2
    assert supervised < operations_of("joint_patch")


@pytest.mark.slow
def test_groups_are_compared_in_one_run():
    result = run(
        "--quick", "--precisions=float32", "--rounds=1", "--batch=1", "--only=adaptation,segnet"
    )
    assert result.returncode == 0, result.stderr
    table = [line for line in result.stdout.splitlines() if " of 32x32 " in line]
    expected = [
        "SegNet: training step",
        "SegNet: inference",
        "SegNet, TFA's unpooling: training step",
        "SegNet, TFA's unpooling: inference",
        "SegNet in PyTorch: training step",
        "SegNet in PyTorch: inference",
        "adaptation, S and two Ds",
        "adaptation in PyTorch",
        "adaptation's published input from PNG files",
    ]
    left_out = "Note: PyTorch is not installed: SegNet in PyTorch and adaptation in PyTorch"
    if importlib.util.find_spec("torch") is None:
        assert left_out in result.stdout
        expected = [name for name in expected if "PyTorch" not in name]
    assert [line.split("  ")[0] for line in table] == expected
    # A spread, and a share if there are operations: matmul is in every group.
    assert all(line.count("%") == 2 - ("PNG" in line) for line in table)
    assert "speed-up over TFA's unpooling" in result.stdout


def test_sizes_are_the_flags_the_quick_ones_or_the_candidates_own():
    from benchmarks.settings import plan

    names = ("supervised", "network_fcn", "network_deeplabv3plus")

    def sizes(quick, **changes):
        planned = plan(names, quick, changes).values()
        return [(one.batch, one.crop_size, one.width) for one in planned]

    own = [(8, (128, 128), 32), (16, (368, 480), 32), (2, (256, 256), 0)]
    assert sizes(False) == own
    assert sizes(False, batch=1) == [(1, *rest) for _, *rest in own]
    assert sizes(True, width=8) == [(2, (32, 32), 8), (2, (32, 32), 8), (2, (32, 32), 0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only=everything"], "--only=everything: unknown"),
        (["--only="], "--only=: unknown; choose of default"),
        (["--precisions="], "--precisions=: unknown; choose of float32"),
        (["--precisions=float64"], "--precisions=float64: unknown"),
        (["--crop_size=100,100"], "--crop_size=100,100: take multiples of 16"),
        (["--crop_size=wide"], "--crop_size=wide: give height,width"),
        (["--batch=0"], "--batch=0"),
        (["--only=adaptation", "--crop_size=16,32"], "take at least 32,32"),
        (["--newest=no_python"], "--newest=no_python: is no program; name the Python"),
        ([f"--output_json={ROOT}"], "a folder; name a file"),
        ([f"--output_json={ROOT}/README.md/figures.json"], "cannot write to"),
    ],
)
def test_mistakes_end_at_once(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.slow
def test_a_failed_process_is_reported(monkeypatch):
    from benchmarks.rounds import measure
    from benchmarks.settings import QUICK

    with pytest.raises(RuntimeError, match=r"(?s)nonsense in float32.*unknown candidate"):
        measure({"nonsense": QUICK}, "float32", lambda line: None)


def _traced(padding: str) -> tf.types.experimental.ConcreteFunction:
    """Gradients of a strided, a plain and a transposed convolution and a matrix product."""
    shapes = [[3, 3, 4, 5], [3, 3, 5, 6], [4, 4, 7, 6]]

    def gradients(image: tf.Tensor, kernels: list[tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            x = tf.nn.conv2d(image, kernels[0], 2, "SAME")
            x = tf.nn.conv2d(x, kernels[1], 1, padding)
            height = 2 * x.shape[1]
            x = tf.nn.conv2d_transpose(x, kernels[2], [2, height, height, 7], 2)
            x = tf.matmul(tf.reshape(x, [2, -1]), tf.ones([height * height * 7, 3]))
            loss = tf.reduce_sum(x)
        return tape.gradient(loss, kernels)

    kernels = [tf.TensorSpec(shape) for shape in shapes]
    return tf.function(gradients).get_concrete_function(tf.TensorSpec([2, 16, 16, 4]), kernels)


def test_operations_by_hand():
    from benchmarks.operations import count_operations

    first = 2 * (2 * 8 * 8 * 5) * (3 * 3 * 4)
    second = 2 * (2 * 6 * 6 * 6) * (3 * 3 * 5)
    transposed = 2 * (2 * 6 * 6 * 6) * (4 * 4 * 7)
    product = 2 * (2 * 3) * (12 * 12 * 7)
    # The first convolution's gradient for the image is traced but unused. The loss is not an
    # output, so the transposed convolution and the product do not run forward.
    executed = 2 * first + 3 * second + 2 * transposed + product
    assert count_operations(_traced("VALID")) == executed


def test_operations_as_the_profiler_counts_them():
    from benchmarks.operations import COUNTED, operations_by_type

    graph = _traced("SAME").graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    profile = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    theirs = {}
    while profile.children:
        (profile,) = profile.children
        theirs[profile.name] = profile.float_ops
    ours = operations_by_type(graph.get_operations())
    assert ours == {name: theirs[name] for name in COUNTED if name in theirs}
    assert set(ours) == {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul"}


def test_operations_that_cannot_be_counted_are_refused():
    from benchmarks.operations import count_operations

    inner = tf.function(lambda x: tf.matmul(x, x))
    outer = tf.function(lambda x: inner(x) + 1)
    with pytest.raises(ValueError, match="MatMul in the nested function"):
        count_operations(outer.get_concrete_function(tf.TensorSpec([3, 3])))
    with pytest.raises(ValueError, match="unknown shape"):
        count_operations(inner.get_concrete_function(tf.TensorSpec([None, 3])))


@pytest.mark.slow
def test_the_step_of_another_python_stands_beside_ours(tmp_path):
    result, figures = measured(tmp_path, "--only=newest", f"--newest={sys.executable}")
    assert f"other TensorFlow {tf.__version__}" in result.stdout.splitlines()[0]
    steps = {e["candidate"]: e for e in figures["measured"] if "supervised" in e["candidate"]}
    assert steps["supervised"]["operations"] == steps["supervised_newest"]["operations"]
    assert sum("relative to the other's" in ratio["what"] for ratio in figures["ratios"]) == 3


@pytest.mark.slow
def test_the_keras_way_does_the_experiments_updates():
    from benchmarks.keras_way import DEPTH, KerasWay, plain_discriminator, plain_unet
    from benchmarks.settings import QUICK

    def trainable(model):
        return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)

    assert trainable(plain_unet(1, 32, DEPTH)) == 7_851_969
    assert trainable(plain_discriminator((128, 128), 32, DEPTH)) == 4_748_385

    way = KerasWay(QUICK)
    optimizers = way.combined.optimizer, way.discriminator.optimizer
    before = [int(optimizer.iterations) for optimizer in optimizers]

    def moved(train) -> tuple[bool, bool]:
        weights = [network.get_weights() for network in (way.segmenter, way.discriminator)]
        train()
        after = [network.get_weights() for network in (way.segmenter, way.discriminator)]
        return tuple(
            not all(map(np.array_equal, old, new)) for old, new in zip(weights, after, strict=True)
        )

    assert moved(lambda: way.train_segmenter(1)) == (True, False), "D is frozen"
    fake = way.segmenter.predict(way.images, verbose=0)
    assert moved(lambda: way.train_discriminator(1, fake)) == (False, True)
    assert operations_of("joint_encoder") < way.operations()
    way.run(2)
    assert [int(o.iterations) for o in optimizers] == [n + 3 for n in before]
    assert moved(lambda: way.train_segmenter(1)) == (True, False), "D is still frozen"


@pytest.mark.slow
def test_gpu_asks_for_a_gpu():
    result = run("--gpu", "--quick")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: --gpu: TensorFlow finds no GPU")


@pytest.mark.slow
def test_checks_of_a_gpu_pass_on_a_cpu():
    from benchmarks.report import format_checks
    from benchmarks.rounds import check_gpu
    from benchmarks.settings import GPU_CHECKS, SUPERVISED, plan

    said: list[str] = []
    checks = check_gpu(plan((SUPERVISED,), True, {})[SUPERVISED], said.append)
    assert said == [f"checking {name}" for name in GPU_CHECKS]
    lines = format_checks(checks).splitlines()[2:]
    assert [line.split("  ")[0] for line in lines] == [*GPU_CHECKS]
    assert all(": " in line and "passed" in line for line in lines), lines
