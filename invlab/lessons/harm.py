"""Lesson: the wrong invariance harms. What a network learned to ignore, it cannot name."""

from __future__ import annotations

from invlab.figures import relevance as drawn
from invlab.lessons.lesson import Choice, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import Results, span, study_command
from invlab.studies import relevance
from invlab.studies.claims import number
from invlab.studies.relevance import CLASSES, FOR_C, FOR_O, ONLY_C, WORDS
from invlab.studies.study import Table

A, B, EVEN = "A, which never met an object", "B, which met one in every picture", "no clear difference"
PLACEMENT = "fixed"


def first(results: Results) -> tuple[str, Table]:
    """The first set of pictures that was measured, in a word, and its numbers."""
    pictures, table = next(iter(relevance.of_each(results.table("relevance")).items()))
    return WORDS[pictures], table


def given(results: Results) -> str:
    word, table = first(results)
    a = relevance.transfer(table, PLACEMENT, ONLY_C, ONLY_C).mean()
    b = relevance.transfer(table, PLACEMENT, FOR_C, FOR_C).mean()
    return (
        f"Both networks name pictures of {word}, {CLASSES} classes. A learned on the pictures alone. B learned on the "
        f"same pictures with one of {CLASSES} small objects in the corner, drawn by chance, that says nothing about "
        f"the class. Both do well: {percent(a)} and {percent(b)}. Now both are frozen, and a [[linear probe]] is asked "
        f"which *object* stands in the corner. Guessing gets {percent(1 / CLASSES)}."
    )


def truth(results: Results) -> Truth:
    _, table = first(results)
    a, b = (relevance.transfer(table, PLACEMENT, source, FOR_O) for source in (ONLY_C, FOR_C))
    gap = span(a - b)
    value = EVEN
    if gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0):
        value = A if gap.low > 0 else B
    words = (
        f"On A the probe names **{percent(a.mean())}** of the objects, on B **{percent(b.mean())}**: having learned to "
        f"ignore them costs B {number(gap.value)}{reach(gap.low, gap.high)} of accuracy."
    )
    return Truth(value, words)


def figure(results: Results) -> Shown:
    word, table = first(results)
    return Shown(
        drawn.transfer_map(table, PLACEMENT),
        f"**What each network (row) can be asked about (column)**, [[transfer accuracy]]. C: the picture of {word}; O: "
        f"the object. A is *{ONLY_C}*, B is *{FOR_C}*; the question was *{FOR_O}*. Means over "
        f"{len(table.seeds)} seeds.",
        drawn.map_alt(table, PLACEMENT),
        drawn.map_rows(table, PLACEMENT),
        study_command("relevance"),
        (results.run("relevance"),),
    )


LESSON = Lesson(
    name="harm",
    title="Can invariance harm?",
    question="A network can also learn to ignore a *thing*. It is later asked about just that thing: does it help to "
    "have met it a thousand times?",
    given=given,
    ask="On which network does the probe name more of the objects?",
    prediction=Choice((A, B, EVEN)),
    truth=truth,
    figure=figure,
    why="For B the object was noise: it never said anything about the class, so learning pushed the representation to "
    "say little about it. A had no reason to ignore objects, and what it learned about its pictures tells objects "
    "apart as well.",
    try_it="Let the object go with the class more and more often ([[correlation]]), or be there less and less often "
    "([[availability]]): when does the network begin to keep it?",
    links=(
        Link("relevance", "Correlation and availability", {"placement": "fixed"}),
        Link("relevance", "The same with objects anywhere", {"placement": "translated"}),
    ),
    notes=Notes(
        aim="Invariance is a loss by design. It harms when the next task asks for what was thrown away.",
        minutes=(2, 1, 2, 1, 2),
        usual="Many choose B: it has at least seen objects.",
        discuss="A network for skin images learned to ignore the colour of the skin. For which next question is that "
        "good, and for which is it harmful?",
        misconception="“Having seen something in training always helps with it later.”",
    ),
    terms=("invariance", "lost information", "correlation", "availability"),
)
