"""Imports point one way. Each room may import the rooms left of it and its own files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "tfadvseg"

ALLOWED = {
    "errors": set(),
    "addons": set(),
    "atomic": set(),
    "metrics_text": set(),
    "config": {"errors"},
    "data.descriptors": set(),
    "data.street_descriptors": {"data.descriptors"},
    "data.catalogue": {"data.descriptors", "data.street_descriptors"},
    "model_spec": {"config", "errors"},
    "cli": {"atomic", "errors"},
    "checkpoints": {"atomic", "errors"},
    "finished_runs": {"errors", "metrics_text"},
    "comparison": {"errors", "finished_runs", "metrics_text"},
    "export.choices": set(),
    "flag_kinds": {"config"},
    "flag_table": {"config", "data.catalogue", "flag_kinds"},
    "evaluation.tiling": set(),
    "evaluation.whole_images": {"errors", "evaluation.tiling", "model_spec"},
    "flagfile": {"config", "errors", "flag_kinds", "flag_table"},
    "flags": {
        "config", "errors", "evaluation.whole_images", "export.choices", "flag_kinds",
        "flag_table", "flagfile",
    },
    "data": {
        "addons", "atomic", "config", "data.catalogue", "data.descriptors",
        "data.street_descriptors", "errors",
    },
    "models": {"addons", "config", "errors", "models.outputs"},
    "models.outputs": set(),
    "losses": {"config", "data.descriptors", "errors", "models.outputs"},
    "evaluation": {
        "atomic", "data", "errors", "evaluation.tiling", "evaluation.whole_images",
        "metrics_text", "model_spec",
    },
    "export": {
        "atomic", "checkpoints", "config", "data", "errors", "evaluation", "export.choices",
        "model_spec", "models",
    },
    "interop": {"atomic", "config", "errors", "models"},
    "training": {
        "config", "data", "errors", "evaluation", "losses", "models",
    },
    "methods": {"config", "losses", "models", "training"},
    "prediction": {"atomic", "data", "errors", "evaluation", "reporting"},
    "reporting": {"atomic", "data.descriptors", "errors"},
}  # fmt: skip
"""Who may import whom."""

ASSEMBLY = ("experiment", "run_checks", "run_input", "run_output", "run_result", "domain_pictures")
"""These put everything together; no room imports them."""

METHODS_MAY_USE = {"training.state", "training.distribution", "training.types"}
"""A method knows no files, no cadence and no loop."""


def modules() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if path.name != "__init__.py"]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    """Modules of ours that a file imports, without the leading `tfadvseg.`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: imports by relative names"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    own = {name.removeprefix("tfadvseg.") for name in names if name.startswith("tfadvseg.")}
    known = {name_of(path) for path in modules()}
    # The one package whose names are imported from the package itself.
    return {name for name in own if name in known or name == "config"}


def room(module: str) -> str:
    return module if module in ALLOWED else module.split(".")[0]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path):
    name = name_of(path)
    if name in ASSEMBLY:
        return
    allowed = ALLOWED[room(name)]
    for other in imported(path):
        if room(other) == room(name):
            continue
        permitted = room(other) in allowed or other.split(".")[0] in allowed
        assert permitted, f"{name} must not import {other}"
        if name.startswith("methods."):
            used = not other.startswith("training.") or other in METHODS_MAY_USE
            assert used, f"{name} must not import {other}"


def test_flags_are_read_by_scripts_alone():
    for path in modules():
        name = name_of(path)
        assert "flags" not in imported(path), name
        from_absl = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "absl"
            for alias in node.names
        }
        assert name in ("cli", "flagfile", "flags") or "flags" not in from_absl, name
        assert name in ("cli", "flags") or "flags.FLAGS" not in path.read_text(), name


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "config").glob("*.py")),
        *(ROOT / name for name in ("errors.py", "model_spec.py", "atomic.py")),
        ROOT / "data" / "descriptors.py",
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_configuration_imports_no_tensorflow(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert all("tensorflow" not in alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert "tensorflow" not in (node.module or "")
