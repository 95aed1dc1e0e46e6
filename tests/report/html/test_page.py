"""A page: whole, self-contained, and hostile text stays text in it."""

import json
import re

from sim.report.html.cases import case
from tests.helpers.made_reports import EVIL, evil, hop, hop_page, page
from tests.report.html.test_environment import Reader


def test_a_page_asks_for_nothing_from_anywhere() -> None:
    made = hop_page()
    assert "default-src 'none'" in made
    assert not re.findall(r'(?:src|href)="(?!#)[^"]+"', made)
    assert "http:" not in made.replace("http-equiv", "")
    assert "https:" not in made


def test_hostile_names_and_messages_stay_text_everywhere() -> None:
    made = page(case(evil(), EVIL), title=EVIL)
    read = Reader(made)
    assert read.elements.count("script") == 2
    assert "img" not in read.elements
    assert "alert(1)" in made
    assert "\u202e" not in made
    assert "\x1b" not in made


def test_the_sources_are_json_that_cannot_end_its_element() -> None:
    made = hop_page()
    text = made.split('id="sources">')[1].split("</script>")[0]
    assert "<" not in text
    sources = json.loads(text)
    assert sources["sim.sut.loop:67"]["file"] == "sim/sut/loop.py"


def test_both_runs_have_lanes_and_a_table_that_says_the_same_without_a_script() -> None:
    made = hop_page()
    found = case(hop(), "The hop")
    assert made.count("<article") == 2
    for run in found.runs:
        assert run.outcome in made
    rows = re.findall(r"<tr class=\"[^\"]*\" data-where", made)
    assert len(rows) == sum(len(run.walk.moments) for run in found.runs)
    assert made.count("<details open>") == 2


def test_sections_without_content_are_left_out() -> None:
    made = page()
    assert 'id="figures"' not in made
    assert 'id="runs"' not in made
    assert "<h2>Summary</h2>" in made


def test_every_id_stands_once() -> None:
    made = page(case(hop(), "a"), case(hop(), "b"))
    ids = re.findall(r'\sid="([^"]*)"', made)
    assert len(ids) == len(set(ids))


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_in_the_lanes_has_contrast_on_every_tint_in_light_and_dark() -> None:
    """axe cannot tell what lies under a text in an SVG, so it is computed: 4.5 to 1 at least."""
    style = hop_page().split("<style>")[1].split("</style>")[0]
    for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
        grounds = [colours[name] for name in ("ground", "panel", *(f"t{n}" for n in range(8)))]
        for ground in grounds:
            light, dark = sorted((luminance(colours["ink"]), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (colours["ink"], ground)
