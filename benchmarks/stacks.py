"""Many small networks at once, as one stack of weights, against one at a time; and whether the science stays the same.

`python -m benchmarks.stacks`, on a GPU: a small network leaves it idle. Speed: images learned a second, rendering
included, by as many labnets as a study stacks, over one alone, in alternating rounds. Science: as `benchmarks.science`.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.common import alternate, claim, ratios, spread, write
from benchmarks.science import alone, comparisons, found, same, together, values
from invlab import devices

NEEDS_GPU = True
IMAGES = 16_384  # of each network, for its speed


def main() -> None:
    device, most = devices.choose(), devices.stacked()
    compared = comparisons()
    one = replace(compared[0].sources[0], images=IMAGES, epochs=1)
    many = [replace(one, seed=seed) for seed in range(most)]
    # Every step reads its losses from the GPU, so that both have finished when they return.
    seconds = alternate({"alone": lambda: alone([one], device), "stack": lambda: together(many, device)})
    faster = ratios(seconds["alone"], seconds["stack"], times=most)
    claims = [
        claim(f"{most} labnets learn in one stack, over one at a time", faster["median"], 8, "times", headline=True,
              spread=faster),
    ]  # fmt: skip
    ways = {"alone": found(compared, alone, device), "stack": found(compared, together, device)}
    claims += same("stacks", ways["alone"], ways["stack"])
    rates = {
        name: spread([count * IMAGES / s for s in seconds[name]]) for name, count in (("alone", 1), ("stack", most))
    }
    write("stacks", claims, networks=most, images_per_second=rates, measured=values(ways))


if __name__ == "__main__":
    main()
