"""The audit: known answers, the slow way beside the fast one, what it keeps and what it refuses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from invlab import audit, costs, records, runs
from invlab.audit import Audit, Shown, measure, plan
from invlab.imagenet import untrained
from invlab.networks import Network
from invlab.representations import represent
from invlab.responses import average_positions
from invlab.seeds import torch_generator
from invlab.sensitivity import compare_twins, derangement
from invlab.store import Store
from invlab.studies.singles import Singles
from invlab.tasks import Task
from invlab.training import Training
from invlab.transforms import TRANSFORMS
from invlab.watching import Cancelled
from invlab.weights import receive_weights

ALL = tuple(TRANSFORMS)


def spec(*families: str, **change: Any) -> Audit:
    return Audit(**{"network": "labnet", "weights": "random", "pictures": "scenes", "families": families or ALL,
                    "images": 10} | change)  # fmt: skip


class Made(Network):
    """A network made of one function of the images."""

    def __init__(self, see: Callable[[torch.Tensor], torch.Tensor], width: int = 3) -> None:
        super().__init__()
        self.see, self.width, self.head = see, width, nn.Linear(width, 2)

    def steps(self):
        return {"stem": lambda x: x, "features": self.see}


def by_family(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["family"]: row for row in found["families"]}


# ------------------------------------------------------------------------------------------------------ known answers


def convolved(images: torch.Tensor) -> torch.Tensor:
    weight = torch.randn(6, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    return F.relu(F.conv2d(images, weight)).mean((2, 3))


def symmetric(images: torch.Tensor) -> torch.Tensor:
    """Averaged over positions, and over all four mirror images."""
    return sum(convolved(x) for x in (images, images.flip(2), images.flip(3), images.flip(2, 3)))  # type: ignore[return-value]


def permuted(images: torch.Tensor) -> torch.Tensor:
    """Every pixel has a place of its own in the representation."""
    order = torch.randperm(32 * 32 * 3, generator=torch.Generator().manual_seed(0))
    return images.flatten(1)[:, order]


def test_a_flip_symmetrised_averaging_network_scores_0_to_flips_and_nothing_else() -> None:
    found = by_family(measure(Made(symmetric, 6), spec(), "cpu"))
    for family, row in found.items():
        if family in ("h_flip", "v_flip"):
            assert row["sensitivity"] < 1e-5
            assert row["interval"][1] < 1e-5
            assert max(row["curve"]["sensitivity"]) < 1e-5
            assert row["stages"][1]["sensitivity"] > 0.1  # the pixels themselves do move
        else:
            assert row["sensitivity"] > 0.01
    assert found["rotate"]["sensitivity"] > 0.05


def test_a_permuted_pixel_network_does_not() -> None:
    found = by_family(measure(Made(permuted, 3072), spec("h_flip", "v_flip", "rotate"), "cpu"))
    for row in found.values():
        assert row["interval"][0] > 0.1
        first, last = row["stages"][0], row["stages"][-1]
        assert last["sensitivity"] == pytest.approx(first["sensitivity"], rel=1e-4)  # an order changes no distance
    assert found["h_flip"]["stages"][0]["pooled"] < 1e-5  # an averaged picture is its mirror image's


def test_a_constant_network_is_invariant_to_all() -> None:
    found = measure(Made(lambda images: torch.ones(len(images), 3)), spec(), "cpu")
    for row in found["families"]:
        assert (row["sensitivity"], row["interval"]) == (0, [0, 0])
        assert set(row["curve"]["sensitivity"]) == {0}


def test_a_grey_network_does_not_see_grayscale() -> None:
    weights = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)
    found = by_family(measure(Made(lambda x: (x * weights).sum(1).flatten(1), 1024), spec("grayscale", "hue"), "cpu"))
    assert found["grayscale"]["sensitivity"] < 1e-3
    assert found["hue"]["sensitivity"] > 0.01


# --------------------------------------------------------------------------------------------------- the slow way too


@pytest.mark.parametrize("family", ["rotate", "noise", "invert", "blur", "erasing"])
def test_the_fast_way_is_the_slow_way(family: str) -> None:
    """One picture at a time, none shown once for several, no activation compared in passing."""
    asked = spec(family, images=5, draws=2, points=2)
    network = untrained("labnet", torch_generator("audit weights", 0))
    found = by_family(measure(network, asked, "cpu"))[family]
    pictures, kind = audit.photographs(asked), TRANSFORMS[family]
    partner = derangement(5, torch_generator("strangers", 0)).tolist()

    def stages(i: int, parameters: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        canvas = torch.cat([pictures[i : i + 1].float() / 255, torch.ones(1, 1, 32, 32)], 1)
        made = kind.apply(canvas, **parameters)
        image = 2 * made[:, :3] - 1 + (1 - made[:, 3:])  # over grey: 0 in [−1, 1]
        with torch.inference_mode():
            return [image, *network.stage_features(image).values()]

    def row(k: int, i: int) -> dict[str, torch.Tensor]:
        return {name: values[i : i + 1] for name, values in audit._drawn(asked, family, k, 5).items()}

    draws = audit.SWITCH_DRAWS if family == "invert" else 2
    seen = [[stages(i, row(k, i)) for i in range(5)] for k in range(draws)]
    for s, measured in enumerate(found["stages"]):
        for name, view in (("sensitivity", lambda x: x.flatten(1)), ("pooled", average_positions)):
            moved = [
                float((view(seen[a][i][s]) - view(seen[b][i][s])).norm())
                for i in range(5)
                for a, b in itertools.combinations(range(draws), 2)
            ]
            apart = [float((view(seen[0][i][s]) - view(seen[0][partner[i]][s])).norm()) for i in range(5)]
            expected = (sum(moved) / len(moved)) / (sum(apart) / 5)
            assert measured[name] == pytest.approx(expected, rel=2e-3, abs=1e-5)
    assert found["sensitivity"] == pytest.approx(found["stages"][-1]["sensitivity"], rel=1e-4)
    assert found["interval"] == pytest.approx(found["stages"][-1]["interval"], rel=1e-3)
    still = [stages(i, {k: torch.full((1,), v) for k, v in kind.identity.items()} | seed(row(0, i))) for i in range(5)]
    apart = sum(float((still[i][-1] - still[partner[i]][-1]).norm()) for i in range(5)) / 5
    for (value,), measured_at in zip(found["curve"]["points"], found["curve"]["sensitivity"], strict=True):
        at = {
            **{k: torch.full((1,), v) for k, v in kind.identity.items()},
            kind.axes[0].parameter: torch.tensor([value]),
        }
        moved = [float((stages(i, at | seed(row(0, i)))[-1] - still[i][-1]).norm()) for i in range(5)]
        assert measured_at == pytest.approx(sum(moved) / 5 / apart, rel=2e-3, abs=1e-4)


def seed(row: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"seed": row["seed"]} if "seed" in row else {}


def test_two_draws_are_compared_as_the_measure_of_sensitivity_does_it() -> None:
    asked = spec("rotate", draws=2, images=12)
    network = untrained("labnet", torch_generator("audit weights", 0))
    found = by_family(measure(network, asked, "cpu"))["rotate"]
    planned = plan(asked, 12)["rotate"]
    pictures = audit.photographs(asked)
    with torch.inference_mode():
        first, second = (
            network.features(audit.render(shown, pictures, torch.zeros(1, 3, 1, 1), "cpu")) for shown in planned.twins
        )
    expected = compare_twins(first, second, torch_generator("strangers", 0), torch_generator("bootstrap", 0))
    assert found["sensitivity"] == pytest.approx(expected["sensitivity"], rel=1e-4)
    assert found["interval"] == pytest.approx(expected["interval"], rel=1e-3)


# ---------------------------------------------------------------------------------------------------- what is shown


def test_nothing_is_shown_twice() -> None:
    shown: list[torch.Tensor] = []

    def watch(images: torch.Tensor) -> torch.Tensor:
        shown.append(images.flatten(1).clone())
        return images.mean((2, 3))

    # Of others, two photographs can become the same picture: all black, say.
    families = ("scale", "rotate", "h_flip", "v_flip", "hue", "noise", "pixelate", "elastic")
    found = measure(Made(watch), spec(*families, images=6), "cpu")
    whole = torch.cat(shown)
    assert len(whole) == found["shown"] < found["asked"] / 2
    assert len(whole.unique(dim=0)) == len(whole)


def test_the_unchanged_photograph_is_one_picture_for_all_families() -> None:
    planned = plan(spec(images=8), 8)
    for name, family in planned.items():
        kind = TRANSFORMS[name]
        still = [curve for value, curve in zip(family.values, family.curve, strict=True)
                 if value == kind.identity[kind.axes[0].parameter]]  # fmt: skip
        assert still[0] == [Shown(i) for i in range(8)]
        if kind.varies == "switch":
            off = [one for drawn in family.twins for one in drawn if one == Shown(one.photograph)]
            assert off
    assert len(planned["h_flip"].twins) == audit.SWITCH_DRAWS
    assert len(planned["noise"].twins) == 3  # each draw is another picture
    ends = planned["rotate"].curve
    assert ends[0] == ends[-1]
    assert planned["hue"].curve[0] == planned["hue"].curve[-1]


def test_blur_changes_a_large_photograph_even_at_its_least() -> None:
    large = plan(spec("blur", size=64, images=3), 3)["blur"].curve[0]
    assert large[0] != Shown(0)
    assert plan(spec("blur", images=3), 3)["blur"].curve[0] == [Shown(i) for i in range(3)]


def test_what_a_transformation_uncovers_is_the_networks_zero() -> None:
    network = untrained("mobilenet_v3_small", torch.Generator().manual_seed(0))
    picture = torch.randint(0, 255, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shrunk = audit.render([Shown(0, "scale", (0.4,))], picture, audit.resting(network), "cpu")
    assert network.normalised(shrunk)[0, :, :5].abs().max() < 1e-5
    assert network.normalised(shrunk)[0, :, 32].abs().max() > 0.1
    whole = audit.render([Shown(0)], picture, audit.resting(network), "cpu")
    torch.testing.assert_close(whole, picture.float() / 127.5 - 1)


def test_activations_are_let_go() -> None:
    asked = spec(images=12)
    stages_seen: list[int] = []
    network = untrained("labnet", torch_generator("audit weights", 0))
    planned = plan(asked, 12)
    partner = derangement(12, torch_generator("strangers", 0)).tolist()
    stages = audit.Stages()
    for family in planned.values():
        for i in range(12):
            for pair in (*audit.twin_pairs(family, i), (family.twins[0][i], family.twins[0][partner[i]])):
                stages.want(pair)
    pictures = audit.photographs(asked)
    order = audit.in_order(planned, partner, 12)
    for start in range(0, len(order), 8):
        part = order[start : start + 8]
        with torch.inference_mode():
            stages.take(part, network, audit.render(part, pictures, torch.zeros(1, 3, 1, 1), "cpu"))
        stages_seen.append(len(stages.held))
    assert not stages.held
    assert not stages.waiting
    assert max(stages_seen) < 12 + 12 + 8 + 24  # the photographs, a family's first ones, a batch


def test_layers_of_many_photographs_are_those_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "STAGED", 4)
    network = untrained("labnet", torch_generator("audit weights", 0))
    found = measure(network, spec("rotate", "h_flip", images=9), "cpu")
    assert (found["images"], found["staged"]) == (9, 4)
    few = measure(network, spec("rotate", "h_flip", images=4), "cpu")
    for many, one in zip(found["families"], few["families"], strict=True):
        assert many["stages"][1]["sensitivity"] == pytest.approx(one["stages"][1]["sensitivity"], rel=1e-4)


def test_a_torchvision_network_at_a_small_size() -> None:
    points: list[dict[str, Any]] = []
    asked = spec("rotate", "h_flip", network="mobilenet_v3_small", size=64, images=4, points=1, draws=2)
    before = torch.get_num_threads()
    network = untrained("mobilenet_v3_small", torch.Generator().manual_seed(0))
    found = measure(network, asked, "cpu", points.append)
    assert torch.get_num_threads() == before
    stages = [row["stage"] for row in found["families"][0]["stages"]]
    assert stages == ["input", *network.stages]
    assert (found["size"], found["width"], found["classes"]) == (64, 1024, 1000)
    fractions = [point["fraction"] for point in points]
    assert fractions == sorted(fractions)
    assert points[-1]["done"] == points[-1]["of"] == found["shown"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_report_that_raises_ends_it_and_the_threads_are_as_before() -> None:
    before = torch.get_num_threads()

    def stop(point: dict[str, Any]) -> None:
        if point["stage"] == "show":
            raise Cancelled("enough")

    network = untrained("mobilenet_v3_small", torch.Generator().manual_seed(0))
    with pytest.raises(Cancelled):
        measure(network, spec("rotate", network="mobilenet_v3_small", size=32), "cpu", stop)
    assert torch.get_num_threads() == before


def test_a_network_without_numbers_is_told() -> None:
    with pytest.raises(ArithmeticError, match="labnet answers with values that are no finite numbers"):
        measure(Made(lambda images: images.mean((2, 3)) / 0 * 0), spec("rotate"), "cpu")


# ------------------------------------------------------------------------------------------------------- photographs


def test_scenes_are_as_many_of_each_class_as_needed() -> None:
    twelve = audit.scenes(12, 32)
    assert twelve.shape == (12, 3, 32, 32)
    assert torch.equal(twelve[:10], audit.scenes(10, 32))
    assert len({row.numpy().tobytes() for row in twelve}) == 12


def test_a_folders_photographs(tmp_path: Path) -> None:
    from PIL import Image

    from invlab.backgrounds import open_folder

    for i, colour in enumerate(("red", "green", "blue", "white")):
        Image.new("RGB", (50, 40), colour).save(tmp_path / f"{i}.png")
    name, _ = open_folder(tmp_path)
    assert audit.photographs(spec(pictures=name, size=48)).shape == (4, 3, 48, 48)
    some = audit.photographs(spec(pictures=name, images=3))
    assert len(some) == 3
    assert torch.equal(some, audit.photographs(spec(pictures=name, images=3)))
    with pytest.raises(ValueError, match="at least two photographs"):
        audit.photographs(spec(pictures="black"))
    with pytest.raises(ValueError, match="at least two photographs"):
        audit.photographs(spec(pictures="random"))


def test_examples_are_small_pictures_of_each_family() -> None:
    found = audit.examples(spec("rotate", "h_flip"), 72, 3)
    assert list(found) == ["", "rotate", "h_flip"]
    assert all(images.shape == (3, 64, 64, 3) and images.dtype == torch.uint8 for images in found.values())
    assert torch.equal(found[""][0][::2, ::2].permute(2, 0, 1), audit.scenes(10, 32)[0])
    large = audit.examples(spec("rotate", network="resnet18", size=96, images=2), 72, 6)
    assert large["rotate"].shape == (2, 72, 72, 3)


# ------------------------------------------------------------------------------------------------------------ the spec


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "resnet51"}, "there is no network 'resnet51' to audit"),
        ({"weights": "DEFAULT"}, "weights DEFAULT: labnet is the lab's own"),
        ({"weights": "file:abc"}, "weights 'file:abc': use DEFAULT, random"),
        ({"weights": "sensitivity-" + "0" * 32}, "use DEFAULT, random"),
        ({"weights": "../../etc"}, "use DEFAULT, random"),
        ({"families": ()}, "families none: name at least one"),
        ({"families": ("hue", "hue")}, "none twice"),
        ({"families": ("spin",)}, "there is no transformation 'spin'"),
        ({"images": 1}, "images 1: choose 2 to 200"),
        ({"images": 201}, "images 201"),
        ({"points": 0}, "points 0"),
        ({"draws": 1}, "draws 1"),
        ({"seed": -1}, "seed -1"),
        ({"size": 8}, "size 8: choose 32 to 640"),
    ],
)
def test_bad_input_gets_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        spec(**change)


def test_it_is_stored_under_its_key(tmp_path: Path) -> None:
    store, asked = Store(tmp_path), spec("rotate", images=3, points=1, draws=2)
    record = runs.execute(asked, store)
    assert runs.execute(asked, store) == record
    assert (record["kind"], records.revive(Audit, record["spec"])) == ("Audit", asked)
    assert record["made"]["seconds"] > 0
    assert runs.revive("Audit", record["spec"]) == asked
    store.close()


def test_weights_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    store = Store(tmp_path)
    learned = Training(Task((0, 1), backgrounds="black"), images=64, batch=32)
    key = records.key(learned)
    with pytest.raises(ValueError, match="no training of that key is stored"):
        runs.audited_network(spec(weights=key), store)
    runs.execute(learned, store)
    network = runs.audited_network(spec(weights=key), store)
    with pytest.raises(ValueError, match=r"the training .* is of labnet"):
        runs.audited_network(spec(network="vit-small", weights=key), store)
    import safetensors.torch

    digest = receive_weights(
        safetensors.torch.save({k: v.contiguous() for k, v in network.state_dict().items()}),
        "mine.safetensors",
        "labnet",
    )
    same = runs.audited_network(spec(weights=f"file:{digest}"), store)
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(same.features(images), network.features(images))
    store.close()


def test_what_it_will_cost_is_known_before() -> None:
    whole = Audit("resnet50", "random", "scenes", ALL)
    seconds = costs.expected_seconds(whole)
    assert 60 < seconds < 180
    assert costs.cell_seconds(whole) == 2 * seconds
    assert costs.expected_seconds(spec()) < 5
    assert costs.expected_seconds(Audit("vgg19", "random", "scenes", ALL)) > 2 * seconds


def test_bundled_networks_can_be_named_by_their_key() -> None:
    training = Singles().training("rotate", 0)
    assert spec(weights=records.key(training)).weights.startswith("training-")


def test_the_parameters_are_those_before_norms_are_folded_away() -> None:
    asked = spec("h_flip", network="resnet18", size=32, images=2, draws=2)
    whole = sum(p.numel() for p in untrained("resnet18", torch_generator("audit weights", 0)).parameters())
    assert measure(untrained("resnet18", torch_generator("audit weights", 0)), asked, "cpu")["parameters"] == whole


def test_the_twins_of_each_photograph_are_told_and_drawn() -> None:
    """Distances of the first two draws, one photograph at a time, and the very pictures."""
    asked = spec("rotate", "h_flip", size=32)
    network = untrained("labnet", torch_generator("audit weights", 0))
    result = audit.measure(network, asked, "cpu")
    photographs = audit.photographs(asked)
    planned = audit.plan(asked, len(photographs))
    partner = derangement(len(photographs), torch_generator("strangers", asked.seed)).tolist()
    for row in result["families"]:
        first, second = planned[row["family"]].twins[:2]
        resting = audit.resting(network)
        seen = [represent(network, audit.render(drawn, photographs, resting, "cpu")) for drawn in (first, second)]
        unit = (seen[0] - seen[0][partner]).norm(dim=1).mean()
        assert row["twins"] == pytest.approx(((seen[0] - seen[1]).norm(dim=1) / unit).tolist(), rel=1e-3, abs=1e-5)
        pictures = audit.twin_pictures(asked, row["family"], [2, 0], 32)
        wanted = audit.render([first[2], second[2]], photographs, torch.zeros(1, 3, 1, 1), "cpu")
        assert pictures.shape == (2, 2, 32, 32, 3)
        assert torch.equal(pictures[0], as_levels(wanted))


def as_levels(images: torch.Tensor) -> torch.Tensor:
    return images.add(1).mul(127.5).round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
