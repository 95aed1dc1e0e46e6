"""One table of findings: known names, severities that people set, classes of handlers on Trio."""

import pytest

from sim.errors import UserError
from sim.model.findings import FINDINGS, Severities, Severity, kind_of
from sim.model.outcome import CLASSES


def test_a_finding_that_no_table_knows_is_a_failure() -> None:
    assert Severities().of("something new") is Severity.FAIL


def test_people_may_make_a_failure_of_a_note_and_a_note_of_a_failure() -> None:
    changed = Severities(fail_on=("leftover", "lost"), allow=("escape",))
    assert changed.of("leftover") is changed.of("lost") is Severity.FAIL
    assert changed.of("escape") is Severity.NOTE
    assert Severities().of("leftover") is Severity.NOTE
    assert Severities().of("lost") is Severity.OFF


@pytest.mark.parametrize(
    ("fail_on", "allow", "said"),
    [
        (("lefover",), (), "--fail-on 'lefover': no such finding; there are: escape"),
        ((), ("hnag",), "did you mean 'hang'?"),
        (("hang",), ("hang",), "--allow 'hang': --fail-on names it, too"),
    ],
)
def test_a_name_that_is_none_is_refused(
    fail_on: tuple[str, ...], allow: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        Severities(fail_on, allow)
    assert said in str(raised.value)


def test_the_classes_of_handlers_on_trio_are_there_and_as_severe() -> None:
    known = {one.name: one for one in CLASSES}
    for kind in FINDINGS.values():
        for name in kind.classes:
            assert name in known
            if kind.severity is not Severity.FAIL:
                assert not known[name].failure


def test_every_failing_class_of_an_exception_is_an_escape_or_a_hang() -> None:
    named = {name for kind in FINDINGS.values() for name in kind.classes}
    setup = {"never_ready", "manager_failed", "services_failed"}  # of our own handler alone
    assert {one.name for one in CLASSES if one.failure} - setup <= named


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("other:KeyError", "escape"),
        ("clean_disconnect(1001)", "escaped-disconnect"),
        ("disconnect_group(1000,1001)", "escaped-disconnect"),
        ("client_stranded", "hang"),
        ("returned", None),
        ("no such class", None),
    ],
)
def test_an_outcome_of_a_handler_on_trio_is_the_finding_that_an_application_would_have(
    label: str, kind: str | None
) -> None:
    found = kind_of(label)
    assert (found.name if found is not None else None) == kind
