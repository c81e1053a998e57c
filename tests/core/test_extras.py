"""What a user reads where an optional package is missing."""

from __future__ import annotations

import pytest

from labkit.core import errors
from labkit.core.extras import require


def test_an_absent_extra_is_named() -> None:
    with pytest.raises(errors.InputError) as caught:
        require("no_such_module_at_all.sub", "fiftyone", "Export to FiftyOne")
    text = str(caught.value)
    assert text.startswith("Export to FiftyOne needs the package 'no_such_module_at_all'")
    assert text.endswith("(pip install 'labkit[fiftyone]')")
