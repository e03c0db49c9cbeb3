"""Decoding: known answers, an independent regression, objects held out; and tasks that name the transformation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut

from invlab import information, runs
from invlab.information import PENALTIES, Information, decode, ridge, values
from invlab.networks import Network, build
from invlab.representations import Seen
from invlab.seeds import Generator
from invlab.store import Store
from invlab.tasks import Task, draw_classes, render, transformation_draws
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import TRANSFORMS, draw, transform

TASK = Task(draw_classes("drawn", 6, seed=0), ("brightness",), backgrounds="black")
TRAINING = Training(TASK, epochs=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def under(family: str) -> Task:
    return replace(TASK, transformations=(family,))


class Seeing(Network):
    """A representation made of a function of the images."""

    def __init__(self, see) -> None:
        super().__init__()
        self.see = see

    def steps(self):
        return {"features": self.see}


# ------------------------------------------------------------------------------------------------------- the regression


def test_ridge_is_scikit_learns_with_whole_groups_left_out() -> None:
    x = torch.randn(120, 7, generator=generator(1), dtype=torch.float64)
    y = x[:, :2] * 0.3 + torch.randn(120, 2, generator=generator(2), dtype=torch.float64)
    groups = torch.arange(120) % 6
    found = ridge(x, y, groups, (0.1, 10.0, 300.0, 1e4))
    standard = ((x - x.mean(0)) / x.std(0, correction=0)).numpy()
    search = GridSearchCV(
        SklearnRidge(fit_intercept=False),
        {"alpha": [0.1, 10.0, 300.0, 1e4]},
        cv=LeaveOneGroupOut(),
        scoring="neg_mean_squared_error",
    )
    search.fit(standard, (y - y.mean(0)).numpy(), groups=groups.numpy())
    assert found.penalty == search.best_params_["alpha"]
    expected = search.best_estimator_.predict(standard) + y.mean(0).numpy()
    np.testing.assert_allclose(found(x).numpy(), expected, rtol=1e-8, atol=1e-10)


def test_what_only_holds_within_groups_is_not_learned() -> None:
    """The value is ± a feature, with a sign of its own in each group: nothing carries over."""
    x = torch.randn(400, 1, generator=generator(3), dtype=torch.float64)
    groups = torch.arange(400) % 8
    y = x * (1 - 2 * (groups % 2))[:, None]
    x = torch.cat([x, torch.randn(400, 5, generator=generator(4), dtype=torch.float64)], 1)
    assert ridge(x, y, groups).penalty == PENALTIES[-1]
    same = ridge(x, x[:, :1], groups)
    assert same.penalty == PENALTIES[0]
    torch.testing.assert_close(same(x), x[:, :1], rtol=0, atol=0.02)


def test_a_feature_that_never_changes_is_left_out() -> None:
    x = torch.cat([torch.randn(60, 1, generator=generator(5), dtype=torch.float64), torch.full((60, 1), 3.0)], 1)
    found = ridge(x.double(), x[:, :1].double(), torch.arange(60) % 3)
    assert torch.isfinite(found(x.double())).all()
    assert found.weights[1].abs().max() == 0


# -------------------------------------------------------------------------------------------------------- known answers


def test_brightness_is_read_from_what_is_bright_and_not_from_what_is_blind() -> None:
    spec = Information(TRAINING, TASK, 300, 200)
    # how bright an object is shown, as a share of how bright the same object is at its brightest: the factor itself
    bright = decode(Seeing(lambda x: torch.stack([x.add(1).amax((1, 2, 3)), x.add(1).mean((1, 2, 3))], 1)), spec, "cpu")
    blind = decode(Seeing(lambda x: torch.ones(len(x), 2)), spec, "cpu")
    assert bright["decodability"] > 0.5
    assert bright["interval"][0] < bright["decodability"] < bright["interval"][1]
    assert bright["over_chance"] is None
    assert blind["decodability"] == pytest.approx(0, abs=0.02)


def test_an_angle_is_read_as_a_point_of_the_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A representation that *is* the angle's point of the circle gives it away whole, across 0 = 360 degrees too."""
    spec = Information(TRAINING, under("rotate"), 200, 200)
    drawn = iter(
        [
            values(TRANSFORMS["rotate"], transformation_draws(task, split, torch.arange(200))[0]).float()
            for task, split in zip(spec.halves(), ("train", "test"), strict=True)
        ]
    )
    monkeypatch.setattr(information, "represent_set", lambda network, parts: Seen(next(drawn), torch.empty(0)))
    assert decode(Seeing(None), spec, "cpu")["decodability"] > 0.999


def test_a_switch_is_told_over_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Information(TRAINING, under("invert"), 200, 200)
    known = [
        TRANSFORMS["invert"].label_of(transformation_draws(task, split, torch.arange(200))[0]).float()[:, None]
        for task, split in zip(spec.halves(), ("train", "test"), strict=True)
    ]
    for features, expected in ((known, 1.0), ([torch.ones(200, 1)] * 2, 0.0)):
        seen = iter(features)
        replaced = lambda network, parts, seen=seen: Seen(next(seen), torch.empty(0))  # noqa: E731
        monkeypatch.setattr(information, "represent_set", replaced)
        found = decode(Seeing(None), spec, "cpu")
        assert found["over_chance"] == pytest.approx(expected, abs=0.01) if expected else found["over_chance"] <= 0
        assert found["decodability"] == pytest.approx(expected, abs=0.05)


def test_objects_to_fit_on_and_to_test_on_share_nothing() -> None:
    first, second = Information(TRAINING, TASK).halves()
    assert set(first.classes) | set(second.classes) == set(TASK.classes)
    assert not set(first.classes) & set(second.classes)


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_every_family_can_be_decoded_and_stored(family: str, tmp_path) -> None:
    store = Store(tmp_path)
    record = runs.execute(Information(Training(TASK, images=64, batch=32), under(family), 40, 20), store)
    assert record["result"]["decodability"] <= 1
    assert (record["result"]["over_chance"] is None) == (transform(family).varies != "switch")
    store.close()


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_values_stay_within_their_range(family: str) -> None:
    kind = TRANSFORMS[family]
    found = values(kind, kind.sample(500, Generator.of("test", indices=range(500))))
    assert found.dtype == torch.float64
    assert 0.3 < float(np.ptp(found.numpy(), axis=0).max()) <= 2.0
    if kind.varies == "angle":
        torch.testing.assert_close(found.norm(dim=1), torch.ones(500, dtype=torch.float64))
    if kind.varies == "switch":
        assert set(found.unique().tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"task": replace(TASK, transformations=())}, "task: it has no transformation to decode"),
        ({"task": replace(TASK, classes=(1,))}, "task: one class cannot be split"),
        ({"train_images": 1}, "train_images 1, test_images 1000: give at least 2"),
        ({"test_images": 1}, "test_images 1: give at least 2"),
    ],
)
def test_bad_input_gets_one_sentence(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Information(**{"training": TRAINING, "task": TASK} | change)


# -------------------------------------------------------------------------------------------- naming the transformation


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_the_drawn_value_is_named_by_its_part_of_the_range(family: str) -> None:
    kind = TRANSFORMS[family]
    rows = draw((family,), 600, Generator.of("test", indices=range(600)))[0]
    names = kind.label_of(rows)
    assert set(names.tolist()) == set(range(kind.labels))
    shares = torch.bincount(names) / 600
    assert float(shares.min()) > 0.6 / kind.labels  # none is rare
    axis = kind.axes[0]
    for value, name in zip(rows[axis.parameter].tolist(), names.tolist(), strict=True):
        if kind.varies == "switch":
            assert name == (value != kind.identity[axis.parameter])
        else:
            part = math.floor((value - axis.low) / (axis.high - axis.low) * kind.labels)
            assert name == min(part, kind.labels - 1)


def test_rotation_is_named_by_quarter_turns() -> None:
    angles = torch.tensor([0.0, 89.0, 91.0, 181.0, 359.0])
    assert TRANSFORMS["rotate"].label_of({"angle": angles}).tolist() == [0, 0, 1, 2, 3]


def test_a_task_can_ask_for_its_transformation() -> None:
    """The pictures are those of the same task with other labels, new ones in every epoch and for every twin."""
    plain = replace(TASK, transformations=("rotate", "hue"))
    named = replace(plain, label="transformation")
    assert named.labels == 4
    for epoch, twin in ((0, 0), (1, 0), (0, 1)):
        found = render(named, "train", range(50), epoch, twin)
        assert torch.equal(found.images, render(plain, "train", range(50), epoch, twin).images)
        drawn = transformation_draws(named, "train", torch.arange(50), epoch, twin)[0]
        assert torch.equal(found.labels, (drawn["angle"] / 90).long())
    with pytest.raises(ValueError, match="label 'transformation': there is none to name"):
        replace(named, transformations=())


def test_a_network_learns_and_is_probed_on_naming_it(tmp_path) -> None:
    named = replace(under("invert"), label="transformation")
    learned = Training(named, images=512, epochs=2, batch=32)
    store = Store(tmp_path)
    assert runs.execute(learned, store)["result"]["test_accuracy"] > 0.75
    assert runs.execute(Transfer(learned, named, 200, 200), store)["result"]["accuracy"] > 0.75
    assert build("labnet", named.labels, generator()).head.out_features == 2
    store.close()
