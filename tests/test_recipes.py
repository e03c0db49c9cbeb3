"""The recipes of learning that a benchmark compares: each does what its name says."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from benchmarks import recipes
from benchmarks.recipes import BUDGETS, RECIPES, STANDARD, STANDARD_RATE
from invlab import training
from invlab.seeds import torch_generator
from invlab.tasks import Task, render
from invlab.training import Training

SPEC = Training(Task((0, 1, 2), ("rotate",), backgrounds="black"), images=96, batch=32, learning_rate=STANDARD_RATE)


@pytest.mark.parametrize("shape", [(8, 27), (27, 8), (5, 5)])
def test_a_step_of_muon_is_about_orthogonal(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch_generator("test"))
    found = torch.linalg.svdvals(recipes.orthogonal(matrix))
    assert 0.6 < found.min() <= found.max() < 1.3
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.cosine_similarity(recipes.orthogonal(matrix).flatten(), (u @ vh).flatten(), 0) > 0.97


def test_the_standard_recipe_is_the_training_of_the_lab() -> None:
    network = training.start(SPEC, "cpu")
    for _ in training.train(network, SPEC, "cpu"):
        pass
    other = recipes.learn(STANDARD, STANDARD_RATE, SPEC)
    for mine, own in zip(other.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(mine, own)


@pytest.mark.parametrize("recipe", RECIPES[1:], ids=lambda recipe: recipe.name)
def test_every_other_recipe_learns_otherwise(recipe: recipes.Recipe) -> None:
    network = recipes.learn(recipe, recipe.rates[0], SPEC)
    standard = recipes.learn(STANDARD, STANDARD_RATE, SPEC)
    pairs = list(zip(network.parameters(), standard.parameters(), strict=True))
    assert not any(torch.isnan(mine).any() for mine, _ in pairs)
    assert any(not torch.equal(mine, own) for mine, own in pairs)


def test_a_whitening_stem_makes_patches_vary_alike() -> None:
    network, images = recipes.labnet(SPEC), render(SPEC.task, "train", range(64)).images
    size = network.stem.weight.std().item()
    recipes.whitening(network, images)
    assert network.stem.weight.std().item() == pytest.approx(size, rel=0.35)
    found = torch.nn.functional.conv2d(images, network.stem.weight).transpose(0, 1).flatten(1)
    spread = found[:20].std(1)  # the later ones vary so little that the regulariser holds them down
    assert spread.max() / spread.min() < 3
    correlations = torch.corrcoef(found[:20]) - torch.eye(20)
    assert correlations.abs().max() < 0.1


def test_averaged_weights_lag_behind() -> None:
    recipe = next(r for r in RECIPES if r.averaged)
    lagging, last = recipes.learn(recipe, STANDARD_RATE, SPEC), recipes.learn(STANDARD, STANDARD_RATE, SPEC)
    first = recipes.labnet(SPEC)
    away = [(net.stem.weight - first.stem.weight).norm() for net in (lagging, last)]
    assert 0 < away[0] < away[1]


def test_images_to_an_accuracy_are_read_off_the_curve() -> None:
    assert recipes.images_for(0.5, [0.6, 0.7, 0.8]) == BUDGETS[0]
    assert recipes.images_for(0.7, [0.6, 0.7, 0.8]) == pytest.approx(BUDGETS[1])
    assert BUDGETS[1] < (recipes.images_for(0.75, [0.6, 0.7, 0.8]) or 0) < BUDGETS[2]
    assert recipes.images_for(0.9, [0.6, 0.7, 0.8]) is None


def test_a_recipe_beside_itself_changes_nothing() -> None:
    found = {budget: [[(0.9, 0.8, 0.3), (0.9, 0.6, 0.7)]] * 3 for budget in BUDGETS}
    told = recipes.compared(found, found)
    assert told["change of the gap in sensitivity"] == [0.0, 0.0, 0.0]
    assert told["transfer accuracy"] == [[0.8] * 3, [0.6] * 3]
    assert recipes.gaps(found, 2) == pytest.approx([-0.4] * 3)


def test_the_best_recipe_is_told_apart_from_the_best_that_changes_nothing() -> None:
    def row(images: float | None, moved: list[float]) -> dict[str, object]:
        changes = {f"change of the gap in {m}": [0.0, 0.0, 0.0] for m in recipes.MEASURES[1:]}
        return changes | {"change of the gap in sensitivity": moved, "images to the standard's accuracy": images}

    rows = {
        "standard": row(8000.0, [0.0, 0.0, 0.0]),
        "quick": row(3000.0, [0.1, 0.05, 0.15]),
        "same": row(7000.0, [0.1, -0.05, 0.25]),
        "never": row(None, [0.0, -0.1, 0.1]),
    }
    best, harmless = recipes.claims(rows)
    assert (best["recipe"], best["value"], best["met"]) == ("quick", 3000.0, True)
    assert (harmless["recipe"], harmless["value"], harmless["met"]) == ("same", 7000.0, False)


def test_budgets_differ_in_images_alone() -> None:
    small, whole = recipes.of(3, BUDGETS[0]), recipes.of(3, BUDGETS[-1])
    assert small.sources[0].images == BUDGETS[0]
    assert dataclasses.replace(small.sources[0], images=BUDGETS[-1]) == whole.sources[0]
    assert small.target == whole.target
