"""Words that everything shown to people is made of: names of families, times, and text that must stay just text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any

PRETTY = {"h_flip": "mirror left–right", "v_flip": "mirror top–bottom"}


def escaped(text: str) -> str:
    """`text` as Markdown that shows just that text."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$:~^=@&])", r"\\\1", " ".join(text.split()))


def sentence(text: object) -> str:
    """An error's text as a sentence: a capital at its head, a full stop at its end."""
    told = str(text).strip()
    return told[:1].upper() + told[1:] + ("" if told.endswith((".", "!", "?")) else ".")


def family_name(name: str) -> str:
    """A family's name as people read it."""
    return PRETTY.get(name, name)


def families_text(names: Sequence[str]) -> str:
    """`rotate, hue, blur`, or what no families are called."""
    return ", ".join(family_name(n) for n in names) or "no transformation"


def network_name(source: str) -> str:
    """What a bundled network is called: by the family it was trained for, or `none`."""
    return "trained for none" if source == "none" else f"trained for {family_name(source)}"


def seeds_text(count: int) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} seed{'s' if count != 1 else ''}"


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2.5 h`, `14 days`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"


def when(created: Any) -> str:
    """`on 3 November 2026, 14:05 UTC`, of an ISO date and time."""
    try:
        moment = datetime.datetime.fromisoformat(str(created)).astimezone(datetime.UTC)
    except ValueError:
        return "at an unknown time"
    return f"on {moment.day} {moment:%B %Y, %H:%M} UTC"


def when_unix(seconds: float) -> str:
    """`14:05 UTC`, of seconds since 1970."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%H:%M UTC}"
