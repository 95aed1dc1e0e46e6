"""matplotlib's SVG as part of a page."""

import re
from functools import lru_cache

import pytest

from sim.report.html.drawing import drawing
from sim.report.plots.canvas import to_svg
from sim.report.plots.pictures import pictures_of
from sim.sweep.reproduce import Task, reproduce


@lru_cache
def svgs() -> dict[str, str]:
    found = reproduce(Task("server-close", trials=4), workers=1)
    return {one.name: to_svg(one.draw()) for one in pictures_of(found)}


def test_every_reference_of_a_drawing_is_met_and_begins_with_its_name() -> None:
    for name, svg in svgs().items():
        made = drawing(svg, name, "what it shows")
        ids = re.findall(r' id="([^"]*)"', made)
        used = re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', made)
        assert len(ids) == len(set(ids))
        assert all(one.startswith(f"{name}-") for one in ids)
        assert {first or second for first, second in used} == set(ids)


def test_texts_stay_texts_and_nothing_refers_to_anywhere() -> None:
    made = drawing(svgs()["rate-server-close"], "a", "b")
    assert ">asyncio-3.11</text>" in made
    assert "runs that fail (%)" in made
    assert "http" not in made
    assert "<style" not in made


def test_the_same_figure_gives_the_same_bytes_twice() -> None:
    again = reproduce(Task("server-close", trials=4), workers=1)
    assert {one.name: to_svg(one.draw()) for one in pictures_of(again)} == svgs()


def test_a_drawing_says_what_it_shows_and_has_no_ground_of_its_own() -> None:
    made = drawing(svgs()["before-and-after"], "a", 'say "it" <b>')
    assert 'role="img" aria-label="say &#34;it&#34; &lt;b&gt;"' in made
    assert "patch_1" not in made


@pytest.mark.parametrize(
    "part",
    [
        "<script>alert(1)</script>",
        '<a href="https://example.org"><path d="M0 0"/></a>',
        '<image href="https://example.org/x.png"/>',
        '<rect onload="alert(1)" width="1"/>',
        '<foreignObject><b xmlns="http://www.w3.org/1999/xhtml">x</b></foreignObject>',
        '<path style="fill: red; background: url(https://example.org)" d="M0 0"/>',
    ],
)
def test_what_matplotlib_never_draws_is_left_out(part: str) -> None:
    made = drawing(f'<svg xmlns="http://www.w3.org/2000/svg">{part}</svg>', "a", "b")
    for word in ("alert", "example", "script", "onload", "foreignObject"):
        assert word not in made


def test_what_is_no_svg_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not an SVG"):
        drawing("<svg>", "a", "b")
