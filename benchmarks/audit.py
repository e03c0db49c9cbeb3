"""An audit of ResNet-50 as a practitioner runs it: 18 families, 20 photographs at 224 pixels, two CPU threads.

The weights are random ones, which cost the same as trained ones. The photographs are drawn scenes, written to a folder
of PNG files before the clock starts; reading them, building the network, rendering, curves, layers and intervals count.
The memory is the largest resident size of this process, torch and the network included.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from PIL import Image

from benchmarks.common import claim, write
from invlab import audit, runs
from invlab.audit import Audit
from invlab.backgrounds import open_folder
from invlab.store import Store
from invlab.transforms import TRANSFORMS

PHOTOGRAPHS, SIDE = 20, 256


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photographs"
        folder.mkdir()
        for i, pixels in enumerate(audit.scenes(PHOTOGRAPHS, SIDE)):
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{i}.png")
        began, busy = time.perf_counter(), time.process_time()
        name, _ = open_folder(folder)
        spec = Audit("resnet50", audit.RANDOM, name, tuple(TRANSFORMS), PHOTOGRAPHS)
        store = Store(Path(place) / "home")
        result = runs.execute(spec, store)["result"]
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    text = "audit of ResNet-50, 18 families, 20 photographs of 224 pixels"
    claims = [
        claim(
            text,
            seconds,
            180,
            "s",
            larger=False,
            headline=True,
            cpu_seconds=round(busy, 1),
            shown=result["shown"],
            rate=result["images_per_second"],
        ),
        claim(f"{text}: peak resident memory", peak, 3, "GB", larger=False),
        claim("estimate over measured seconds", audit.expected_seconds(spec) / seconds, 0.5, "of it"),
    ]
    write("audit", claims)


if __name__ == "__main__":
    main()
