"""Lesson: how sure are we? Seeds and intervals."""

from __future__ import annotations

from invlab.bundle import FIRST_SOURCES, FIRST_TARGET, comparisons
from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot, Span
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, reach
from invlab.lessons.stored import BUNDLE, NotStoredError, Results
from invlab.studies.comparison import pooled

AXIS = "points between the smallest and the largest gap"
GAP = "gap in transfer accuracy (points)"


def gaps(results: Results) -> dict[int, float]:
    """seed -> the first network's accuracy minus the second's, in points; at least two seeds."""
    found = {seed: 100 * result["gap"] for seed, result in results.comparisons().items()}
    if len(found) < 2:
        raise NotStoredError("A second seed of the comparison of two networks", BUNDLE)
    return found


def given(results: Results) -> str:
    found = gaps(results)
    first = min(found)
    return (
        f"In the lesson on data two networks learned under *{', '.join(FIRST_SOURCES[0])}* and under "
        f"*{', '.join(FIRST_SOURCES[1])}* and were tested under *{', '.join(FIRST_TARGET)}*. With [[seed]] {first} the "
        f"first one was {found[first]:.0f} points better. Everything is now repeated with {len(found)} seeds: other "
        "objects, other draws, other initial weights."
    )


def truth(results: Results) -> Truth:
    found = gaps(results)
    least, most = min(found.values()), max(found.values())
    mean, ends = _pooled(results)
    words = (
        f"The gaps go from {least:.0f} to {most:.0f} points: **{most - least:.0f} points** between them. Their mean is "
        f"{mean:.0f} points, the 95 % interval over seeds{reach(*ends, '%')}."
    )
    return Truth(most - least, words)


def _pooled(results: Results) -> tuple[float, tuple[float, float]]:
    whole = pooled([*results.comparisons().values()])
    low, high = whole["gap_interval"]
    return 100 * whole["gap"], (100 * low, 100 * high)


def figure(results: Results) -> Shown:
    found = gaps(results)
    mean, (low, high) = _pooled(results)
    each = [
        Dot(f"seed {seed}", Span(found[seed], *(100 * end for end in result["gap_interval"])))
        for seed, result in results.comparisons().items()
    ]
    column = [*each, Dot("mean over seeds", Span(mean, low, high), "same")]
    ends = min(0.0, low, *(dot.at.low or 0.0 for dot in each)), max(60.0, high, *(dot.at.high or 0.0 for dot in each))
    return Shown(
        figures.dots(column, GAP, ends, (0.0, "no gap"), "points"),
        "**The same experiment with other seeds.** Grey: one seed, its 95 % interval over test pictures. Blue: the "
        "mean, its interval over seeds.",
        figures.dots_in_words(column, GAP, "points"),
        figures.dot_rows(column, GAP),
        BUNDLE,
        tuple(spec for spec in comparisons() if spec.target.seed in found),
    )


LESSON = Lesson(
    name="sure",
    title="How sure are we? Seeds and intervals",
    question="One experiment gave one number. If somebody repeats it with other objects, other random draws and other "
    "initial weights, how different will theirs be?",
    given=given,
    ask="How many points lie between the smallest and the largest gap of all seeds?",
    prediction=Guess(0, 60, 1, AXIS, "points"),
    truth=truth,
    figure=figure,
    why="A seed's own interval says how exactly *these two* networks were measured; only several seeds say whether "
    "other networks, on other objects, would do the same. The interval over seeds is about their mean, and it narrows "
    "as seeds are added.",
    try_it="Run one more seed of it yourself. Then find a [[claim]] that is *undecided* although every seed agrees "
    "with its direction: with few seeds an interval is wide.",
    links=(
        Link(
            "transfer",
            "All seeds, and one more of your own",
            {"alternative": "own choice", "seed": "0", "preset": "live"},
        ),
        Link("factors", "Claims with their verdicts", {}),
    ),
    notes=Notes(
        aim="What an interval is over. One seed is one draw from many possible experiments.",
        minutes=(2, 1, 2, 1, 2),
        usual="Many expect hardly any difference: “it is a computer”.",
        discuss="A paper reports one seed and three digits. What would you ask its authors?",
        misconception="“The interval holds 95 % of the seeds.” It is about the mean of them.",
    ),
    terms=("seed", "95 % interval", "bootstrap", "claim"),
)
