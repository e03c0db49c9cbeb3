"""The lessons in the order in which a course takes them. A lesson is a file of this folder and a line in the table."""

from __future__ import annotations

from invlab.lessons import (
    carry,
    data,
    fool,
    harm,
    information,
    measuring,
    mismatch,
    representation,
    right,
    sure,
    untrained,
)
from invlab.lessons.lesson import Lesson


def lesson(name: str) -> Lesson:
    """The lesson of that name; ValueError lists the valid ones."""
    if name not in LESSONS:
        raise ValueError(f"there is no lesson {name!r}; choose from {', '.join(LESSONS)}")
    return LESSONS[name]


def place(name: str) -> int:
    """Its number in the course, from 1."""
    return list(LESSONS).index(name) + 1


def neighbours(name: str) -> tuple[Lesson | None, Lesson | None]:
    """The lesson before and the one after; None at the ends."""
    ordered, at = list(LESSONS.values()), place(name) - 1
    return ordered[at - 1] if at else None, ordered[at + 1] if at + 1 < len(ordered) else None


LESSONS: dict[str, Lesson] = {
    module.LESSON.name: module.LESSON
    for module in (
        representation,
        fool,
        measuring,
        untrained,
        data,
        right,
        harm,
        carry,
        mismatch,
        information,
        sure,
    )
}
