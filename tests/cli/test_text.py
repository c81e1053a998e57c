import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cli.text import cell, safe, table


@given(st.text())
def test_safe_text_is_printable_and_keeps_what_was_printable(text):
    shown = safe(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text


def test_undecodable_bytes_of_a_file_name_can_be_printed():
    assert safe(b"caf\xe9.jpg".decode("utf-8", "surrogateescape")) == r"caf\udce9.jpg"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (float("nan"), "-"), (0.5, "0.5"), (1 / 3, "0.333"), (12, "12"), (0.0, "0")],
)
def test_cells(value, shown):
    assert cell(value) == shown


def test_columns_are_aligned_and_numbers_set_to_the_right():
    text = table([("a", 1), ("long name", 100)], ("label", "n"))
    assert text.splitlines() == ["label        n", "a            1", "long name  100"]


def test_a_table_without_rows_is_its_header():
    assert table([], ("label", "n")) == "label  n"
