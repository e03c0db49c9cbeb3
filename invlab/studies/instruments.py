"""What the instruments' pages ask of the bundled networks: response curves, layers and other people's measures, for
every network, family and parameter. It is computed ahead and ships, so that a page measures nothing for it."""

from __future__ import annotations

from collections.abc import Iterator

from invlab.measures import Measures
from invlab.responses import Along, Layers, Response, stops
from invlab.studies.singles import DOMAINS, FAMILIES, NONE, SOURCES, Singles
from invlab.tasks import Task
from invlab.transforms import TRANSFORMS, transform

SEED = 0  # of the networks whose weights ship
CURVE_POINTS, CURVE_IMAGES = 36, 64
LAYER_PAIRS = 200
MEASURE_IMAGES, MEASURE_DRAWS = 100, 12

Reading = Response | Layers | Measures


def along(family: str, parameter: str, points: int = CURVE_POINTS) -> Along:
    """A parameter over its whole range. Raises ValueError for an unknown family or parameter."""
    axis = next((axis for axis in transform(family).axes if axis.parameter == parameter), None)
    if axis is None:
        known = ", ".join(axis.parameter for axis in transform(family).axes)
        raise ValueError(f"parameter {parameter!r}: {family} has {known}")
    return Along(family, parameter, stops(axis, points))


def curve(study: Singles, source: str, task: Task, *ways: Along, images: int = CURVE_IMAGES) -> Response:
    """How the network trained for `source` answers on a task without transformations as parameters grow."""
    return Response(study.training(source, SEED), task, ways, images)


def layers(study: Singles, source: str, task: Task) -> Layers:
    return Layers(study.training(source, SEED), task, LAYER_PAIRS)


def measures(study: Singles, source: str, task: Task) -> Measures:
    return Measures(study.training(source, SEED), task, MEASURE_IMAGES, MEASURE_DRAWS)


def compared(family: str) -> tuple[str, str, str]:
    """The networks a page begins with: trained for the family, for another one of its group, for none."""
    other = next(n for n, t in TRANSFORMS.items() if t.group == TRANSFORMS[family].group and n != family)
    return family, other, NONE


def readings(study: Singles) -> Iterator[Reading]:
    """All of it, on the objects the networks learned and on new ones; what shares images stands together."""
    for domain in DOMAINS:
        still = study.task(domain, NONE, SEED)
        for family in FAMILIES:
            task = study.task(domain, family, SEED)
            for kind in (layers, measures):
                for source in SOURCES:
                    yield kind(study, source, task)
            for axis in transform(family).axes:
                way = along(family, axis.parameter)
                for source in SOURCES:
                    yield curve(study, source, still, way)
