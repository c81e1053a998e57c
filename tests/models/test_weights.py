"""Weights: what is opened, what is refused and why."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from labkit.core.errors import InputError, ModelUnavailableError
from labkit.models import ultralytics as package
from labkit.models import weights
from labkit.models.weights import TRUST_FILE, resolve, sha256_of

ZIP = b"PK\x03\x04 pretends to be a checkpoint"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        package,
        "asset_names",
        lambda: frozenset({"yolo11n.pt", "yolo11s.pt", "yolo11n-seg.pt"}),
    )


def put(path: Path, content: bytes = ZIP) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_pt_file_needs_trust_and_the_message_says_why(tmp_path: Path) -> None:
    path = put(tmp_path / "best.pt")
    with pytest.raises(ModelUnavailableError, match=r"pickle.*run any code.*trust=True") as info:
        resolve(path)
    assert info.value.exit_code == 3
    assert resolve(path, trust=True).sha256 == hashlib.sha256(ZIP).hexdigest()


def test_trust_is_remembered_in_the_project_by_content(tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    path = put(tmp_path / "best.pt")
    found = resolve(path, trust=True, project=project)
    assert json.loads((project / TRUST_FILE).read_text("utf-8")) == {found.sha256: "best.pt"}
    assert resolve(path, project=project) == found
    moved = put(tmp_path / "else.pt")
    assert resolve(moved, project=project).sha256 == found.sha256
    put(path, ZIP + b"changed")
    with pytest.raises(ModelUnavailableError, match="trust=True"):
        resolve(path, project=project)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ModelUnavailableError, match="trust=True"):
        resolve(moved, project=other)


def test_a_local_file_with_an_assets_name_is_not_trusted_for_its_name(
    tmp_path, monkeypatch
) -> None:
    put(tmp_path / "yolo11n.pt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelUnavailableError, match="trust=True"):
        resolve("yolo11n.pt")


def test_assets_are_fetched_into_the_cache_once(tmp_path: Path, monkeypatch) -> None:
    calls = []

    def fetch(target: Path) -> None:
        calls.append(target.name)
        target.write_bytes(ZIP)

    monkeypatch.setattr(package, "download_asset", fetch)
    monkeypatch.chdir(tmp_path)
    found = resolve("yolo11n.pt")
    assert found.path == tmp_path / "cache" / "yolo11n.pt"
    assert resolve("yolo11n.pt") == found
    assert resolve(found.path) == found
    assert calls == ["yolo11n.pt"]
    # a file that somebody put there instead is not what was fetched
    put(found.path, ZIP + b"!")
    with pytest.raises(ModelUnavailableError, match="trust=True"):
        resolve(found.path)


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_the_command_is_told(tmp_path, monkeypatch, offline: bool) -> None:
    def fetch(target: Path) -> None:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(package, "download_asset", fetch)
    monkeypatch.setenv("LABKIT_OFFLINE", "1" if offline else "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelUnavailableError) as info:
        resolve("yolo11n.pt")
    text = str(info.value)
    assert "curl -L -o yolo11n.pt https://github.com/ultralytics/assets/releases" in text
    assert "\n" not in text
    assert not list((tmp_path / "cache").glob("*.pt"))


def test_an_unknown_name_names_the_nearest(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelUnavailableError, match=r"did you mean 'yolo11n\.pt'"):
        resolve("yolo11nn.pt")
    with pytest.raises(ModelUnavailableError, match="not there"):
        resolve(tmp_path / "missing.onnx")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.pt", b"just text", "not that of a .pt"),
        ("a.onnx", b"just text", "not that of an .onnx"),
        ("a.pt", b"", "empty"),
        ("a.onnx", b"", "empty"),
        ("a.jpg", b"\xff\xd8", "known are .pt"),
        ("a", ZIP, "known are .pt"),
    ],
)
def test_not_a_model_at_all(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    with pytest.raises(ModelUnavailableError, match=f"not a model.*{why}"):
        resolve(put(tmp_path / name, content), trust=True)


def test_onnx_engine_and_openvino_need_no_trust(tmp_path: Path) -> None:
    assert resolve(put(tmp_path / "a.onnx", b"\x08\x08...")).format == "onnx"
    assert resolve(put(tmp_path / "a.engine", b"trt")).format == "engine"
    folder = tmp_path / "a_openvino_model"
    put(folder / "a.xml", b"<net/>")
    put(folder / "a.bin", b"1234")
    found = resolve(folder)
    assert found.format == "openvino"
    put(folder / "a.bin", b"1235")
    assert resolve(folder).sha256 != found.sha256
    with pytest.raises(ModelUnavailableError, match="it is a folder"):
        resolve(tmp_path)


@pytest.mark.parametrize("name", ["", "  ", "a\0b.pt"])
def test_no_name(name: str) -> None:
    with pytest.raises(InputError, match="No weights"):
        resolve(name)


def test_names_from_outside_stay_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError) as info:
        resolve('../../quo\'te\nnew "line".pt')
    assert "\n" not in str(info.value)


def test_hashing_reads_in_chunks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    assert sha256_of(put(tmp_path / "f", content), chunk=7) == hashlib.sha256(content).hexdigest()
    assert weights.FORMATS[".onnx"] == "onnx"
