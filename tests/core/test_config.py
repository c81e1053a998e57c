"""Settings that come from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.core import config


def test_the_cache_is_where_it_was_set_or_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "here"))
    assert config.cache_dir() == tmp_path / "here"
    monkeypatch.delenv("LABKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert config.cache_dir() == tmp_path / "labkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert config.cache_dir() == Path.home() / ".cache" / "labkit"


@pytest.mark.parametrize(
    ("value", "is_offline"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("", False)]
)
def test_downloads_are_forbidden_by_a_word(monkeypatch, value, is_offline):
    monkeypatch.setenv("LABKIT_OFFLINE", value)
    assert config.offline() is is_offline


def test_the_reviewer_is_the_one_named_then_the_hubs_then_the_login(monkeypatch):
    monkeypatch.setenv("LABKIT_REVIEWER", "ana")
    monkeypatch.setenv("JUPYTERHUB_USER", "ben")
    assert config.default_reviewer() == "ana"
    monkeypatch.delenv("LABKIT_REVIEWER")
    assert config.default_reviewer() == "ben"
    monkeypatch.delenv("JUPYTERHUB_USER")
    monkeypatch.setenv("LOGNAME", "eve")
    assert config.default_reviewer() == "eve"


def test_there_is_a_core_and_never_more_than_sixteen():
    assert 1 <= config.cores() <= 16
