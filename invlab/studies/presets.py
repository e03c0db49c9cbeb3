"""How much computing a question gets."""

from __future__ import annotations

from dataclasses import dataclass

from invlab.tasks import Task
from invlab.training import Training

FOLD = (1, 1, 2, 4, 6, 8, 10)  # passes over the images for 0, 1, 2 … families: several at once are harder to learn

# Learning rates of networks that need another one than a preset's (found on one and three families, one seed).
SLOWER = {"vit-small": 3e-3}


@dataclass(frozen=True)
class Preset:
    """Sizes of an experiment.

    images: distinct (object, background) pairs; epochs: passes over them, times `FOLD` where `grows`.
    pairs: twin pairs of a sensitivity; probe_train and probe_test: images of a transfer.
    """

    name: str
    what: str
    network: str
    classes: int
    images: int
    epochs: int
    grows: bool
    batch: int
    learning_rate: float
    schedule: str
    pairs: int
    probe_train: int
    probe_test: int
    seeds: int

    def training(
        self,
        task: Task,
        seed: int,
        network: str | None = None,
        images: int | None = None,
        epochs: int | None = None,
        batch: int | None = None,
    ) -> Training:
        """The training of this preset's network on `task`; a study may say otherwise what it varies."""
        families = len(task.transformations)
        fold = FOLD[min(families, len(FOLD) - 1)] if self.grows else 1
        network = network or self.network
        return Training(
            task=task,
            network=network,
            images=images or self.images,
            epochs=self.epochs * fold if epochs is None else epochs,
            batch=batch or self.batch,
            learning_rate=min(self.learning_rate, SLOWER.get(network, self.learning_rate)),
            schedule=self.schedule,
            seed=seed,
        )


def preset(name: str) -> Preset:
    """The preset of that name; ValueError lists the valid ones."""
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]


PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset(
            name="tiny",
            what="a trial of the machinery: 4 classes and 256 images; its numbers mean nothing",
            network="labnet",
            classes=4,
            images=256,
            epochs=1,
            grows=False,
            batch=32,
            learning_rate=8e-3,
            schedule="one-cycle",
            pairs=20,
            probe_train=64,
            probe_test=64,
            seeds=2,
        ),
        Preset(
            name="live",
            what="a click in class: labnet, 12 classes, 8,000 images, seconds on two CPU cores",
            network="labnet",
            classes=12,
            images=8_000,
            epochs=1,
            grows=False,
            batch=64,
            learning_rate=8e-3,
            schedule="one-cycle",
            pairs=500,
            probe_train=1500,
            probe_test=1000,
            seeds=1,
        ),
        Preset(
            name="classroom",
            what="the bundled results: labnet, 30 classes, 30,000 images and more for several families",
            network="labnet",
            classes=30,
            images=30_000,
            epochs=1,
            grows=True,
            batch=64,
            learning_rate=8e-3,
            schedule="one-cycle",
            pairs=1000,
            probe_train=4000,
            probe_test=2000,
            seeds=3,
        ),
        Preset(
            name="paper",
            what="the paper's sizes: ResNet-18, 30 classes, 50 passes over 50,000 images; needs a GPU",
            network="resnet18",
            classes=30,
            images=50_000,
            epochs=50,
            grows=False,
            batch=512,
            learning_rate=1e-3,
            schedule="constant",
            pairs=10_000,
            probe_train=50_000,
            probe_test=10_000,
            seeds=10,
        ),
    )
}
# What the page Transfer offers.
OFFERED = ("live", "classroom", "paper")
