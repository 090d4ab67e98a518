"""Proves that exports predict the same everywhere: a table of segmenters by runtimes.

    python -m tests.runtimes.check --newest=.venv-newest/bin/python

Exports every segmenter with and without --resize and --test_scales, predicts images of even and odd
sizes in batches of 1 and 3 with each runtime, and prints the largest difference of a probability
from TensorFlow's, in units of 1e-7. The exit status is 1 if one exceeds 1e-5 or a label differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.runtimes.cases import SMALL, case_names, make_case

TOLERANCE = 1e-5
HERE = ("tensorflow", "c_api", "onnxruntime", "openvino", "tflite")
IN_NEWEST = ("tensorflow", "litert")
SCRIPT = Path(__file__).with_name("run_runtime.py")


def make_cases(names: Sequence[str], folder: Path) -> None:
    """Makes the cases that are not there yet."""
    for name in names:
        if not (folder / name / "saved_model_names.json").exists():
            print(f"exporting {name}", file=sys.stderr, flush=True)
            make_case(name, folder / name)


def run_runtime(python: str, runtime: str, folder: Path) -> dict:
    """What `run_runtime.py` says of all cases in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        done = subprocess.run(
            [python, str(SCRIPT), runtime, str(folder), str(result)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return {"version": "", "cases": {}, "error": done.stderr.strip().splitlines()[-1]}
        return json.loads(result.read_text())


def failures(results: dict[str, dict], names: Sequence[str]) -> list[str]:
    """A line about each case that a runtime does not predict as TensorFlow does."""
    lines = []
    for runtime, result in results.items():
        if "error" in result:
            lines.append(f"{runtime}: {result['error']}")
            continue
        for name in names:
            case = result["cases"][name]
            if "error" in case:
                lines.append(f"{runtime}, {name}: {case['error']}")
            elif case["wrong"] or not case["largest"] <= TOLERANCE:
                lines.append(
                    f"{runtime}, {name}: probabilities differ by {case['largest']:.1e}, "
                    f"{case['wrong']} labels"
                )
    return lines


def table(results: dict[str, dict], names: Sequence[str]) -> str:
    """The largest differences as Markdown, in units of 1e-7; `-` where there was an error."""
    rows = [
        ["case", *(f"{runtime} {result['version']}" for runtime, result in results.items())],
        ["---"] * (len(results) + 1),
    ]
    for name in names:
        cases = [result["cases"].get(name, {}) for result in results.values()]
        cells = [f"{case['largest'] * 1e7:.1f}" if "largest" in case else "-" for case in cases]
        rows.append([name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def check(names: Sequence[str], folder: Path, newest: str | None) -> tuple[str, list[str]]:
    """Makes cases, runs every runtime; returns the table and what failed."""
    make_cases(names, folder)
    results = {}
    pairs = [(sys.executable, runtime, runtime) for runtime in HERE]
    if newest is not None:
        pairs += [(newest, runtime, f"newest {runtime}") for runtime in IN_NEWEST]
    for python, runtime, column in pairs:
        print(f"running {column}", file=sys.stderr, flush=True)
        results[column] = run_runtime(python, runtime, folder)
    return table(results, names), failures(results, names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--newest", help="Python of the environment with the newest TensorFlow.")
    parser.add_argument("--segmenters", nargs="*", default=list(SMALL), choices=list(SMALL))
    parser.add_argument("--folder", type=Path, help="Where to keep the cases; else nowhere.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        names = case_names(arguments.segmenters)
        text, failed = check(names, folder, arguments.newest)
    print(text)
    for line in failed:
        print(f"FAILED {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
