"""ONNX on processors: one core per image rather than all cores for each image.

ONNX Runtime splits every operator over the cores and spins while it waits for the slowest. With as
many images as cores, one thread per image needs half the processor time (measured with an int8
YOLOv8n on two cores), and decoding the next images at the same time does not slow it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labkit.core.config import cores

__all__ = ["ParallelSession", "open_parallel"]


class ParallelSession:
    """A session without threads of its own, called from as many threads as there are cores."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self.width = cores()
        self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="labkit-onnx")

    def run(self, images: Sequence[NDArray[Any]]) -> list[list[Any]]:
        """All outputs of every image ``(3, h, w)``, as tensors with a batch of one."""
        import torch

        def one(pixels: NDArray[Any]) -> list[NDArray[Any]]:
            outputs: list[NDArray[Any]] = self._session.run(None, {self._input: pixels[None]})
            return outputs

        # only numpy in the pool: torch belongs to the thread that calls this
        return [[torch.from_numpy(y) for y in found] for found in self._pool.map(one, images)]


def open_parallel(path: Path, backend: Any) -> ParallelSession | None:
    """The weights of Ultralytics' ONNX backend, opened again for one core per image.

    None if they take batches of another size than one, take half floats, or run on another device.
    """
    session = getattr(backend, "session", None)
    if session is None or session.get_providers() != ["CPUExecutionProvider"]:
        return None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        return None
    batch = inputs[0].shape[0]  # a name or None if any size will do
    if isinstance(batch, int) and batch != 1:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return ParallelSession(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    )
