"""Imports point one way. Each room may import the rooms left of it and its own files."""

import ast
from pathlib import Path

import pytest

from tfadvseg.config.discriminator import DISCRIMINATOR_RULES
from tfadvseg.config.methods import METHOD_RULES
from tfadvseg.data.sets.catalogue import DATASETS

ROOT = Path(__file__).parents[1] / "tfadvseg"

ALLOWED = {
    "errors": set(),
    "__main__": {"commands"},
    "cli": {"errors", "files.atomic", "flags.reading", "flags.shipped"},
    "commands": {
        "cli", "compat", "config", "data", "errors", "evaluation", "export", "files", "flags",
        "interop", "models", "reporting", "run", "study", "training",
    },
    "compat": set(),
    "config": {"errors"},
    "files": {"config", "data.sets", "errors"},
    "data.descriptors": set(),
    "data.sets": {"config", "data", "errors"},
    "data": {"compat", "config", "data.descriptors", "data.sets", "errors", "files"},
    "models": {"compat", "config", "errors", "models.ops", "models.outputs"},
    "models.ops": {"compat", "config", "errors"},
    "models.outputs": set(),
    "losses": {"config", "data.descriptors", "errors", "models.outputs"},
    "evaluation.tiling": set(),
    "evaluation.whole_images": {"data.pictures", "errors", "evaluation.tiling", "files"},
    "evaluation": {
        "data", "errors", "evaluation.tiling", "evaluation.whole_images", "files",
    },
    "training": {"compat", "config", "data", "errors", "evaluation", "losses", "models"},
    "methods": {"config", "data.feeds", "data.fourier", "losses", "models", "training"},
    "reporting": {"data.descriptors", "errors", "files"},
    "export.choices": set(),
    "export": {
        "compat", "config", "data", "errors", "evaluation", "export.choices", "files", "models",
    },
    "interop": {"config", "errors", "files", "models"},
    "flags.kinds": {"config"},
    "flags.reading": {"config", "errors", "files.model_spec", "files.text"},
    "flags.shipped": {"errors"},
    "flags.table": {"config", "data.sets", "flags.kinds"},
    "flags.flagfile": {
        "config", "data.sets", "errors", "files.model_spec", "files.seals", "files.text",
        "flags.kinds", "flags.reading", "flags.shipped", "flags.table",
    },
    "flags.command_line": {
        "config", "errors", "evaluation.whole_images", "export.choices", "flags.flagfile",
        "flags.kinds", "flags.table",
    },
    "study": {
        "config", "errors", "evaluation", "files", "flags.flagfile", "flags.shipped", "reporting",
    },
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
    """Modules of tfadvseg that a file imports, without the leading `tfadvseg.`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: imports by relative names"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    own = {name.removeprefix("tfadvseg.") for name in names if name.startswith("tfadvseg.")}
    known = {name_of(path) for path in modules()}
    # The only package whose names are imported from the package itself.
    return {name for name in own if name in known or name == "config"}


def prefixes(module: str) -> list[str]:
    """The module and the rooms around it, starting with the innermost."""
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
        *sorted((ROOT / "data" / "sets").glob("*.py")),
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_configuration_imports_no_tensorflow(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert all("tensorflow" not in alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert "tensorflow" not in (node.module or "")


def test_datasets_import_what_opens_them_when_they_are_opened():
    """So that the names and flags of datasets are known without what reads their files."""
    allowed = {"config", "errors"}
    for path in sorted((ROOT / "data" / "sets").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                module = node.module.removeprefix("tfadvseg.")
                ours = node.module.startswith("tfadvseg")
                light = module in allowed or module.startswith("data.sets.")
                assert not ours or light, f"{path.name} must import {node.module} in a function"


VARIANT_HOMONYMS = {("config/method.py", "self_training"), ("training/state.py", "critic")}
"""An option that is called like its method, and a network's role like a discriminator."""

HOMONYMS = {
    ("tfadvseg/models/segnet.py", "darkfield"),
    ("tfadvseg/study/report.py", "folder"),
}
"""Other things that are called like a dataset: SegNet's published decoder, a run's folder."""


def chosen_by(tree: ast.AST) -> set[str]:
    """Strings that code decides by: compared, looked for, matched, or keys of a table."""
    deciding: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                deciding += [left, *others]
            case ast.MatchValue(value=value):
                deciding.append(value)
            case ast.Dict(keys=keys):
                deciding += [key for key in keys if key is not None]
            case ast.Subscript(value=value, slice=key) if ast.unparse(value) != "Literal":
                deciding.append(key)
    return {
        leaf.value
        for node in deciding
        for leaf in (node, *getattr(node, "elts", ()))
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
    }


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("name == 'gta5'", {"gta5"}),
        ("'gta5' != name", {"gta5"}),
        ("name in ('gta5', 'camvid')", {"gta5", "camvid"}),
        ("name in {'gta5'}", {"gta5"}),
        ("match name:\n    case 'gta5' | 'camvid': pass", {"gta5", "camvid"}),
        ("table = {'gta5': 1}", {"gta5"}),
        ("table['gta5']", {"gta5"}),
        ("open('gta5')", set()),
        ("Name = Literal['gta5', 'camvid']", set()),
    ],
)
def test_what_counts_as_a_decision(code, found):
    assert chosen_by(ast.parse(code)) == found


def test_only_datasets_know_their_names():
    """What depends on the dataset is asked of it; `data.sets` alone compares names of datasets."""
    paths = [
        path
        for folder in ("tfadvseg", "scripts", "benchmarks")
        for path in sorted((ROOT.parent / folder).rglob("*.py"))
        if ROOT / "data" / "sets" not in path.parents
    ]
    decisions = {
        (path.relative_to(ROOT.parent).as_posix(), name)
        for path in paths
        for name in chosen_by(ast.parse(path.read_text())) & {*DATASETS}
    }
    assert decisions <= HOMONYMS


@pytest.mark.parametrize(
    ("names", "rooms"),
    [
        ({*METHOD_RULES}, ("methods", "config/methods")),
        ({*DISCRIMINATOR_RULES}, ("models", "config/discriminator.py")),
    ],
    ids=["methods", "discriminators"],
)
def test_only_its_own_room_decides_by_the_name_of_a_variant(names, rooms):
    decisions = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in modules()
        if not path.relative_to(ROOT).as_posix().startswith(rooms)
        for name in chosen_by(ast.parse(path.read_text())) & names
    }
    assert decisions <= VARIANT_HOMONYMS


def test_a_dataset_is_a_file_and_a_line():
    """The file of each is called as the dataset, and no other file of `data.sets` knows it."""
    folder = ROOT / "data" / "sets"
    others = {"dataset.py", "catalogue.py", "__init__.py"}
    assert {p.stem for p in folder.glob("*.py") if p.name not in others} == {*DATASETS}
    for path in folder.glob("*.py"):
        if path.name != "catalogue.py":
            known = chosen_by(ast.parse(path.read_text())) & {*DATASETS}
            assert not known, f"{path.name} decides by {known}"


def test_names_of_test_files_differ():
    """Two of one name cannot be collected together: their folders are no packages."""
    names = [path.name for path in (ROOT.parent / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
