"""Weights: finding the file, hashing it, and deciding whether it may be opened."""

from __future__ import annotations

import hashlib
import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labkit.core.config import cache_dir, offline
from labkit.core.errors import Argument, InputError, ModelUnavailableError
from labkit.core.registry import nearest

__all__ = [
    "FORMATS",
    "SUMS",
    "TRUST_FILE",
    "Weights",
    "is_trusted",
    "listed_sums",
    "remember_trust",
    "resolve",
    "sha256_of",
]

FORMATS = {".pt": "pt", ".torchscript": "torchscript", ".onnx": "onnx", ".engine": "engine"}
FORMATS |= {".safetensors": "safetensors"}
"""File suffix → format; a folder that ends with ``_openvino_model`` is ``openvino``."""

SUMS = "SHA256SUMS"
"""Beside weights that we ship: their hashes, in the form that ``sha256sum --check`` reads."""

TRUST_FILE = "trusted-weights.json"
"""In a project's folder: SHA-256 → name of weights that somebody has called trustworthy."""

_CAN_RUN_CODE = {"pt", "torchscript"}
_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"


@dataclass(frozen=True, slots=True)
class Weights:
    """A local file (or OpenVINO folder) of weights that may be opened."""

    path: Path
    name: str
    format: str
    sha256: str


def resolve(weights: str | Path, *, trust: bool = False, project: Path | None = None) -> Weights:
    """Find weights, fetch them where that is allowed, and check that they may be opened.

    Parameters
    ----------
    weights : str or Path
        A path, or a name of Ultralytics' own list (``yolo11n.pt``), which Ultralytics fetches into
        the cache folder.
    trust : bool
        Open a file that can run code when it is opened, although labkit cannot know who made it.
    project : Path, optional
        The project's folder; trust is remembered there, by SHA-256.

    Raises
    ------
    ModelUnavailableError
        Not there, not weights, or not trusted (exit code 3).
    """
    text = str(weights)
    if not text.strip() or "\0" in text:
        raise InputError(
            "No weights were given", remedy="give a file or a name such as 'yolo11n.pt'"
        )
    path = Path(text).expanduser()
    fetched = False
    try:
        exists = path.exists()
    except OSError as exc:
        raise ModelUnavailableError(f"The weights {text!r} cannot be read", str(exc)) from exc
    if not exists:
        path, fetched = _fetch(text), True
    kind = _format(path)
    _refuse_other_files(path, kind)
    try:
        digest = sha256_of(path)
    except OSError as exc:
        raise ModelUnavailableError(f"The weights {text!r} cannot be read", str(exc)) from exc
    if kind in _CAN_RUN_CODE and not fetched and not _fetched_before(path, digest):
        _need_trust(path, digest, trust, project)
    return Weights(path.resolve(), path.stem, kind, digest)


def listed_sums(folder: Path) -> dict[str, str]:
    """File name → SHA-256 of what the folder's ``SHA256SUMS`` lists; empty without a usable one."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    return {name.lstrip("*"): digest for digest, name in pairs}


def sha256_of(path: Path, chunk: int = 1 << 20) -> str:
    """SHA-256 of a file, or of a folder's files in the order of their names; read in chunks."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(chunk):
                digest.update(block)
    return digest.hexdigest()


def is_trusted(project: Path, sha256: str) -> bool:
    """Whether weights of this hash have been trusted in this project before."""
    return sha256 in _trusted(project)


def remember_trust(project: Path, sha256: str, name: str) -> None:
    """Note in the project that weights of this hash may be opened."""
    from labkit.store.files import write_atomic  # which imports pandas

    known = {**_trusted(project), sha256: name}
    text = json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True).encode()
    write_atomic(project / TRUST_FILE, lambda f: f.write(text))


def _trusted(project: Path) -> dict[str, str]:
    try:
        data = json.loads((project / TRUST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _need_trust(path: Path, digest: str, trust: bool, project: Path | None) -> None:
    if project is not None and is_trusted(project, digest):
        return
    if not trust:
        raise ModelUnavailableError(
            f"The weights {path.name!r} were not opened",
            f"a {path.suffix} file is a pickle and can run any code when it is opened, "
            "and this one was not fetched from Ultralytics",
            "pass " + Argument("trust", True) + " if you know who made it, or use its .onnx export",
        )
    if project is not None:
        remember_trust(project, digest, path.name)


def _format(path: Path) -> str:
    if path.is_dir():
        if path.name.endswith("_openvino_model") and any(path.glob("*.xml")):
            return "openvino"
        raise ModelUnavailableError(
            f"{path.name!r} is not a model",
            "it is a folder, but not an OpenVINO export",
            "give the weights file, or a folder whose name ends with _openvino_model",
        )
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ModelUnavailableError(
            f"{path.name!r} is not a model",
            f"known are {', '.join(FORMATS)} and OpenVINO folders",
        )
    return kind


def _refuse_other_files(path: Path, kind: str) -> None:
    """Refuse a file whose content is not what its suffix says."""
    if path.is_dir():
        return
    try:
        with path.open("rb") as stream:
            head = stream.read(256)
    except OSError as exc:
        raise ModelUnavailableError(f"The weights {path.name!r} cannot be read", str(exc)) from exc
    why = ""
    if not head:
        why = "the file is empty"
    elif kind in _CAN_RUN_CODE and not head.startswith((b"PK\x03\x04", b"\x80")):
        why = f"its content is not that of a {path.suffix} file"
    elif kind == "safetensors" and head[8:9] != b"{":  # after the header's length
        why = "its content is not that of a .safetensors file"
    elif kind == "onnx" and head[0] != 0x08:  # protobuf field 1: ir_version
        why = "its content is not that of an .onnx file"
    if why:
        raise ModelUnavailableError(f"{path.name!r} is not a model", why)


def _marker(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _fetched_before(path: Path, digest: str) -> bool:
    """Whether this very content was put into the cache by :func:`_fetch`."""
    if path.resolve().parent != cache_dir().resolve():
        return False
    try:
        return _marker(path).read_text(encoding="ascii").strip() == digest
    except (OSError, ValueError):
        return False


def _fetch(name: str) -> Path:
    """Cached copy of one of Ultralytics' assets, downloaded by Ultralytics where missing."""
    if Path(name).name != name:
        raise ModelUnavailableError(f"The weights {name!r} are not there", "no such file")
    from labkit.models.ultralytics import asset_names

    known = asset_names()
    if name not in known:
        near = nearest(name, sorted(known))
        raise ModelUnavailableError(
            f"The weights {name!r} are not there",
            "no such file, and Ultralytics publishes none of that name",
            f"did you mean {near!r}?" if near else "",
        )
    target = cache_dir() / name
    if target.is_file() and _fetched_before(target, sha256_of(target)):
        return target
    fetch = f"curl -L -o {shlex.quote(name)} {_RELEASE}/{name}"
    remedy = f"{fetch} and pass " + Argument("trust", True)
    if offline():
        raise ModelUnavailableError(
            f"The weights {name!r} are not there", "LABKIT_OFFLINE forbids downloads", remedy
        )
    return _download(name, target, remedy)


def _download(name: str, target: Path, remedy: str) -> Path:
    from labkit.models.ultralytics import download_asset

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
            got = Path(folder) / name
            download_asset(got)
            if not got.is_file() or not got.stat().st_size:
                raise OSError("nothing arrived")
            digest = sha256_of(got)
            got.replace(target)
        _marker(target).write_text(digest + "\n", encoding="ascii")
    except Exception as exc:  # whatever it raises, the weights are not here
        why = f"the download failed ({type(exc).__name__}: {exc})"[:200]
        raise ModelUnavailableError(f"The weights {name!r} are not there", why, remedy) from exc
    return target
