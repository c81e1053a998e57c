"""Scenes as files: a folder of stills, a video, a COCO dataset; each with its truth beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError, store_error
from labkit.core.geometry import xyxy_to_xywh
from labkit.core.types import Proposal
from labkit.demo.chance import scene_seed
from labkit.demo.domain import DAY, LABELS, SKELETONS, Domain
from labkit.demo.oracle import TRUTH, rows_of, write_truth
from labkit.demo.scene import Scene, TrueObject
from labkit.demo.world import check_seed, check_size, clip, still
from labkit.exchange.keypoints import coco_limbs, to_visible
from labkit.frames.sources import frame_id_of
from labkit.store.files import write_atomic

__all__ = ["stills", "write_coco", "write_stills", "write_video"]

ImageFormat = Literal["jpg", "png"]
OnFrame = Callable[[int, int], None]
_SIZE: Final = (384, 512)


def stills(n: int, domain: Domain = DAY, seed: int = 0, size: tuple[int, int] = _SIZE) -> Any:
    """An iterator over ``n`` scenes of a set; the sets of two seeds share none."""
    if n < 1:
        raise InputError("A set needs at least one scene", f"n is {n}")
    size, seed = check_size(size), check_seed(seed)
    return (still(scene_seed("stills", seed, k), domain, size) for k in range(n))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise store_error(f"Cannot write {str(path)!r}", exc) from exc


def _encode(image: NDArray[np.uint8], format: ImageFormat) -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    options: dict[str, Any] = {"quality": 95} if format == "jpg" else {"compress_level": 4}
    Image.fromarray(image).save(out, "JPEG" if format == "jpg" else "PNG", **options)
    return out.getvalue()


def _write_images(
    folder: Path, scenes: Iterator[Scene], n: int, name: str, format: ImageFormat, tell: Any
) -> tuple[list[Path], list[str], list[list[Proposal]]]:
    if format not in get_args(ImageFormat):
        raise InputError(f"Stills cannot be written as {format!r}", "", "use 'jpg' or 'png'")
    paths, ids, rows = [], [], []
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for k, scene in enumerate(scenes):
            data = _encode(scene.image, format)
            paths.append(folder / f"{name}-{k:05d}.{format}")
            paths[-1].write_bytes(data)
            ids.append(frame_id_of(hashlib.sha256(data).hexdigest(), 0))
            rows.append(rows_of(ids[-1], scene.objects))
            if tell is not None:
                tell(k + 1, n)
    write_truth(folder / TRUTH, rows, ids)
    return paths, ids, rows


def write_stills(
    folder: str | Path,
    n: int,
    domain: Domain = DAY,
    seed: int = 0,
    *,
    size: tuple[int, int] = _SIZE,
    format: ImageFormat = "jpg",
    on_frame: OnFrame | None = None,
) -> list[Path]:
    """Write ``n`` stills and their ``truth.parquet`` into a folder of their own.

    Parameters
    ----------
    folder : path
        Made where it is missing. Files of an earlier call are replaced, its truth as well.
    n, domain, seed, size
        See :func:`labkit.demo.still`; the sets of two seeds share no scene.
    format : {'jpg', 'png'}
        JPEG of quality 95, or PNG, which keeps every bit.
    on_frame : callable, optional
        Told how many are written, and of how many.

    Returns
    -------
    list of Path
        The images, in order.

    Raises
    ------
    InputError
        An argument is out of range.
    StoreError
        The folder cannot be written, or the disk is full.
    """
    scenes = stills(n, domain, seed, size)
    return _write_images(Path(folder), scenes, n, domain.name, format, on_frame)[0]


def write_video(
    path: str | Path,
    frames: int,
    domain: Domain = DAY,
    seed: int = 0,
    fps: int = 25,
    *,
    size: tuple[int, int] = _SIZE,
    leaves: int = 1,
    enters: int = 1,
    gantry: bool | None = None,
    on_frame: OnFrame | None = None,
) -> Path:
    """Write a clip as a video, and ``<name>.truth.parquet`` beside it.

    H.264 where PyAV's FFmpeg can write it, else MPEG-4 part 2; both lose a little.

    Parameters
    ----------
    path : path
        ``.mp4``, ``.mkv`` or another name that FFmpeg knows.
    frames, domain, seed, size, leaves, enters, gantry
        See :func:`labkit.demo.clip`; the sides of ``size`` must be even.
    fps : int
        Frames per second.
    on_frame : callable, optional
        Told how many are written, and of how many.

    Raises
    ------
    InputError
        An argument is out of range.
    StoreError
        The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    if size[0] % 2 or size[1] % 2:
        raise InputError(
            f"A video of {size[1]} x {size[0]} cannot be written", "sides must be even"
        )
    if fps < 1:
        raise InputError("A video needs at least one frame per second", f"fps is {fps}")
    scenes = clip(
        scene_seed("video", check_seed(seed)),
        domain,
        frames,
        size,
        leaves=leaves,
        enters=enters,
        gantry=gantry,
    )
    kept: list[list[TrueObject]] = []
    part = path.with_name(f".part-{path.name}")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            for picture, scene in enumerate(_encoded(part, scenes, fps, size), start=1):
                kept.append(scene.objects)
                if on_frame is not None:
                    on_frame(picture, frames)
            source = hashlib.sha256(part.read_bytes()).hexdigest()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    ids = [frame_id_of(source, k) for k in range(frames)]
    rows = [rows_of(k, objects) for k, objects in zip(ids, kept, strict=True)]
    write_truth(path.with_name(f"{path.stem}.{TRUTH}"), rows, ids)
    return path


def _encoded(
    path: Path, scenes: Iterator[Scene], fps: int, size: tuple[int, int]
) -> Iterator[Scene]:
    """Encode each scene and hand it on."""
    import av

    h264 = "libx264" in av.codecs_available
    try:
        container = av.open(str(path), "w")
    except ValueError as exc:
        raise InputError(
            f"No video format has the suffix {path.suffix!r}", str(exc), "use .mp4 or .mkv"
        ) from exc
    with container:
        stream: Any = container.add_stream("libx264" if h264 else "mpeg4", rate=fps)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        # one thread, so that the same frames give the same file
        stream.codec_context.thread_count = 1
        if h264:
            stream.options = {"crf": "17", "preset": "veryfast"}
        else:
            stream.bit_rate = 12 * size[0] * size[1]
        for scene in scenes:
            frame = av.VideoFrame.from_ndarray(scene.image, format="rgb24")
            container.mux(stream.encode(frame))
            yield scene
        container.mux(stream.encode(None))


def write_coco(
    folder: str | Path,
    n: int,
    domain: Domain = DAY,
    seed: int = 0,
    *,
    size: tuple[int, int] = _SIZE,
    format: ImageFormat = "jpg",
    on_frame: OnFrame | None = None,
) -> Path:
    """Write ``n`` stills as a COCO dataset: ``annotations.json`` and ``images/``.

    Boxes, RLE masks, keypoints of bolts, ``track_id`` and ``attributes.visible``. The arguments
    are those of :func:`write_stills`.

    Returns
    -------
    Path
        The JSON file.
    """
    folder = Path(folder)
    paths, ids, rows = _write_images(
        folder / "images", stills(n, domain, seed, size), n, domain.name, format, on_frame
    )
    images = [
        {"id": k, "file_name": p.name, "height": size[0], "width": size[1], "labkit_frame_id": f}
        for k, (p, f) in enumerate(zip(paths, ids, strict=True), start=1)
    ]
    annotations = [
        {"id": 0, "image_id": k, **_annotation(row)}
        for k, group in enumerate(rows, start=1)
        for row in group
    ]
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    categories: list[dict[str, Any]] = [
        {"id": k, "name": label, "supercategory": "part"} for k, label in enumerate(LABELS, 1)
    ]
    for category in categories:
        skeleton = SKELETONS.get(category["name"])
        if skeleton is not None:
            category |= {
                "keypoints": list(skeleton.names),
                "skeleton": coco_limbs(skeleton.limbs),
            }
    info = {"description": f"labkit's embedded world, {domain.name}, seed {seed}"}
    data = {"info": info, "licenses": [], "images": images, "annotations": annotations}
    data["categories"] = categories
    out = folder / "annotations.json"
    write_atomic(out, lambda file: file.write(json.dumps(data).encode()))
    return out


def _annotation(row: Proposal) -> dict[str, Any]:
    from pycocotools import mask as coco

    mask = row.shape.mask
    assert mask is not None
    rle = {"size": [mask.height, mask.width], "counts": mask.counts}
    out: dict[str, Any] = {
        "category_id": LABELS.index(row.label) + 1,
        "bbox": xyxy_to_xywh(row.shape.box).tolist(),
        "area": float(coco.area({**rle, "counts": mask.counts.encode("ascii")})),
        "segmentation": rle,
        "iscrowd": 0,
        "track_id": row.track_id,
        "attributes": {a.name: a.value for a in row.attributes},
    }
    if row.shape.keypoints is not None:
        points = to_visible(row.shape.keypoints)
        out["num_keypoints"] = sum(flag > 0 for _, _, flag in points)
        out["keypoints"] = [v for point in points for v in point]
    return out
