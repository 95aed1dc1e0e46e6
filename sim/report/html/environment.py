"""Templates: every text is escaped, and everything in it can be seen.

Names, messages and titles come from anywhere. What an eye would not see, or what would turn the
text beside it round (control characters, marks of direction), is shown by its number.
"""

import unicodedata
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

LONGEST = 2000
"""A text of somebody's has at most so many characters."""
FOLDER = Path(__file__).parent / "templates"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, longest: int = LONGEST) -> str:
    """Return a text in which everything can be seen, its middle left out if it is very long.

    A character that has no shape, or that changes how others are shown, stands as ‹U+XXXX›.
    """
    if len(text) > longest:
        tail = longest // 4
        left_out = len(text) - longest
        text = f"{text[: longest - tail]} … ({left_out:,} characters left out) … {text[-tail:]}"
    if text.isprintable():
        return text
    return "".join(
        f"‹U+{ord(char):04X}›" if unicodedata.category(char) in _HIDDEN and char != "\n" else char
        for char in text
    )


def render(template: str, /, **values: object) -> Markup:
    """Return a template of this package, filled in. Texts among the values are escaped."""
    return Markup(_environment().get_template(template).render(values))


def inline(name: str) -> Markup:
    """Return a style sheet or script of this package, to stand in a page as it is."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _shown(value: object) -> object:
    """Return what stands in a page for a value; markup and numbers are left as they are."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
