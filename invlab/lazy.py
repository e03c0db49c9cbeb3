"""torch, imported when it is first used.

Importing torch takes three seconds. The tables (transformations, objects …) and the specs live beside the functions
that compute with them, and pages that only show stored results need the tables and the specs alone.
"""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for a module until an attribute of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)  # found without this method from now on
        return value


torch: Any = Late("torch")
F: Any = Late("torch.nn.functional")
