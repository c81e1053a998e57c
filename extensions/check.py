"""Check the front ends: one style and the types, or the unit tests.

    python extensions/check.py lint | format | test

Uses the Node that ``build.py`` uses, and installs what is missing as the lock files say.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from build import FRONT_ENDS, HERE, BuildError, npm
from generate_messages import main as check_messages


def install(folder: Path) -> None:
    """Install what a folder's lock file says, where that is newer than what is there."""
    lock, done = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not done.is_file() or done.stat().st_mtime < lock.stat().st_mtime:
        run(folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")


def run(folder: Path, *arguments: str) -> str:
    """Run npm in a folder, and give what it says; that is shown where it fails."""
    done = subprocess.run(
        [*npm(), "--silent", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout.strip(), file=sys.stderr)
        raise BuildError(f"`npm {' '.join(arguments)}` failed in {folder.name}")
    return done.stdout.strip()


def lint() -> None:
    """Style, message types and types."""
    run(HERE, "run", "lint")
    if check_messages(["--check"]):
        raise BuildError("the message types differ")
    for front in FRONT_ENDS:
        install(front.folder)
        run(front.folder, "run", "check")


def rewrite() -> None:
    """Rewrite the code in the project's style."""
    run(HERE, "run", "format")


def test() -> None:
    """The unit tests."""
    print(run(HERE, "run", "test"))


TASKS = {"lint": lint, "format": rewrite, "test": test}


def main(arguments: Sequence[str]) -> int:
    """Do one task; exit code 1 where it fails, 2 for an unknown one."""
    if len(arguments) != 1 or arguments[0] not in TASKS:
        print(f"labkit: say one of {', '.join(TASKS)}", file=sys.stderr)
        return 2
    try:
        install(HERE)
        TASKS[arguments[0]]()
    except BuildError as exc:
        print(f"labkit: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    sys.exit(main(sys.argv[1:]))
