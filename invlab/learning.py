"""When in training invariance arises: sensitivity to chosen families and transfer accuracy at log-spaced steps.

Each moment is measured as a finished network is: in evaluation mode, twins of the target's test images (Speicher,
Nanda and Gummadi, TMLR 2024), and a linear probe. Looking changes nothing: the watched network goes on as if unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from invlab import sensitivity, transfer
from invlab.sensitivity import Sensitivity
from invlab.tasks import Task
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import transform

if TYPE_CHECKING:
    from invlab.networks import Network


SWAPS = ("object", "background")  # what the representation is about: at first the background, in the end the object


@dataclass(frozen=True)
class Recording:
    """Watch a training: its sensitivity to each of `families` on the target's objects, and transfer to the target.

    looks: how often, the untrained and the finished network included; fewer where the training has fewer steps.
    pairs: twin pairs of each sensitivity; probe_train and probe_test: images of the probe.
    """

    training: Training
    target: Task
    families: tuple[str, ...]
    looks: int = 22
    pairs: int = 250
    probe_train: int = 1000
    probe_test: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.families or len(set(self.families)) != len(self.families):
            raise ValueError(f"families {self.families!r}: name at least one family, each once")
        for name in self.families:
            transform(name)
        if self.looks < 2:
            raise ValueError(f"looks {self.looks}: give at least 2, for the untrained and the finished network")
        self.sensitivity(self.families[0])  # its checks, and the next one's, before anything is trained
        self.transfer()

    def steps(self) -> tuple[int, ...]:
        """After which steps to look: 0, then as evenly on a log scale as whole numbers allow, to the last."""
        last = self.training.steps
        found = [0]
        for place in range(self.looks - 1):
            share = place / (self.looks - 2) if self.looks > 2 else 1.0
            found.append(max(found[-1] + 1, round(last**share)))
        return (*(step for step in found if step < last), last)

    def sensitivity(self, family: str) -> Sensitivity:
        """What a look measures for a family, as a measurement of the finished network."""
        task = replace(self.target, transformations=(family,))
        return Sensitivity(self.training, task, self.pairs, self.seed)

    def swap(self, what: str) -> Sensitivity:
        """What a look measures when the `object` or the `background` is drawn anew, all else equal."""
        return Sensitivity(self.training, self.target, self.pairs, self.seed, redraw=what)

    def transfer(self) -> Transfer:
        """What a look probes, as a measurement of the finished network."""
        return Transfer(self.training, self.target, self.probe_train, self.probe_test)


def look(network: Network, spec: Recording, device: str) -> dict[str, Any]:
    """One moment: `sensitivity` to each of the spec's families and its `interval` (95 %, bootstrap over pairs), the
    same for a swap of the `object` and of the `background`, `transfer` and its Wilson `transfer_interval`.

    A network with batch norm is measured with the running statistics it has: in the first twenty steps or so these
    still settle, and what is measured moves without anything being learned. The network is left in the mode it was in.
    """
    was_training = network.training
    try:
        moved = [sensitivity.measure(network, spec.sensitivity(family), device) for family in spec.families]
        swapped = {what: sensitivity.measure(network, spec.swap(what), device) for what in SWAPS}
        probed = transfer.measure(network, spec.transfer(), device)
    finally:
        network.train(was_training)
    return {
        "sensitivity": [one["sensitivity"] for one in moved],
        "interval": [one["interval"] for one in moved],
        **{what: one["sensitivity"] for what, one in swapped.items()},
        **{f"{what}_interval": one["interval"] for what, one in swapped.items()},
        "transfer": probed["accuracy"],
        "transfer_interval": probed["interval"],
    }
