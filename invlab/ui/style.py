"""What Streamlit's themes leave hard to read, put right: one style sheet for all pages.

Each rule names what was measured before it (WCAG 2 asks for 4.5 : 1); tests/test_accessibility.py measures again.
"""

from __future__ import annotations

INK = "light-dark(#1c2733, #e6edf3)"  # the text colours of .streamlit/config.toml
SOFT = "light-dark(#51606e, #a9b6c3)"
RULES = (
    # Streamlit's grey of letters in figures, 3.7 on white. Ink that a figure chooses itself, on coloured cells, stays.
    '.js-plotly-plot text[style*="rgb(128, 132, 149)"] { fill: currentColor !important; }',
    # Captions are the text at 60 %: 4.1 on white, and 2.5 for what is coloured in them. A softer colour does as well.
    f"[data-testid=stCaptionContainer] {{ opacity: 1; color: {SOFT}; }}",
    # Colours of code, down to 2.6, and of the JSON viewer, 3.4: weight tells keywords instead.
    "code .token { color: inherit !important; }",
    "code .token.keyword { font-weight: 650; }",
    f"[data-testid=stJson] * {{ color: {INK} !important; }}",
    # What is chosen is written in the primary colour on a tint of it: 4.2. The tint and the frame tell it already.
    f"[role=radio][aria-checked=true] *, [data-selected=true] *, button[aria-pressed=true] * {{ color: {INK}; }}",
    f"[data-testid=stSliderThumbValue] * {{ color: {INK}; }}",
)
STYLE = f"<style>{' '.join(RULES)}</style>"
