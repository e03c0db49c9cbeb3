"""A spec says what, its key says which: equal specs share a key, others never do, and JSON gives the spec back."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from invlab import records
from invlab.audit import Audit
from invlab.disagreement import Disagreement
from invlab.information import Information
from invlab.learning import Recording
from invlab.measures import Measures
from invlab.records import SpecError, canonical, key, plain, revive
from invlab.responses import Along, Layers, Neighbourhoods, Response
from invlab.runs import SPECS
from invlab.sensitivity import Sensitivity, TwinPairs
from invlab.shared_invariance import SharedInvariance
from invlab.studies.catalogue import StudyRun, StudySeed
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import preset
from invlab.studies.singles import Singles
from invlab.tasks import Task
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer

TASK = Task((3, 1), ("rotate", "hue"))
TRAINING = Training(TASK, images=256, seed=5)

EXAMPLES: dict[str, Any] = {
    "Task": TASK,
    "Training": TRAINING,
    "Audit": Audit("resnet50", "random", "scenes", ("rotate", "hue"), 9),
    "Sensitivity": Sensitivity(TRAINING, replace(TASK, transformations=()), 50, 2),
    "TwinPairs": TwinPairs(TRAINING, replace(TASK, transformations=()), 50, 2),
    "Response": Response(TRAINING, replace(TASK, transformations=()), (Along("hue", "shift", (0.0, 0.5)),), 9, 1),
    "Neighbourhoods": Neighbourhoods(
        TRAINING, replace(TASK, transformations=(), classes=(1, 2, 3)), Along("hue", "shift", (0.0, 0.5)), 2
    ),
    "Layers": Layers(TRAINING, TASK, 9, 1),
    "SharedInvariance": SharedInvariance((TRAINING, replace(TRAINING, seed=6)), TASK, 30, 9, 0.2, 1),
    "Disagreement": Disagreement((TRAINING, replace(TRAINING, seed=6)), TASK, 30, 9, 1),
    "Information": Information(TRAINING, TASK, 9, 8, 1),
    "Measures": Measures(TRAINING, TASK, 9, 8, 1),
    "Recording": Recording(TRAINING, replace(TASK, classes=(7, 8, 9)), ("rotate", "hue"), 5, 9, 8, 7, 1),
    "Transfer": Transfer(TRAINING, replace(TASK, classes=(7, 8, 9)), 100, 50, 0.5),
    "FineTuning": FineTuning(TRAINING, replace(TASK, classes=(7, 8, 9)), 100, 50, 3, 32, 2e-3, 0.5, 1),
    "StudySeed": StudySeed("shift", "tiny", 1),
    "StudyRun": StudyRun("shift", "tiny", 1),
    "Comparison": comparison([("rotate",), ()], ("rotate", "blur"), preset("live"), seed=3),
    "Singles": Singles("live", 2),
}

# For each field a value that differs from the example's.
CHANGES: dict[str, dict[str, Any]] = {
    "Task": {
        "classes": (1, 3),
        "transformations": ("hue", "rotate"),
        "objects": "random",
        "backgrounds": "black",
        "size": 64,
        "seed": 1,
        "label": "background",
        "placement": "corner",
        "correlation": 0.5,
        "availability": 0.5,
    },
    "Training": {
        "task": replace(TASK, seed=1),
        "network": "resnet18",
        "images": 512,
        "epochs": 2,
        "batch": 64,
        "learning_rate": 2e-3,
        "schedule": "constant",
        "seed": 6,
        "precision": "bfloat16",
    },
    "Audit": {
        "network": "resnet18",
        "weights": "DEFAULT",
        "pictures": "upload:" + "0" * 32,
        "families": ("hue", "rotate"),
        "images": 10,
        "size": 64,
        "points": 5,
        "draws": 2,
        "seed": 1,
    },
    "Sensitivity": {"training": replace(TRAINING, seed=9), "task": TASK, "pairs": 51, "seed": 3, "redraw": "object"},
    "TwinPairs": {"training": replace(TRAINING, seed=9), "task": TASK, "pairs": 51, "seed": 3, "redraw": "object"},
    "Response": {
        "training": replace(TRAINING, seed=9),
        "task": replace(TASK, transformations=(), seed=1),
        "along": (Along("hue", "shift", (0.5, 0.0)),),
        "images": 10,
        "seed": 2,
    },
    "Measures": {
        "training": replace(TRAINING, seed=9),
        "task": replace(TASK, seed=1),
        "images": 10,
        "draws": 9,
        "seed": 2,
    },
    "Information": {
        "training": replace(TRAINING, seed=9),
        "task": replace(TASK, seed=1),
        "train_images": 10,
        "test_images": 10,
        "seed": 2,
    },
    "Recording": {
        "training": replace(TRAINING, seed=9),
        "target": TASK,
        "families": ("hue", "rotate"),
        "looks": 6,
        "pairs": 10,
        "probe_train": 10,
        "probe_test": 10,
        "seed": 2,
    },
    "Neighbourhoods": {
        "training": replace(TRAINING, seed=9),
        "task": replace(TASK, transformations=(), classes=(1, 2, 4)),
        "along": Along("hue", "shift", (0.5, 0.0)),
        "objects": 3,
    },
    "Layers": {"training": replace(TRAINING, seed=9), "task": replace(TASK, seed=1), "pairs": 10, "seed": 2},
    "Disagreement": {
        "networks": (TRAINING, replace(TRAINING, seed=7)),
        "task": replace(TASK, seed=1),
        "pairs": 31,
        "probe_images": 10,
        "seed": 2,
    },
    "SharedInvariance": {
        "networks": (TRAINING,),
        "task": replace(TASK, seed=1),
        "images": 31,
        "steps": 10,
        "learning_rate": 0.1,
        "seed": 2,
    },
    "Transfer": {
        "training": replace(TRAINING, seed=9),
        "target": TASK,
        "train_images": 101,
        "test_images": 51,
        "penalty": 2.0,
    },
    "FineTuning": {
        "training": replace(TRAINING, seed=9),
        "target": TASK,
        "train_images": 101,
        "test_images": 51,
        "epochs": 4,
        "batch": 16,
        "learning_rate": 1e-3,
        "penalty": 2.0,
        "seed": 2,
    },
    "StudySeed": {
        "study": "mismatch",
        "preset": "classroom",
        "seed": 2,
        "data": ("cifar10",),
        "only": ("family=translate",),
        "version": 2,
    },
    "StudyRun": {
        "study": "mismatch",
        "preset": "classroom",
        "seeds": 2,
        "data": ("cifar10",),
        "only": ("family=translate",),
    },
    "Comparison": {
        "sources": (TRAINING,),
        "target": TASK,
        "pairs": 7,
        "probe_train": 7,
        "probe_test": 7,
        "watch": 1,
    },
    "Singles": {"preset": "classroom", "seeds": 1, "objects": "random", "backgrounds": "random"},
}


def test_there_is_an_example_of_every_spec() -> None:
    assert set(EXAMPLES) == {*SPECS, "Task"}, "give each spec an example and a change of each field"
    for name, example in EXAMPLES.items():
        assert set(CHANGES[name]) == {f.name for f in dataclasses.fields(example)}


@dataclass(frozen=True)
class Number:
    value: float


# ------------------------------------------------------------------------------------------------------------ the key


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_equal_specs_share_text_and_key(name: str) -> None:
    spec = EXAMPLES[name]
    again = replace(spec)
    assert again is not spec
    assert (canonical(again), key(again)) == (canonical(spec), key(spec))
    kind, _, digest = key(spec).partition("-")
    assert kind == name.lower()
    assert len(digest) == 32
    assert set(digest) <= set("0123456789abcdef")


@pytest.mark.parametrize(("name", "field"), [(n, f) for n, changes in CHANGES.items() for f in changes])
def test_every_field_counts(name: str, field: str) -> None:
    spec = EXAMPLES[name]
    assert key(replace(spec, **{field: CHANGES[name][field]})) != key(spec)


def test_integers_in_float_fields_are_floats() -> None:
    whole, point = replace(EXAMPLES["Transfer"], penalty=2), replace(EXAMPLES["Transfer"], penalty=2.0)
    assert key(whole) == key(point)
    assert key(revive(Transfer, plain(whole))) == key(whole)


def test_the_canonical_text_is_pinned() -> None:
    """A change makes every stored result unreachable: raise FORMAT only when results mean something else."""
    assert records.FORMAT == 1
    assert canonical(TASK) == ('{"format":1,"kind":"Task","spec":{"classes":[3,1],"transformations":["rotate","hue"]}}')
    assert key(TASK) == "task-7e464bc9759d4a3c1f29ca6e3b471428"
    assert canonical(EXAMPLES["Transfer"]) == (
        '{"format":1,"kind":"Transfer","spec":{"penalty":0.5,"target":{"classes":[7,8,9],"transformations":["rotate",'
        '"hue"]},"test_images":50,"train_images":100,"training":{"images":256,"seed":5,"task":{"classes":[3,1],'
        '"transformations":["rotate","hue"]}}}}'
    )


DEFAULTS: dict[type, dict[str, Any]] = {
    Task: {"transformations": (), "objects": "drawn", "backgrounds": "scenes", "size": 32, "seed": 0},
    Training: {
        "network": "labnet",
        "images": 10_000,
        "epochs": 1,
        "batch": 128,
        "learning_rate": 4e-3,
        "schedule": "one-cycle",
        "seed": 0,
        "precision": "float32",
    },
    Sensitivity: {"pairs": 1000, "seed": 0},
    Transfer: {"train_images": 4000, "test_images": 2000, "penalty": 1.0},
    Recording: {"looks": 22, "pairs": 250, "probe_train": 1000, "probe_test": 1000, "seed": 0},
    Comparison: {"pairs": 1000, "probe_train": 2000, "probe_test": 1000, "watch": 6},
    Singles: {"preset": "classroom", "seeds": 3, "objects": "drawn", "backgrounds": "scenes"},
}


@pytest.mark.parametrize("kind", list(DEFAULTS), ids=lambda kind: kind.__name__)
def test_defaults_never_change(kind: type) -> None:
    """A key leaves them out, so another default would give old results to new questions. New fields may be added."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for name, default in DEFAULTS[kind].items():
        found = fields[name].default
        assert (found, type(found)) == (default, type(default)), f"{kind.__name__}.{name}"


def test_the_canonical_text_is_sorted_json_without_spaces() -> None:
    for spec in EXAMPLES.values():
        whole = json.loads(canonical(spec))
        assert set(whole) == {"format", "kind", "spec"}
        assert (whole["format"], whole["kind"]) == (records.FORMAT, type(spec).__name__)
        assert revive(type(spec), whole["spec"]) == spec  # what it leaves out are defaults
        assert canonical(spec) == json.dumps(whole, sort_keys=True, separators=(",", ":"))


def test_a_new_field_with_a_default_changes_no_key() -> None:
    def kind(*fields: tuple) -> type:
        return dataclasses.make_dataclass("Kind", [("a", int), *fields], frozen=True)

    old = kind()
    new = kind(("b", float, 0.5), ("c", bool, False), ("d", tuple[int, ...], ()), ("e", int | None, None))
    assert key(new(3)) == key(old(3))
    for change in ({"b": 0.25}, {"c": True}, {"d": (1,)}, {"e": 0}):
        assert key(new(3, **change)) != key(old(3))
    assert key(new(3, 0.5, 0)) != key(new(3, 0.5, False))  # 0 == False, and yet another value


def test_another_format_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(TASK)
    monkeypatch.setattr(records, "FORMAT", records.FORMAT + 1)
    assert key(TASK) != before


def test_only_plain_values_have_a_key() -> None:
    with pytest.raises(SpecError, match="is no plain value"):
        key(replace(TRAINING, network=b"labnet"))
    with pytest.raises(ValueError, match="JSON"):
        key(Number(math.nan))


# ------------------------------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_json_gives_the_spec_back(name: str) -> None:
    spec = EXAMPLES[name]
    text = json.dumps(plain(spec))
    again = revive(type(spec), json.loads(text))
    assert again == spec
    assert key(again) == key(spec)
    assert hash(again) == hash(spec)


def test_fields_with_defaults_may_be_left_out() -> None:
    assert revive(Task, {"classes": [0, 1]}) == Task((0, 1))


@dataclass(frozen=True)
class Optional:
    limit: int | None = None
    grid: tuple[tuple[float, ...], ...] = ()
    on: bool = False


def test_none_nested_tuples_and_booleans() -> None:
    for spec in (Optional(), Optional(3, ((1.0, 2.0), ()), True)):
        assert revive(Optional, json.loads(json.dumps(plain(spec)))) == spec
    assert revive(Optional, {"grid": [[1, 2]]}).grid == ((1.0, 2.0),)
    with pytest.raises(SpecError, match=r"Optional\.limit: 'three' is not of type int"):
        revive(Optional, {"limit": "three"})
    with pytest.raises(SpecError, match=r"Optional\.on: 1 is not of type bool"):
        revive(Optional, {"on": 1})


# ----------------------------------------------------------------------------------------------------------- sentences

GOOD: dict[str, Any] = plain(TRAINING)


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in GOOD.items() if k != name}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ([1], r"Training: \[1\] is not an object with named fields"),
        (None, r"Training: None is not an object with named fields"),
        (GOOD | {"epoch": 3}, r"Training: there is no field 'epoch'; the fields are task, network, images, epochs"),
        (without("task"), r"Training: the field 'task' is missing"),
        (GOOD | {"epochs": "3"}, r"Training\.epochs: '3' is not of type int"),
        (GOOD | {"epochs": 3.0}, r"Training\.epochs: 3\.0 is not of type int"),
        (GOOD | {"epochs": True}, r"Training\.epochs: True is not of type int"),
        (GOOD | {"epochs": None}, r"Training\.epochs: None is not of type int"),
        (GOOD | {"network": 18}, r"Training\.network: 18 is not of type str"),
        (GOOD | {"learning_rate": True}, r"Training\.learning_rate: True is not of type float"),
        (GOOD | {"learning_rate": "1e-3"}, r"Training\.learning_rate: '1e-3' is not of type float"),
        (GOOD | {"learning_rate": math.nan}, r"Training\.learning_rate: nan is no finite number"),
        (GOOD | {"learning_rate": -math.inf}, r"Training\.learning_rate: -inf is no finite number"),
        (GOOD | {"learning_rate": 10**400}, r"Training\.learning_rate: 10+ is no finite number"),
        (GOOD | {"task": "drawn"}, r"Training\.task: 'drawn' is not an object with named fields"),
        (GOOD | {"task": {"classes": 3}}, r"Training\.task\.classes: 3 is not a list"),
        (GOOD | {"task": {"classes": [0, "1"]}}, r"Training\.task\.classes\[1\]: '1' is not of type int"),
        (GOOD | {"task": {"classes": "01"}}, r"Training\.task\.classes: '01' is not a list"),
        (GOOD | {"task": {}}, r"Training\.task: the field 'classes' is missing"),
        (GOOD | {"task": {"classes": [0], "colour": 1}}, r"Training\.task: there is no field 'colour'"),
    ],
)
def test_what_is_wrong_is_named(fields: Any, sentence: str) -> None:
    with pytest.raises(SpecError, match=f"^{sentence}"):
        revive(Training, fields)


def test_a_spec_checks_itself_when_revived() -> None:
    with pytest.raises(ValueError, match="schedule 'cosine': choose from constant, one-cycle"):
        revive(Training, GOOD | {"schedule": "cosine"})
    with pytest.raises(ValueError, match="there is no transformation 'spin'; choose from scale, translate"):
        revive(Training, GOOD | {"task": {"classes": [0], "transformations": ["spin"]}})
    with pytest.raises(ValueError, match="compare one to four networks"):
        revive(Comparison, plain(EXAMPLES["Comparison"]) | {"sources": []})


def test_a_spec_cannot_be_changed() -> None:
    for spec in EXAMPLES.values():
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, dataclasses.fields(spec)[0].name, 1)
