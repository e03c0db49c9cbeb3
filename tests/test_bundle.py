"""What ships: every result of the study, networks that load, and claims that hold in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from invlab import bundle, records, runs, store
from invlab.studies.singles import same_other_none

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture(scope="module")
def shipped():
    return store.Store(MODELS / "no-own-results", MODELS, read_only=True)


@pytest.fixture(scope="module")
def tables(shipped):
    return shipped.get(records.key(bundle.STUDY))["result"]


def test_every_byte_result_and_network_is_there():
    assert bundle.verify(MODELS) == []


def test_verify_notices_a_changed_byte_and_a_missing_file(tmp_path):
    copy = tmp_path / "models"
    shutil.copytree(MODELS, copy)
    weights = next((copy / "weights").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert any(weights.name in problem for problem in bundle.verify(copy))
    shutil.copytree(MODELS, tmp_path / "second")
    next((tmp_path / "second" / "results").glob("*.jsonl")).unlink()
    assert bundle.verify(tmp_path / "second") != []


def test_invariance_is_learned_and_carries_over_to_new_objects(tables):
    """The aim: for at least 16 of 18 families the network trained for it is the less sensitive, on new objects too."""
    values = {name: v.mean(0) for name, v in same_other_none(tables["sensitivity_new"]).items()}
    below = (values["same"] < values["other"]) & (values["same"] < values["none"])
    assert below.sum() >= 16


def test_transfer_is_best_where_the_transformations_match(tables):
    values = {name: v.mean(0) for name, v in same_other_none(tables["transfer"]).items()}
    assert (values["same"] >= values["other"]).sum() >= 16


def test_the_networks_learned_their_tasks(tables):
    assert np.asarray(tables["source_accuracy"]).min() > 0.8


def test_a_shipped_network_gives_the_shipped_number(shipped, tmp_path):
    """The stored sensitivity is measured again, on the stored network, to the rounding of another machine."""
    spec = bundle.STUDY.sensitivity("rotate", "new", "rotate", 0)
    told = shipped.get(records.key(spec))["result"]["sensitivity"]
    own = store.Store(tmp_path, MODELS)
    network = runs.trained(spec.training, own)
    again = runs.sensitivity.measure(network, spec, "cpu")["sensitivity"]
    assert again == pytest.approx(told, rel=1e-3)
