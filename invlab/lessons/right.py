"""Lesson: the right invariance beats more data."""

from __future__ import annotations

from invlab.figures import factors as drawn
from invlab.lessons.lesson import Choice, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import PRESET, Results, span, study_command
from invlab.studies import factors
from invlab.studies.claims import number
from invlab.studies.factors import DISJOINT, PRETRAINING, SAME

FEW, MANY = "1000", "30000"  # different pictures, both among the study's levels
A = f"A: {int(FEW):,} pictures under the right transformations"
B = f"B: {int(MANY):,} pictures under others"
EVEN = "no clear difference"


def given(results: Results) -> str:
    sizes = factors.SIZES[PRESET]
    seen = sizes.images * sizes.epochs
    return (
        f"Two networks are each shown {seen:,} pictures in all. A sees {int(FEW):,} different ones, "
        f"{sizes.passes(int(FEW))} times each, under the [[target task]]'s own three transformations. B sees "
        f"{int(MANY):,} different ones under three others. Then a [[linear probe]] on each names {sizes.classes} "
        "objects that neither has met."
    )


def truth(results: Results) -> Truth:
    table = results.table("factors")
    few = factors.series(table, PRETRAINING, SAME)[FEW]
    many = factors.series(table, PRETRAINING, DISJOINT)[MANY]
    gap = span(few - many)
    value = EVEN
    if gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0):
        value = A if gap.low > 0 else B
    words = (
        f"On A the probe names **{percent(few.mean())}**, on B **{percent(many.mean())}** of the new pictures: a gap "
        f"of {number(gap.value)}{reach(gap.low, gap.high)} for A, with {int(MANY) // int(FEW)} times fewer pictures."
    )
    return Truth(value, words)


def figure(results: Results) -> Shown:
    table, view = results.table("factors"), drawn.View()
    chance = 1 / factors.SIZES[PRESET].classes
    seeds = len(table.seeds)
    return Shown(
        drawn.by_value(table, PRETRAINING, view, chance),
        "**[[transfer accuracy|Transfer accuracy]] by the number of different pictures learned from.** Blue: under the "
        f"target's transformations; orange: under three others. 95 % intervals over {seeds} seeds. Compare the blue "
        f"value at {int(FEW):,} with the orange one at {int(MANY):,}. Seeds differ in how hard their classes and "
        "families are; the gap is taken within each, so its interval is narrower than it looks here.",
        drawn.by_value_alt(table, PRETRAINING, view),
        drawn.value_rows(table, PRETRAINING, view),
        study_command("factors"),
        (results.run("factors"),),
    )


LESSON = Lesson(
    name="right",
    title="More data, or the right invariance?",
    question="You can have many more pictures, or few that vary in the right way. Which would you pay for?",
    given=given,
    ask="Which network's representation transfers better?",
    prediction=Choice((A, B, EVEN)),
    truth=truth,
    figure=figure,
    why="More pictures under the wrong transformations show more of the same: none of them asks the network to ignore "
    "what the target varies. Once the transformations are right, a modest number of pictures already shows the network "
    "what to ignore, and more of them add less and less.",
    try_it="Look at the other factors: the architecture, the relation of the classes, the pictures for the probe. "
    "Which of them moves the accuracy as much as the transformations do?",
    links=(
        Link("factors", "All factors beside each other", {"factor": "architecture"}),
        Link("transfer", "Try it with two networks of your own", {"alternative": "disjoint", "preset": "live"}),
    ),
    notes=Notes(
        aim="Which pictures, before how many: invariance beside the usual levers of pretraining.",
        minutes=(2, 1, 2, 1, 2),
        usual="Opinions divide; those who know large models bet on the many pictures.",
        discuss="At the far left of the figure the intervals overlap. How few pictures are too few, and what else "
        "would you vary before you believe it of your own problem?",
        misconception="“Data is data.” A picture teaches what it varies.",
    ),
    terms=("transfer accuracy", "same transformations", "disjoint transformations", "overfitting", "architecture"),
)
