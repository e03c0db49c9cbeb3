"""Response curves and layers: known answers, the slow way beside the fast one, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from sklearn.decomposition import PCA

from invlab import responses, runs
from invlab.networks import NETWORKS, Network, build
from invlab.representations import represent
from invlab.responses import (
    Along,
    Layers,
    Neighbourhoods,
    Response,
    average_positions,
    distances_along,
    images_at,
    layers,
    neighbourhoods,
    respond,
)
from invlab.seeds import Generator, torch_generator
from invlab.sensitivity import Sensitivity, derangement, measure, ratio
from invlab.store import Store
from invlab.tasks import Task, draw_classes, pairs, paste, rendered
from invlab.training import Training
from invlab.transforms import TRANSFORMS, identity_parameters

CLASSES = draw_classes("drawn", 4, seed=0)
TASK = Task(CLASSES, backgrounds="black")
TRAINING = Training(TASK, epochs=0)


def curve(family: str, parameter: str, *values: float, images: int = 12, task: Task = TASK) -> Response:
    return Response(TRAINING, task, (Along(family, parameter, values),), images)


def network(name: str = "labnet") -> Network:
    return build(name, 4, torch.Generator().manual_seed(1)).eval()


def pixels(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1)


# --------------------------------------------------------------------------------------------------------- response


def test_pixels_answer_to_brightness_in_proportion() -> None:
    """On black, an object made darker by a factor has moved by (1 − factor) of its own length."""
    moved, apart = distances_along(pixels, curve("brightness", "factor", 1.0, 0.75, 0.5, 0.0))
    black = -torch.ones(1, 3, 32, 32)
    whole = (images_at(curve("brightness", "factor", 1.0), [None], list(range(12)))[0] - black).flatten(1).norm(dim=1)
    for row, share in zip(moved, (0, 0.25, 0.5, 1), strict=True):
        torch.testing.assert_close(row, share * whole, rtol=1e-4, atol=1e-4)
    assert apart.mean() > 0


def test_nothing_moves_where_nothing_changes_or_nothing_is_seen() -> None:
    spec = curve("rotate", "angle", 0.0, 90.0)
    found = respond(network(), spec, "cpu")
    assert found["sensitivity"][0] == 0
    assert found["interval"][0] == [0, 0]
    assert found["sensitivity"][1] > 0
    blind, _ = distances_along(lambda images: torch.zeros(len(images), 3), spec)
    assert blind.abs().max() == 0
    assert json.loads(json.dumps(found)) == found


def test_a_network_that_only_sees_the_mean_colour_does_not_see_a_mirror() -> None:
    moved, apart = distances_along(lambda images: images.mean((2, 3)), curve("h_flip", "flip", 0.0, 1.0))
    assert ratio(moved[1], apart) < 1e-5
    moved, apart = distances_along(pixels, curve("h_flip", "flip", 0.0, 1.0))
    assert ratio(moved[1], apart) > 0.3


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_images_at_a_point_are_those_made_one_by_one(family: str) -> None:
    kind = TRANSFORMS[family]
    axis = kind.axes[0]
    values = (axis.low, (axis.low + axis.high) / 2, axis.high)
    spec = curve(family, axis.parameter, *values, images=3, task=replace(TASK, backgrounds="random"))
    found = images_at(spec, [None, *spec.points()], [0, 1, 2])
    for index in range(3):
        drawn = pairs(spec.task, "test", [index])
        field = Generator.of("response", spec.task.seed, 0, indices=[index]).seeds(1)
        for place, value in enumerate((kind.identity[axis.parameter], *values)):
            parameters = identity_parameters(family, 1) | {axis.parameter: torch.tensor([float(value)])}
            if "seed" in parameters:
                parameters["seed"] = field
            expected = paste(kind.apply(drawn.prototypes, **parameters), drawn.backgrounds)
            torch.testing.assert_close(found[place, index], expected[0], rtol=0, atol=1e-5)


def test_distances_are_those_measured_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Response(TRAINING, TASK, (Along("rotate", "angle", (0, 45, 180)), Along("blur", "sigma", (0.1, 1.5))), 5)
    net = network()
    moved, apart = distances_along(lambda images: represent(net, images), spec)
    assert moved.shape == (6, 5)
    partner = derangement(5, torch_generator("strangers", spec.seed)).tolist()
    seen = [represent(net, images_at(spec, [None], [i])[0])[0] for i in range(5)]
    for i in range(5):
        assert float(apart[i]) == pytest.approx(float((seen[i] - seen[partner[i]]).norm()), rel=1e-4)
        for k, point in enumerate(spec.points()):
            one = represent(net, images_at(spec, [point], [i])[0])[0]
            assert float(moved[k, i]) == pytest.approx(float((one - seen[i]).norm()), rel=1e-3, abs=1e-5)
    monkeypatch.setattr(responses, "AT_ONCE", 1)
    again, _ = distances_along(lambda images: represent(net, images), spec)
    torch.testing.assert_close(again, moved, rtol=1e-4, atol=1e-5)


def test_a_map_over_two_parameters_holds_the_curves_at_its_edges() -> None:
    """Also of one family: at no shift along y, moving along x is the curve of x."""
    x, y = (-5.0, 0.0, 5.0), (0.0, 3.0)
    along = (Along("translate", "x", x), Along("translate", "y", y))
    whole = respond(network(), Response(TRAINING, TASK, along, 8), "cpu")
    edge = respond(network(), curve("translate", "x", *x, images=8), "cpu")
    assert whole["points"] == [[a, b] for a in x for b in y]
    assert whole["sensitivity"][::2] == pytest.approx(edge["sensitivity"], abs=1e-5)
    assert whole["sensitivity"][3] > 0  # x = 0, y = 3


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Along("spin", "angle", (0,)), "there is no transformation 'spin'"),
        (lambda: Along("rotate", "factor", (0,)), "parameter 'factor': rotate has angle"),
        (lambda: Along("rotate", "angle", ()), "values \\(\\): give at least one finite number"),
        (lambda: Along("rotate", "angle", (float("nan"),)), "give at least one finite number"),
        (lambda: curve("rotate", "angle", 0.0, images=1), "images 1: at least two"),
        (lambda: curve("rotate", "angle", 0.0, task=replace(TASK, transformations=("hue",))), "task: it draws hue"),
        (lambda: Response(TRAINING, TASK, ()), "along: vary one parameter, or two different ones"),
        (lambda: Response(TRAINING, TASK, (Along("hue", "shift", (0,)),) * 2), "along: vary one parameter, or two"),
        (lambda: curve("rotate", "angle", *map(float, range(1025))), "1025 points; choose at most 1024"),
        (lambda: Layers(TRAINING, TASK, 1), "pairs 1: at least two"),
    ],
)
def test_bad_input_gets_one_sentence(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


# ---------------------------------------------------------------------------------------------------- neighbourhoods


def around(family: str = "rotate", *values: float, objects: int = 4, **change) -> Neighbourhoods:
    axis = TRANSFORMS[family].axes[0]
    along = Along(family, axis.parameter, values or (0.0, 120.0, 240.0))
    return Neighbourhoods(TRAINING, replace(TASK, **change), along, objects)


def test_the_plane_is_scikit_learns() -> None:
    points = torch.randn(60, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * torch.arange(9)
    found, explained = responses.plane(points)
    pca = PCA(2).fit(points.numpy())
    assert explained == pytest.approx(pca.explained_variance_ratio_.tolist())
    expected = pca.transform(points.numpy())
    for column in range(2):
        sign = 1 if float(found[:, column] @ torch.tensor(expected[:, column])) > 0 else -1
        torch.testing.assert_close(found[:, column], sign * torch.tensor(expected[:, column]))
    assert torch.equal(responses.plane(points)[0], found)


def test_a_constant_representation_is_a_point() -> None:
    places, explained = responses.plane(torch.ones(10, 4, dtype=torch.float64))
    assert places.abs().max() < 1e-12
    assert explained == pytest.approx([0, 0])


def test_each_object_is_another_one_and_returns_to_where_it_began() -> None:
    spec = around("rotate", 0.0, 90.0, 360.0)
    found = neighbourhoods(network(), spec, "cpu")
    labels = rendered.get(TASK, "test", 64).labels[found["indices"]].tolist()
    assert len(set(labels)) == 4
    assert [len(found["places"]), len(found["places"][0]), len(found["places"][0][0])] == [4, 3, 2]
    for start, _, end in found["places"]:
        assert start == pytest.approx(end, abs=1e-3)
    assert 0 < sum(found["explained"]) <= 1


def test_a_place_is_that_of_the_objects_own_image() -> None:
    spec, net = around("brightness", 1.0, 0.5), network()
    found = neighbourhoods(net, spec, "cpu")
    seen = represent(net, images_at(spec.response(), [(1.0,), (0.5,)], found["indices"]).flatten(0, 1)).double()
    places, _ = responses.plane(seen)  # points first, then objects
    for number in range(4):
        for point in range(2):
            assert found["places"][number][point] == pytest.approx(places[point * 4 + number].tolist(), abs=1e-9)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: around(objects=1), "objects 1: choose 2 to 4"),
        (lambda: around(objects=5), "objects 5: choose 2 to 4, each of another class"),
        (lambda: around(transformations=("hue",)), "task: it draws hue"),
    ],
)
def test_bad_neighbourhoods_get_one_sentence(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


# ----------------------------------------------------------------------------------------------------------- layers


TURNED = replace(TASK, transformations=("rotate",))


@pytest.mark.parametrize("name", [n for n in NETWORKS if n == "labnet" or n.endswith("-small")])
def test_layers_are_those_of_whole_activations(name: str) -> None:
    net, spec = network(name), Layers(TRAINING, TURNED, 10)
    found = layers(net, spec, "cpu")["stages"]
    assert [row["stage"] for row in found] == [responses.INPUT, *net.stages]
    assert [row["depth"] for row in found] == pytest.approx([i / len(net.stages) for i in range(len(net.stages) + 1)])
    first, second = (rendered.get(TURNED, "test", 10, twin).images for twin in (0, 1))
    partner = derangement(10, torch_generator("strangers", 0))
    with torch.inference_mode():
        a, b = ({responses.INPUT: images} | net.stage_features(images) for images in (first, second))
    for row in found:
        for column, view in (("sensitivity", lambda v: v.flatten(1)), ("pooled", average_positions)):
            x, y = view(a[row["stage"]]), view(b[row["stage"]])
            expected = ratio((x - y).norm(dim=1), (x - x[partner]).norm(dim=1))
            assert row[column] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_the_last_stage_is_the_sensitivity_and_the_first_that_of_pixels() -> None:
    found = layers(network(), Layers(TRAINING, TURNED, 150), "cpu")["stages"]  # more than one batch
    whole = measure(network(), Sensitivity(TRAINING, TURNED, 150), "cpu")
    assert found[-1]["sensitivity"] == pytest.approx(whole["sensitivity"], rel=1e-4)
    assert found[-1]["pooled"] == pytest.approx(whole["sensitivity"], rel=1e-4)
    assert found[-1]["interval"] == pytest.approx(whole["interval"], rel=1e-3)
    first, second = (rendered.get(TURNED, "test", 150, twin).images.flatten(1) for twin in (0, 1))
    others = first[derangement(150, torch_generator("strangers", 0))]
    expected = ratio((first - second).norm(dim=1), (first - others).norm(dim=1))
    assert found[0]["sensitivity"] == pytest.approx(expected, rel=1e-4)


class Symmetric(Network):
    """Sees an image and its mirror image as one from its second stage on."""

    width = 3
    head = torch.nn.Linear(3, 2)

    def steps(self):
        return {"same": lambda x: x, "both": lambda x: x + x.flip(3), "features": lambda x: x.amax((2, 3))}


def test_invariance_shows_from_the_stage_where_it_arises() -> None:
    stages = layers(Symmetric(), Layers(TRAINING, replace(TASK, transformations=("h_flip",)), 20), "cpu")["stages"]
    found = {row["stage"]: row for row in stages}
    assert found["input"]["sensitivity"] == found["same"]["sensitivity"] > 0.1
    assert found["same"]["pooled"] == pytest.approx(0, abs=1e-5)  # what moves to the other side keeps its mean
    assert found["both"]["sensitivity"] == pytest.approx(0, abs=1e-5)
    assert found["features"]["sensitivity"] == pytest.approx(0, abs=1e-5)


# ------------------------------------------------------------------------------------------------------------ stored


def test_both_are_stored_under_their_keys(tmp_path) -> None:
    store, learned = Store(tmp_path), Training(TASK, images=64, batch=32)
    for spec in (
        Response(learned, TASK, (Along("rotate", "angle", (0.0, 90.0)),), 4),
        Layers(learned, TURNED, 4),
    ):
        record = runs.execute(spec, store)
        assert runs.execute(spec, store) == record
        assert record["kind"] == type(spec).__name__
    store.close()
