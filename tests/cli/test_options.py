"""Errors of the library name the options of the command that is running."""

from __future__ import annotations

import pytest
import typer

from labkit.cli.app import app, run
from labkit.cli.errors import guarded
from labkit.cli.options import speller
from labkit.core.errors import Argument, InputError
from labkit.project import Project


def spelled(command, argument):
    return speller(typer.main.get_group(app), [command, "p"])(argument)


@pytest.mark.parametrize(
    ("command", "argument", "shown"),
    [
        ("predict", Argument("trust", True), "--trust"),
        ("predict", Argument("conf", 0.5), "--conf 0.5"),
        ("predict", Argument("store_above"), "--store-above"),
        ("predict", Argument("classes", ["person", "car"]), "--classes person,car"),
        ("predict", Argument("resume", False), "--fresh"),
        ("refine", Argument("with_", "sam2"), "--with sam2"),
        ("export", Argument("include", "scripted"), "--include scripted"),
        ("export", Argument("split", {"train": 0.8, "val": 0.2}), "--split train=0.8,val=0.2"),
        ("import", Argument("as_", "decisions"), "--as decisions"),
        ("import", Argument("reviewer", "ana b"), "--reviewer 'ana b'"),
        ("queue", Argument("trust", True), "trust=True"),
        ("queue", Argument("read_only", True), "read_only=True"),
        ("no-such-command", Argument("conf", 0.5), "conf=0.5"),
    ],
)
def test_an_argument_is_the_option_of_the_running_command(command, argument, shown):
    assert spelled(command, argument) == shown


def test_the_command_line_and_python_say_the_same_error_each_in_its_words(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "log"))
    project = Project.create(tmp_path / "p", labels=["person"])
    with pytest.raises(InputError, match=r"^conf=1\.5 is not usable: it has to be from 0 to 1$"):
        project.predict("yolo-nano", conf=1.5)
    project.close()
    assert run(["predict", str(tmp_path / "p"), "-w", "yolo-nano", "--conf", "1.5"]) == 2
    assert capsys.readouterr().err == (
        "labkit: error: --conf 1.5 is not usable: it has to be from 0 to 1\n"
    )


def test_text_is_not_searched_for_arguments(capsys):
    def command():
        raise InputError("the file conf=1.jpg")

    guarded(command, spell=lambda argument: f"--{argument.name}")
    assert capsys.readouterr().err == "labkit: error: the file conf=1.jpg\n"


def test_a_mapping_is_told_as_a_line_of_the_file_that_the_option_takes():
    assert spelled("import", Argument("label_map", {"Auto": "car"})) == (
        "'Auto: car' in the file of --label-map"
    )


def test_what_an_import_notes_names_options_on_the_command_line_alone(tmp_path, capsys):
    from labkit.demo.files import write_stills

    write_stills(tmp_path / "d" / "images", 1, seed=1)
    (tmp_path / "d" / "labels").mkdir()
    (tmp_path / "d" / "labels" / "day-00000.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with Project.create(tmp_path / "p", labels=["0"]) as project:
        project.add_frames(tmp_path / "d" / "images")
        notes = project.import_annotations("yolo", tmp_path / "d").notes
    said = "no class names were found: the labels are the class ids ({} gives them)"
    assert said.format("names") in notes
    assert run(["import", str(tmp_path / "p"), "yolo", str(tmp_path / "d")]) == 0
    assert said.format("--names") in capsys.readouterr().out
