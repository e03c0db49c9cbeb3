"""A module that stands in for another until it is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from invlab.lazy import F, Late
from invlab.lazy import torch as late_torch


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that nobody has imported."""
    (tmp_path / "invlab_late_example.py").write_text(
        "value = 7\n\ndef __getattr__(name):\n    raise AttributeError(name)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "invlab_late_example"
    sys.modules.pop("invlab_late_example", None)


def test_the_module_is_imported_at_the_first_use(counted: str) -> None:
    late = Late(counted)
    assert counted not in sys.modules
    assert late.value == 7
    assert counted in sys.modules


def test_an_attribute_is_looked_up_once(counted: str) -> None:
    late = Late(counted)
    assert late.value == 7
    sys.modules[counted].value = 8
    assert late.value == 7
    assert "value" in vars(late)


def test_what_the_module_lacks_is_an_attribute_error(counted: str) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = Late(counted).nothing


def test_a_missing_module_says_so() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _ = Late("no_such_module").value


def test_torch_behind_the_curtain_is_torch() -> None:
    assert late_torch.zeros is torch.zeros
    assert late_torch.Tensor is torch.Tensor
    assert F.relu is torch.nn.functional.relu
