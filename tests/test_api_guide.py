"""The examples of docs/api.md run as they stand there, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / "docs" / "api.md"


def test_the_examples_run(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) >= 7
    names: dict[str, object] = {}
    for number, code in enumerate(examples, 1):
        exec(compile(code, f"docs/api.md, example {number}", "exec"), names)  # noqa: S102 - our own guide
    assert "torch.Size([8, 3, 32, 32])" in capsys.readouterr().out
    assert names["found"]["sensitivity"] > 0  # type: ignore[index]
