"""The pieces every page is made of: title and question, figure, what to notice, and what stands behind the figure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from invlab.transforms import GROUPS, TRANSFORMS
from invlab.ui import cached
from invlab.ui.style import STYLE
from invlab.words import escaped as escaped  # pages say page.escaped, page.family_name …
from invlab.words import families_text as families_text
from invlab.words import family_name as family_name
from invlab.words import sentence as sentence

if TYPE_CHECKING:
    import plotly.graph_objects as go

NEWER = (
    "The results kept on this machine were written by a newer version of Invariance Lab. Only the bundled results are "
    "shown, and nothing new is computed, until whoever runs the lab has updated it."
)
APP_RAN = "app-ran"  # in the session's state once app.py has run for it
# Sets that teach something at once; a person picks one or makes an own.
MIXES = {
    "rotate, hue, blur": ("rotate", "hue", "blur"),
    "scale, invert, noise": ("scale", "invert", "noise"),
    "translate, brightness, erasing": ("translate", "brightness", "erasing"),
}


def through_app() -> None:
    """Let app.py run even for a visitor who comes by a page's own link to a server just started.

    Until app.py has called st.navigation once, Streamlit serves the folder `pages/` by itself, without the navigation
    and the background work; it has no option against that. Each session looks whether app.py has run for *it*:
    others may come in the same moment, and the first of them may be gone before app.py has started the worker.
    """
    script = get_script_run_ctx()
    if script is not None and Path(script.main_script_path).name == "app.py" and APP_RAN not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()


def title(name: str, question: str) -> None:
    """A page's name and its question in one sentence; call it first."""
    through_app()
    st.html(STYLE)
    st.title(name, anchor=False)
    st.markdown(f"**{question}**")
    if cached.refusal() is not None:  # its text names a directory, which is for the log and the command line
        st.warning(NEWER, icon=":material/update:")


@contextlib.contextmanager
def more_choices(hidden: bool = False) -> Iterator[None]:
    """The finer settings of a page, folded away. `hidden`: out of sight altogether; they keep the values that the link
    gives them, so that a teacher's link still opens what it names."""
    if hidden:
        st.html("<style>.st-key-more-choices { display: none; }</style>")
    with st.container(key="more-choices"), st.expander("More choices", icon=":material/tune:"):
        yield


def families(label: str, key: str, default: Sequence[str] = (), help: str | None = None) -> tuple[str, ...]:
    """A picker of families; the order of picking is the order of application. Its state is in the link under `key`."""
    options = [name for group in GROUPS for name, t in TRANSFORMS.items() if t.group == group]
    chosen = st.multiselect(
        label,
        options,
        default=list(default),
        format_func=family_name,  # what is shown stands in the link, too
        key=key,
        bind="query-params",
        help=help,
        wrap=True,
        placeholder="none: choose families in the order they apply",
    )
    return tuple(chosen)


def whole_number(label: str, low: int, high: int, value: int, key: str, help: str | None = None) -> int:
    """A box for a whole number; its state is in the link under `key`.

    Streamlit keeps what is chosen under a key from page to page, and a picker of another page may have left something
    else there, such as the seed "mean": a box that is handed a text would break the page.
    """
    kept = st.session_state.get(key)
    if kept is not None and not (isinstance(kept, int | float) and low <= kept <= high):
        del st.session_state[key]
    return int(st.number_input(label, low, high, value, key=key, bind="query-params", help=help))


def figure(plot: go.Figure, key: str, alt: str, **options: Any) -> Any:
    """Show a figure over the full width; `alt` says in words what it shows."""
    from invlab import figures  # plotly takes a second to import: titles and texts are painted before

    return st.plotly_chart(plot, width="stretch", key=key, config=figures.CONFIG, alt=alt, **options)


def notice(text: str) -> None:
    """What to notice, in two sentences."""
    st.info(text, icon=":material/visibility:")


def behind(
    name: str,
    rows: Sequence[dict[str, Any]],
    recipe: Any,
    plot: go.Figure | Sequence[go.Figure] | None = None,
    command: str | None = None,
    specs: Sequence[Any] = (),
    files: Sequence[tuple[str, Any, str, str]] = (),
) -> None:
    """The expanders below a figure: its table, its recipe, its downloads. `name` is the stem of the files; `specs` are
    what the figure's numbers are the results of, for the recipe as Python; `files` are further downloads, each as the
    arguments of `file`."""
    from invlab import figures
    from invlab.snippet import snippet

    with st.expander("Table behind the figure", icon=":material/table:"):
        st.dataframe(list(rows), hide_index=True, width="stretch")
    with st.expander("Recipe", icon=":material/receipt_long:"):
        st.caption("Everything that was chosen. The same recipe gives the same numbers; this page’s link holds it.")
        if command:
            st.code(command, language="bash", wrap_lines=True)
        if specs:
            st.caption("The same from Python:")
            st.code(snippet(specs), language="python")
        st.json(recipe, expanded=1)
    with st.expander("Downloads", icon=":material/download:"), st.container(horizontal=True):
        file(f"{name}.csv", figures.to_csv(rows), "text/csv", "Table (CSV)")
        if plots := list(plot) if isinstance(plot, Sequence) else [plot] if plot else []:
            label = "Figure (HTML)" if len(plots) == 1 else "Figures (HTML)"
            file(f"{name}.html", lambda: figures.to_html(*plots).encode(), "text/html", label)
        file(f"{name}.json", json.dumps(recipe, indent=1), "application/json", "Recipe (JSON)")
        for more in files:
            file(*more)


def file(name: str, data: Any, mime: str, label: str) -> None:
    """A download that does not rerun the page; `data` may be a function, called at the click."""
    st.download_button(label, data, file_name=name, mime=mime, on_click="ignore", key=f"download-{name}")


def not_there(what: str, command: str) -> None:
    """Say that a stored result is missing, and how to make it; the page goes on."""
    st.warning(f"{what} is not in this installation's bundle yet. To compute it, run:", icon=":material/hourglass:")
    st.code(command, language="bash")
