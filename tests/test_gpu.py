"""What a GPU must do the same as the CPU. Skipped, with the reason, where there is none."""

from __future__ import annotations

import pytest
import torch

from invlab import records, runs, store, training
from invlab.representations import represent
from invlab.studies.comparison import comparison
from invlab.studies.presets import PRESETS
from invlab.tasks import Task, render

pytestmark = pytest.mark.gpu  # skipped, with the reason, in conftest.py


def test_initial_weights_and_features_agree():
    spec = training.Training(Task(classes=(0, 1, 2)), images=64, batch=32)
    images = render(spec.task, "test", range(64)).images
    there, here = training.start(spec, "cuda"), training.start(spec, "cpu")
    assert torch.allclose(represent(there, images.cuda()).cpu(), represent(here, images), atol=1e-3)


def test_a_comparison_runs_and_names_the_device(tmp_path):
    sizes = PRESETS["live"]
    spec = comparison([("rotate",), ("hue",)], ("rotate",), sizes, seed=5)
    record = runs.execute(spec, store.Store(tmp_path))
    assert record["made"]["device"].startswith("cuda: ")
    assert record["result"]["networks"][0]["transfer_accuracy"] > record["result"]["networks"][1]["transfer_accuracy"]
    assert store.Store(tmp_path).get(records.key(spec)) == record
