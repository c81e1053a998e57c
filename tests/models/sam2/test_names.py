"""Names of SAM2 models become files, or one line that says how to get them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sam2")

import torch
from safetensors.torch import save_file

from labkit.core.errors import InputError, ModelUnavailableError
from labkit.demo.embedded import SMALL_SAM2, WEIGHTS
from labkit.models.sam2 import names
from labkit.models.sam2.build import best_device, build

CONFIG = WEIGHTS / "sam2_nano.yaml"


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    "name",
    [
        *(f"facebook/sam2.1-hiera-{s}" for s in ("tiny", "small", "base-plus", "large")),
        *(f"facebook/sam2-hiera-{s}" for s in ("tiny", "small", "base-plus", "large")),
    ],
)
def test_a_checkpoint_in_the_cache_is_found_with_the_packages_own_yaml(name, no_network):
    file = name.split("/")[1].replace("-", "_") + ".pt"
    no_network.mkdir()
    (no_network / file).write_bytes(b"x")
    found = names.find(name)
    assert found.weights == no_network / file
    assert found.config.is_file()
    assert found.config.parent.name == name.split("/")[1].split("-")[0]
    assert found.licence == "Apache-2.0"
    # sam2's own table says the same
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES as OWN

    assert (str(found.config).endswith(OWN[name][0]), file) == (True, OWN[name][1])


def test_offline_the_message_says_how_to_fetch_by_hand(no_network):
    with pytest.raises(ModelUnavailableError) as caught:
        names.find("sam2")
    text = str(caught.value)
    assert "LABKIT_OFFLINE" in text
    assert "curl -L" in text
    assert "sam2.1_hiera_tiny.pt" in text
    assert "\n" not in text


def test_a_download_that_fails_says_why_and_leaves_nothing(no_network, monkeypatch):
    monkeypatch.delenv("LABKIT_OFFLINE")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(ModelUnavailableError, match=r"the download failed.*curl -L") as caught:
        names.find("facebook/sam2.1-hiera-large")
    assert caught.value.exit_code == 3
    assert not no_network.exists() or not list(no_network.iterdir())


def test_an_unknown_name_lists_the_known_and_the_nearest():
    with pytest.raises(ModelUnavailableError, match="did you mean 'sam2-nano'"):
        names.find("sam2-nanno")
    assert not names.is_sam2("yolo11n.pt")
    assert not names.is_sam2("sam_b.pt")
    assert names.is_sam2("sam2.1_hiera_b+.pt")


def test_a_checkpoint_of_ones_own_needs_its_yaml_or_a_telling_name(tmp_path):
    path = tmp_path / "ours.pt"
    torch.save({"model": {}}, path)
    with pytest.raises(ModelUnavailableError, match=r"put its ours.yaml beside it"):
        names.find(path)
    path.with_suffix(".yaml").write_bytes(CONFIG.read_bytes())
    assert names.find(path).config == path.with_suffix(".yaml")
    telling = path.rename(tmp_path / "sam2_hiera_base_plus.pt")
    assert names.find(telling).config.name == "sam2_hiera_b+.yaml"
    with pytest.raises(ModelUnavailableError, match="no such file"):
        names.find(tmp_path / "gone.pt")


def test_the_embedded_model_is_found_by_its_name_and_a_missing_file_names_make_weights(
    tmp_path, monkeypatch
):
    if (WEIGHTS / SMALL_SAM2).exists():
        found = names.find("sam2-nano")
        assert (found.weights, found.config) == (WEIGHTS / SMALL_SAM2, CONFIG)
    monkeypatch.setattr("labkit.demo.embedded.WEIGHTS", tmp_path)
    with pytest.raises(ModelUnavailableError, match="make weights"):
        names.find("sam2-nano")


def test_the_embedded_model_is_known_without_an_installed_package():
    code = "import labkit.models.sam2.names as n; print('sam2-nano' in n.known())"
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "True\n"


def test_sam2s_own_form_of_checkpoint_is_read_without_running_its_code(tmp_path):
    torch.manual_seed(0)
    model = build(CONFIG)
    path = tmp_path / "ours.pt"
    torch.save({"model": model.state_dict()}, path)
    again = build(CONFIG, path)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )

    class Evil:
        def __reduce__(self):
            return Path.write_text, (tmp_path / "ran", "code")

    torch.save({"model": Evil()}, path)
    with pytest.raises(ModelUnavailableError, match=r"'ours.pt' cannot be used"):
        build(CONFIG, path)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_does_not_fit_its_yaml_is_one_line(tmp_path):
    state = build(CONFIG).state_dict()
    del state["no_mem_embed"]
    state["strange"] = torch.zeros(1)
    state["image_encoder.trunk.position"] = torch.zeros(3)
    for path in (tmp_path / "a.pt", tmp_path / "a.safetensors"):
        if path.suffix == ".pt":
            torch.save({"model": state}, path)
        else:
            save_file(state, path)
        with pytest.raises(ModelUnavailableError) as caught:
            build(CONFIG, path)
        text = str(caught.value)
        assert "not of the model that 'sam2_nano.yaml' describes" in text
        for words in ("missing, such as no_mem", "unknown, such as strange", "of another size"):
            assert words in text
        assert len(text) < 500


def test_a_broken_yaml_is_one_line(tmp_path):
    bad = tmp_path / "bad.yaml"
    for text in ("model: [", "other: 1"):
        bad.write_text(text)
        with pytest.raises(ModelUnavailableError, match=r"'bad.yaml' cannot be"):
            build(bad)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_not_there_is_one_line():
    assert best_device() in ("cpu", "mps")
    for name in ("cuda", "cuda:3", "0"):
        with pytest.raises(InputError, match=r"no CUDA device \(try device='cpu'\)"):
            best_device(name)
    with pytest.raises(InputError, match="knows no such device"):
        best_device("warp9")
