"""Tables of the terminal as tables of a page."""

from rich.table import Table
from rich.text import Text

from sim.report.html.grids import Field, grid, html_table


def table() -> Table:
    made = Table(title="Rates")
    made.add_column("guard")
    made.add_column("failing", justify="right")
    made.add_row(Text("pre-fix"), "4/8\n22.7 %")
    made.add_row("", Text("FAIL", style="red"))
    return made


def test_a_grid_keeps_titles_sides_lines_and_the_meaning_of_colours() -> None:
    found = grid(table())
    assert found.title == "Rates"
    assert found.right == (False, True)
    assert found.headings == (Field(("guard",)), Field(("failing",)))
    assert found.rows[0] == (Field(("pre-fix",)), Field(("4/8", "22.7 %")))
    assert found.rows[1][1] == Field(("FAIL",), "bad")


def test_the_first_column_names_the_rows_and_empty_names_are_no_headings() -> None:
    made = html_table(table())
    assert '<th scope="row">pre-fix</th><td class="right">4/8<br>22.7 %</td>' in made
    assert '<td></td><td class="bad right">FAIL</td>' in made
    assert made.count('scope="col"') == 2


def test_another_title_stands_instead_of_the_tables_own() -> None:
    made = html_table(table(), "Other")
    assert "<caption>Other</caption>" in made
    assert "Rates" not in made


def test_a_table_without_a_title_has_no_empty_caption() -> None:
    assert "<caption>" not in html_table(Table("a"))
