"""What a spec is expected to take, before its first step: rough, and told to people and progress bars only."""

from __future__ import annotations

from typing import Any

from invlab import audit, compiled
from invlab.audit import Audit
from invlab.disagreement import Disagreement
from invlab.information import Information
from invlab.learning import SWAPS, Recording
from invlab.measures import Measures
from invlab.responses import Layers, Neighbourhoods, Response
from invlab.sensitivity import Sensitivity, TwinPairs
from invlab.shared_invariance import SharedInvariance
from invlab.studies.catalogue import StudyRun, StudySeed, training_of
from invlab.studies.comparison import Comparison
from invlab.studies.singles import Singles
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer

# Seconds to render and learn an image on one CPU thread, for estimates before the first step.
SECONDS_AN_IMAGE = {
    "labnet": 1 / 2000,
    "resnet18": 1 / 25,
    "resnet18-small": 1 / 1100,
    "resnet50-small": 1 / 1200,
    "densenet121-small": 1 / 800,
    "vgg11-small": 1 / 1100,
    "vit-small": 1 / 860,
}
SLOWEST_IMAGE = 1 / 25
SEEN_FASTER = 4.0  # how much faster an image is rendered and seen than rendered and learned
COMPILED_FASTER = 1.7  # how much faster labnet is in compiled code, learning and seeing


def cell_seconds(spec: Any) -> float:
    """A rough estimate for one CPU thread: of a training, or of measuring networks that are trained."""
    if isinstance(spec, SharedInvariance):  # a step on the pixels costs about what a learned image does
        return sum(0.2 + spec.images * spec.steps * _image_seconds(of) for of in spec.networks)
    if isinstance(spec, Disagreement):
        return sum(
            0.3 + (2 * spec.pairs + spec.probe_images) * _image_seconds(of) / SEEN_FASTER for of in spec.networks
        )
    if isinstance(spec, Audit):
        return 2 * audit.expected_seconds(spec)
    of = training_of(spec)
    learned = _image_seconds(of)
    match spec:
        case Sensitivity() | TwinPairs():
            return 0.05 + 2 * spec.pairs * learned / SEEN_FASTER
        case Response():
            return 0.1 + len(spec.points()) * spec.images * learned / SEEN_FASTER
        case Neighbourhoods():
            return 0.1 + spec.objects * len(spec.along.values) * learned / SEEN_FASTER
        case Layers():
            return 0.1 + 3 * spec.pairs * learned / SEEN_FASTER
        case Measures():
            return 0.1 + spec.images * spec.draws * learned / SEEN_FASTER
        case Transfer() | Information():
            return 0.3 + (spec.train_images + spec.test_images) * learned / SEEN_FASTER
        case FineTuning():
            return 0.3 + spec.train_images * spec.epochs * learned + spec.test_images * learned / SEEN_FASTER
        case Recording():
            return cell_seconds(of) + len(spec.steps()) * look_seconds(spec)
    return 0.1 + of.images * of.epochs * learned


def _image_seconds(of: Training) -> float:
    faster = COMPILED_FASTER if of.network == "labnet" and of.task.size == 32 and compiled.has_labnet() else 1.0
    return SECONDS_AN_IMAGE.get(of.network, SLOWEST_IMAGE) * (of.task.size / 32) ** 2 / faster


def look_seconds(spec: Recording) -> float:
    """A rough estimate of one look at a network while it learns, on one CPU thread."""
    learned = _image_seconds(spec.training)
    images = 2 * spec.pairs * (len(spec.families) + len(SWAPS)) + spec.probe_train + spec.probe_test
    return 0.2 + images * learned / SEEN_FASTER


def expected_seconds(spec: Any) -> float:
    """A rough estimate for two CPU cores, before anything has run: the images to learn, and the measuring."""
    match spec:
        case Audit():
            return audit.expected_seconds(spec)
        case Comparison():
            return 2.0 + sum(cell_seconds(source) for source in spec.sources) / min(2, len(spec.sources))
        case Singles():
            return 2.0 + sum(cell_seconds(cell) for cell in spec.cells()) / 2
        case StudySeed():
            return 2.0 + sum(map(cell_seconds, spec.specs())) / 2
        case StudyRun():
            return spec.seeds * expected_seconds(spec.seed(0))
        case SharedInvariance() | Disagreement():
            return 2.0 + cell_seconds(spec) + sum(map(cell_seconds, spec.networks)) / 2
        case Recording():
            return 2.0 + cell_seconds(spec)
    return 2.0 + cell_seconds(training_of(spec))
