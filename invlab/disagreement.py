"""On which images do two networks disagree: which twins does one hold for the same and the other does not, and which
objects does one name rightly and the other wrongly?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invlab.representations import represent_set
from invlab.sensitivity import TwinPairs, twin_distances
from invlab.tasks import Task, rendered
from invlab.training import Training
from invlab.transfer import fit

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch


@dataclass(frozen=True)
class Disagreement:
    """Two trained networks on the same test images of a task, each with a twin under the task's transformations.

    pairs: test images. probe_images: training images of the task that each network's linear probe is fitted on.
    """

    networks: tuple[Training, ...]
    task: Task
    pairs: int = 200
    probe_images: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.networks) != 2:
            raise ValueError(f"networks: {len(self.networks)} are named; give two")
        if self.pairs < 2 or self.probe_images < 2:
            raise ValueError(f"pairs {self.pairs}, probe_images {self.probe_images}: give at least two of each")


def disagree(networks: tuple[Network, Network], spec: Disagreement, device: str) -> dict[str, Any]:
    """For both networks, as lists [network][image]:

    `distance`: of the twins, in units of the network's own mean distance of strangers, so that two networks can be
    compared. `named`: the label that its probe gives the first twin. Also `labels` [image], the true ones; `identical`,
    the images whose twin is the same picture; `accuracy` [network]; `same_answer`, the share of images that both name
    alike; and `expected_same_answer`, that share if the two were right and wrong independently of each other's choice:
    Σ over labels of the product of how often each gives it (as in Cohen's κ).
    """
    behind, answers = [], []
    for training, network in zip(spec.networks, networks, strict=True):
        behind.append(twin_distances(network, TwinPairs(training, spec.task, spec.pairs, spec.seed), device))
        train = represent_set(network, rendered.parts(spec.task, "train", spec.probe_images, device=device))
        first = represent_set(network, rendered.parts(spec.task, "test", spec.pairs, device=device))
        answers.append(fit(train.features, train.labels, spec.task.labels)(first.features))
    often = [torch.bincount(answer, minlength=spec.task.labels).double() / spec.pairs for answer in answers]
    return {
        "distance": [pairs["moved"] for pairs in behind],
        "named": [values.tolist() for values in answers],
        "labels": first.labels.tolist(),
        "identical": behind[0]["identical"],
        "accuracy": [float((answer == first.labels).float().mean()) for answer in answers],
        "same_answer": float((answers[0] == answers[1]).float().mean()),
        "expected_same_answer": float((often[0] * often[1]).sum()),
    }
