"""The instruments on the bundled networks: a response curve of three of them, their maps and their layers.

What is measured is what a page waits for the first time it is asked: rendering, three networks, the intervals. The
networks and the backgrounds are there, as they are on a server that has been asked before.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.common import alternate, claim, spread, write
from invlab import devices, runs, store
from invlab.responses import Along, Layers, Neighbourhoods, Response, layers, neighbourhoods, respond
from invlab.studies.singles import Singles

SOURCES = ("rotate", "scale", "none")
TOGETHER = 2  # as the page does it


def main() -> None:
    """Measure, print and write."""
    devices.one_thread_each()
    device, study, own = devices.choose(), Singles(), store.open_store()
    networks = {source: runs.trained(study.training(source, 0), own) for source in SOURCES}
    plain = study.task("new", "none", 0)
    angle = Along("rotate", "angle", tuple(10.0 * i for i in range(36)))
    x, y = (Along("translate", axis, tuple(i - 5 + 0.0 for i in range(11))) for axis in ("x", "y"))

    def curve(source: str) -> Any:
        return respond(networks[source], Response(study.training(source, 0), plain, (angle,), 64), device)

    def plane(source: str) -> Any:
        return respond(networks[source], Response(study.training(source, 0), plain, (x, y), 32), device)

    around = Along("rotate", "angle", tuple(6.0 * i for i in range(60)))

    def near(source: str) -> Any:
        return neighbourhoods(networks[source], Neighbourhoods(study.training(source, 0), plain, around, 12), device)

    def deep(source: str) -> Any:
        return layers(networks[source], Layers(study.training(source, 0), study.task("new", "rotate", 0)), device)

    def three(measure: Any) -> Any:
        with ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(measure, SOURCES))

    seconds = alternate(
        {name: lambda m=m: three(m) for name, m in (("curve", curve), ("map", plane), ("near", near), ("layers", deep))}
    )
    texts = {
        "curve": ("response curve of three networks, 36 points, 64 images", 1.0),
        "map": ("map of three networks over 11 × 11 points, 32 images", 2.0),
        "near": ("neighbourhoods of three networks, 12 objects at 60 values", 2.0),
        "layers": ("layers of three networks, 200 pairs", 1.0),
    }
    claims = [
        claim(text, spread(seconds[name])["median"], aim, "s", larger=False, spread=spread(seconds[name]))
        for name, (text, aim) in texts.items()
    ]
    write("instruments", claims)


if __name__ == "__main__":
    main()
