"""Files that stand in documents, in blocks that begin with their names; projects for pytester."""

import re
import textwrap
from pathlib import Path

import pytest

_HEAD = r"# (\S+\.(?:py|ini|toml))\n"
QUIET = """
from hypothesis import settings

settings.register_profile("written", derandomize=True, database=None, deadline=None)
settings.load_profile("written")
"""
"""A conftest.py under which Hypothesis draws the same every time."""
MONITOR = """
window_ms = 20

[clients]
messages = 1
pause_ms = 200

[[injections]]
do = "server-close"
at = "validated"
nth = 2
delay_ms = 5
"""
"""A scenario that fails in both of its classes under pre-fix, and in none under catch."""


def indented(text: str) -> dict[str, str]:
    """The files that a text shows as indented blocks."""
    found = re.findall(rf"^    {_HEAD}((?:    (?!{_HEAD}).*\n|\n)+)", f"{text}\n", re.MULTILINE)
    return {name: textwrap.dedent(block) for name, block, *_ in found}


def fenced(text: str) -> dict[str, str]:
    """The files that a text shows between fences."""
    found = re.findall(rf"^```\w+\n{_HEAD}(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def project(pytester: pytest.Pytester, **files: str) -> None:
    """Write a project whose warnings are errors; `test_races`, `races/monitor` and so on."""
    named = {
        f"{name.replace('__', '/')}.{'toml' if name.startswith('races') else 'py'}": text
        for name, text in files.items()
        if name != "settings"
    }
    settings = f"[pytest]\nfilterwarnings = error\n{files.get('settings', '')}"
    write(pytester.path, {"pytest.ini": settings, **named})
