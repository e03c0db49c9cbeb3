"""Networks of which it is known what they ignore."""

from __future__ import annotations

from collections.abc import Callable

import torch

from invlab.networks import Network


class Reads(Network):
    """A network that reads what `of` makes of the images: (N, 3, S, S) -> (N, width)."""

    def __init__(self, of: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.of = of

    def steps(self) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
        return {"features": self.of}
