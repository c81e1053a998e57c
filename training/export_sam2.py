"""Write a checkpoint's averaged weights in half precision, and their hash.

python -m training.export_sam2 phase2.pt [--to FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import save_file

from labkit.models.sam2_build import HASHES
from labkit.models.weights import sha256_of
from training.sam2_common import CONFIG, load


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--to", type=Path, default=CONFIG.with_suffix(".safetensors"))
    args = parser.parse_args()
    state = load(args.checkpoint)["model"]
    halves = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state.items()}
    save_file(halves, args.to)
    args.to.chmod(0o644)
    note(args.to)


def note(weights: Path) -> None:
    """Put the hash into the list beside the weights."""
    listed = weights.with_name(HASHES)
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    lines = [line for line in lines if not line.endswith(f"  {weights.name}")]
    lines.append(f"{sha256_of(weights)}  {weights.name}")
    listed.write_text("\n".join(sorted(lines, key=lambda x: x.split()[1])) + "\n", "utf-8")


if __name__ == "__main__":
    main()
