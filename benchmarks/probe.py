"""The linear probe: ours against the usual one, which runs the frozen network again in every epoch, and scikit-learn's.

`python -m benchmarks.probe`, about three minutes on two cores, all of it on one thread. A bundled network is probed on
4,000 images of new objects, tested on 2,000. The images are rendered before the clock starts, and the same for all.

Ours: features once, standardised, full-batch L-BFGS. The usual one: 200 epochs of SGD (momentum, cosine schedule,
batches of 128) through the network in evaluation mode and a linear layer behind a batch norm without weights, which
standardises; its weight decay is our penalty, its learning rate the best of five on held-out images. It is run once in
full, for its accuracy; its time is 200 times that of one epoch, measured in turn with ours. Test features count for
nobody. scikit-learn fits the same standardised features with the same penalty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks.common import alternate, claim, ratios, spread, write
from invlab import devices, runs, store, transfer
from invlab.networks import Network
from invlab.representations import represent, standardisation
from invlab.seeds import torch_generator
from invlab.studies.singles import Singles
from invlab.tasks import Batch, rendered
from invlab.transfer import Transfer

FAMILIES = ("rotate", "hue", "scale")  # each: a network trained for it, probed under it; the first in full
EPOCHS = 200
BATCH = 128
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
HELD_OUT = 0.2  # of the training images, to choose the learning rate
EQUAL = 0.005  # difference in test accuracy that still counts as the same


class Tail(torch.nn.Module):
    """The layer that the usual probe learns: batch norm without weights, then a linear layer that starts at zero."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(width, affine=False)
        self.linear = torch.nn.Linear(width, labels)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear(self.norm(features))


def learn(tail: Tail, features_of: object, labels: torch.Tensor, rate: float, penalty: float, epochs: int) -> Tail:
    """Learn `tail` for some of the `EPOCHS` epochs. features_of: rows -> their features, in the way of the caller."""
    decayed = {"params": [tail.linear.weight], "weight_decay": penalty / len(labels)}
    optimiser = torch.optim.SGD([decayed, {"params": [tail.linear.bias]}], lr=rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    tail.train()
    for epoch in range(epochs):
        for rows in orders(len(labels), epoch):
            loss = F.cross_entropy(tail(features_of(rows)), labels[rows])  # type: ignore[operator]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return tail.eval()


def orders(count: int, epoch: int) -> Iterator[torch.Tensor]:
    """The rows of each batch of an epoch, in a fresh order."""
    return iter(torch.randperm(count, generator=torch_generator("usual probe", 0, epoch)).split(BATCH))


def through(network: Network, images: torch.Tensor) -> object:
    """Rows -> features, from the network itself each time."""

    def features_of(rows: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return network.features(images[rows].contiguous(memory_format=torch.channels_last))

    network.eval()
    return features_of


def accuracy(tail: Tail, features: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return float((tail(features).argmax(1) == labels).float().mean())


def best_rate(features: torch.Tensor, labels: torch.Tensor, classes: int, penalty: float) -> float:
    """The learning rate that names most held-out images. On kept features: what a frozen network says is the same in
    every epoch."""
    held = int(len(labels) * HELD_OUT)
    kept, seen = features[held:], labels[held:]

    def right(rate: float) -> float:
        tail = learn(Tail(features.shape[1], classes), kept.__getitem__, seen, rate, penalty, EPOCHS)
        return accuracy(tail, features[:held], labels[:held])

    return max(RATES, key=right)


class Case:
    """A bundled network with its target: images, features and labels of both splits."""

    def __init__(self, family: str) -> None:
        study = Singles()
        self.spec: Transfer = study.transfer(family, family, 0)
        self.network = runs.trained(self.spec.training, store.open_store())
        self.classes = self.spec.target.labels
        self.train: Batch = rendered.get(self.spec.target, "train", self.spec.train_images)
        self.test: Batch = rendered.get(self.spec.target, "test", self.spec.test_images)
        self.features = represent(self.network, self.train.images)
        self.test_features = represent(self.network, self.test.images)
        self.rate = best_rate(self.features, self.train.labels, self.classes, self.spec.penalty)

    def ours(self) -> transfer.Probe:
        features = represent(self.network, self.train.images)
        return transfer.fit(features, self.train.labels, self.classes, self.spec.penalty)

    def ours_fit(self) -> transfer.Probe:
        return transfer.fit(self.features, self.train.labels, self.classes, self.spec.penalty)

    def usual(self, epochs: int) -> Tail:
        tail, features_of = Tail(self.features.shape[1], self.classes), through(self.network, self.train.images)
        return learn(tail, features_of, self.train.labels, self.rate, self.spec.penalty, epochs)

    def usual_on_features(self) -> Tail:
        tail = Tail(self.features.shape[1], self.classes)
        return learn(tail, self.features.__getitem__, self.train.labels, self.rate, self.spec.penalty, EPOCHS)

    def sklearn(self) -> LogisticRegression:
        """Fitted to standardised features: the same loss as ours, where C is one over our penalty."""
        model = LogisticRegression(C=1 / self.spec.penalty, max_iter=1000)
        return model.fit(self._standardised(self.features), self.train.labels.numpy())

    def accuracy_of_sklearn(self) -> float:
        return float(self.sklearn().score(self._standardised(self.test_features), self.test.labels.numpy()))

    def _standardised(self, features: torch.Tensor) -> np.ndarray:
        mean, scale = standardisation(self.features)
        return ((features - mean) / scale).numpy()

    def accuracy_of_ours(self) -> float:
        return float((self.ours()(self.test_features) == self.test.labels).float().mean())


def main() -> None:
    devices.one_thread_each()
    with threadpool_limits(1):
        cases = {family: Case(family) for family in FAMILIES}
        first = cases[FAMILIES[0]]
        work = {
            "ours": first.ours,
            "an epoch of the usual": lambda: first.usual(1),
            "our fit": first.ours_fit,
            "scikit-learn's fit": first.sklearn,
        }
        seconds = alternate(work)
        accuracies = {
            family: {
                "ours": case.accuracy_of_ours(),
                "usual, on kept features": accuracy(case.usual_on_features(), case.test_features, case.test.labels),
                "scikit-learn": case.accuracy_of_sklearn(),
            }
            for family, case in cases.items()
        }
        began = time.perf_counter()
        full = accuracy(first.usual(EPOCHS), first.test_features, first.test.labels)
        in_full = time.perf_counter() - began
    accuracies[FAMILIES[0]]["usual, in full"] = full
    usual = ratios(seconds["an epoch of the usual"], seconds["ours"], EPOCHS)
    other = ratios(seconds["scikit-learn's fit"], seconds["our fit"])

    def apart(who: str) -> float:
        return max(abs(found[who] - found["ours"]) for found in accuracies.values())

    own = accuracies[FAMILIES[0]]["ours"]
    of_images = f"of the {first.spec.test_images:,} test images"
    write(
        "probe",
        [
            claim("ours over 200 epochs through the network", usual["median"], 100, "times",
                  headline=True, spread=usual),
            claim("ours and the 200 epochs: difference in test accuracy", abs(full - own), EQUAL, of_images,
                  larger=False, headline=True),
            claim("ours and the 200 epochs, on kept features: largest difference of three networks",
                  apart("usual, on kept features"), EQUAL, of_images, larger=False),
            claim("the fit alone, ours over scikit-learn's logistic regression", other["median"], 1,
                  "times", headline=True, spread=other),
            claim("ours and scikit-learn: largest difference in test accuracy of three networks", apart("scikit-learn"),
                  EQUAL, of_images, larger=False),
        ],
        seconds=seconds,
        usual_in_full_seconds=in_full,
        rates={who: spread(values) for who, values in seconds.items()},
        accuracies=accuracies,
        learning_rates={family: case.rate for family, case in cases.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main()
