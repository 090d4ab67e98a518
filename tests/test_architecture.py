"""Imports point one way. Each room may import the rooms left of it and its own files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "tfadvseg"

ALLOWED = {
    "errors": set(),
    "__main__": {"commands"},
    "cli": {"errors", "files.atomic", "flags.shipped"},
    "commands": {
        "cli", "config", "data", "errors", "evaluation", "export", "files", "flags", "interop",
        "models", "reporting", "run", "study", "training",
    },
    "compat": set(),
    "config": {"errors"},
    "files": {"config", "errors"},
    "data.descriptors": set(),
    "data.street_descriptors": {"data.descriptors"},
    "data.catalogue": {"data.descriptors", "data.street_descriptors"},
    "data": {
        "compat", "config", "data.catalogue", "data.descriptors", "data.street_descriptors",
        "errors", "files",
    },
    "models": {"compat", "config", "errors", "models.ops", "models.outputs"},
    "models.ops": {"config", "errors"},
    "models.outputs": set(),
    "losses": {"config", "data.descriptors", "errors", "models.outputs"},
    "evaluation.tiling": set(),
    "evaluation.whole_images": {"errors", "evaluation.tiling", "files"},
    "evaluation": {
        "data", "errors", "evaluation.tiling", "evaluation.whole_images", "files",
    },
    "training": {"config", "data", "errors", "evaluation", "losses", "models"},
    "methods": {"config", "losses", "models", "training"},
    "reporting": {"data.descriptors", "errors", "files"},
    "export.choices": set(),
    "export": {
        "config", "data", "errors", "evaluation", "export.choices", "files", "models",
    },
    "interop": {"config", "errors", "files", "models"},
    "flags.kinds": {"config"},
    "flags.shipped": {"errors"},
    "flags.table": {"config", "data.catalogue", "flags.kinds"},
    "flags.flagfile": {"config", "errors", "flags.kinds", "flags.table"},
    "flags.command_line": {
        "config", "errors", "evaluation.whole_images", "export.choices", "flags.flagfile",
        "flags.kinds", "flags.table",
    },
    "study": {"config", "errors", "files", "flags.flagfile", "flags.shipped"},
    "run": {
        "config", "data", "errors", "evaluation", "export", "files", "flags.flagfile", "interop",
        "losses", "methods", "models", "reporting", "training",
    },
}  # fmt: skip
"""Who may import whom."""

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


def prefixes(module: str) -> list[str]:
    """The module and the rooms around it, the innermost first."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def room(module: str) -> str:
    """The innermost room that has a rule of its own."""
    return next(name for name in prefixes(module) if name in ALLOWED)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path):
    name = name_of(path)
    allowed = ALLOWED[room(name)]
    for other in imported(path):
        if room(other) == room(name):
            continue
        assert allowed & set(prefixes(other)), f"{name} must not import {other}"
        if name.startswith("methods."):
            used = not other.startswith("training.") or other in METHODS_MAY_USE
            assert used, f"{name} must not import {other}"


def test_flags_are_read_by_commands_alone():
    for path in modules():
        name = name_of(path)
        if room(name) == "commands":
            continue
        assert "flags.command_line" not in imported(path), name
        from_absl = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "absl"
            for alias in node.names
        }
        assert name.startswith(("cli", "flags.")) or "flags" not in from_absl, name
        assert name in ("cli", "flags.command_line") or "flags.FLAGS" not in path.read_text(), name


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "config").glob("*.py")),
        *(ROOT / name for name in ("errors.py", "files/model_spec.py", "files/atomic.py")),
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
