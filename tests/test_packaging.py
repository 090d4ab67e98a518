"""What `pip install .` takes along: every package, and no folder that is none."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_setup_cfg_lists_every_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    found = []
    for folder, name in (("tfadvseg", "tfadvseg"), ("datasets", "tfadvseg_datasets")):
        for path in (ROOT / folder).rglob("__init__.py"):
            parts = path.parent.relative_to(ROOT / folder).parts
            found.append(".".join((name, *parts)))
    assert sorted(listed) == sorted(found)
