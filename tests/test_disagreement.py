"""Where two networks disagree: networks of which that is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from invlab import runs, transfer
from invlab.disagreement import Disagreement, disagree
from invlab.sensitivity import Sensitivity
from invlab.store import Store
from invlab.tasks import Task, draw_classes, render
from invlab.training import Training
from invlab.transfer import Transfer
from tests.known_networks import Reads

TASK = Task(draw_classes("drawn", 4, seed=0), ("h_flip",), backgrounds="black", size=16)
TRAINING = Training(TASK, images=64, batch=32)
SPEC = Disagreement((TRAINING, TRAINING), TASK, 120, 300)


PIXELS = Reads(lambda images: images.flatten(1))
SYMMETRIC = Reads(lambda images: (images + images.flip(3)).flatten(1))


def test_a_network_does_not_disagree_with_itself() -> None:
    found = disagree((PIXELS, PIXELS), SPEC, "cpu")
    assert found["distance"][0] == found["distance"][1]
    assert found["same_answer"] == 1
    assert found["expected_same_answer"] < 0.5


def test_who_ignores_the_family_holds_twins_for_the_same() -> None:
    found = disagree((PIXELS, SYMMETRIC), SPEC, "cpu")
    moved, still = found["distance"]
    assert max(still) < 1e-5
    first, second = (render(TASK, "test", range(120), twin=twin).images for twin in (0, 1))
    same = [i for i in range(120) if torch.equal(first[i], second[i])]
    assert found["identical"] == same
    assert 40 < len(same) < 80
    assert all((moved[i] < 1e-5) == (i in same) for i in range(120))


def test_distances_and_answers_are_those_of_sensitivity_and_transfer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = dataclasses.replace(SPEC, networks=(TRAINING, dataclasses.replace(TRAINING, seed=1)))
    found = runs.execute(spec, store)["result"]
    for number, training in enumerate(spec.networks):
        moved = runs.execute(Sensitivity(training, TASK, 120), store)["result"]["sensitivity"]
        assert sum(found["distance"][number]) / 120 == pytest.approx(moved, rel=1e-4)
        probed = runs.execute(Transfer(training, TASK, 300, 120), store)["result"]["accuracy"]
        assert found["accuracy"][number] == pytest.approx(probed)
        right = [a == b for a, b in zip(found["named"][number], found["labels"], strict=True)]
        assert sum(right) / 120 == pytest.approx(probed)
    both = [a == b for a, b in zip(*found["named"], strict=True)]
    assert found["same_answer"] == pytest.approx(sum(both) / 120)


def test_a_network_that_sees_nothing_moves_nothing() -> None:
    constant = Reads(lambda images: images.new_zeros(len(images), 3))
    found = disagree((constant, PIXELS), SPEC, "cpu")
    assert set(found["distance"][0]) == {0.0}
    assert transfer.fit(torch.zeros(4, 3), torch.tensor([0, 1, 1, 2]), 3)(torch.zeros(1, 3)).tolist() == [1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"networks": (TRAINING,)}, "give two"), ({"pairs": 1}, "at least two"), ({"probe_images": 1}, "at least two")],
)
def test_bad_specs_get_a_sentence(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(SPEC, **change)
