"""What a log tells, as a file of tests: of somebody's application, else of something like it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sim.exploration.from_log import Met, Wanted
from sim.files.catalog import open_scenario
from sim.hosting.uvicorn import usual_server
from sim.logs.patterns import MECHANISMS
from sim.model.plain import printable
from sim.model.scenario import Expected, Scenario
from sim.report.text.check import asked_in_test
from sim.runs.app import AppSubject
from sim.sut import analogous

_GUARDS: Final = ("pre-fix", "both-states", "none")
"""Guards that are tried for one under which a scenario fails, in this order."""
_FAIL: Final[frozenset[Expected]] = frozenset({"some", "racy", "all"})
_INDENT: Final = "    "
_WIDTH: Final = 92
ESCAPES: Final = "escaped-disconnect"
"""The name of a pattern in logs, and of the finding that it is in runs."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of tests. left: what it has no test for, and why, a line each."""

    text: str
    left: tuple[str, ...] = ()


def write_of_app(
    target: str, logs: Sequence[str], wanted: Sequence[Wanted], met: Sequence[Met], app_dir: str
) -> Written:
    """Return tests of an application that fail as long as it can do what a log tells of.

    target: "module:app". logs: names of files. met: runs that do it. app_dir: where the application
    lies, "" for where the tests are run.
    """
    runs = {one.mechanism: one for one in met}
    tests = [
        _test(one, "wsrace_app", *_call(runs[one.mechanism], app_dir))
        for one in wanted
        if one.mechanism in runs
    ]
    proved = {one.pattern for one in wanted if one.mechanism in runs}
    left = tuple(
        f"{one.mechanism}: no run of {target} that was looked at does it; say what clients send: "
        "--client"
        for one in wanted
        if one.mechanism not in runs and (one.proved or one.pattern not in proved)
    )
    head = (
        f"What {_names(logs)} tells, as tests of {target}: written by `wsrace logs`.",
        "",
        "Each fails as long as the application can do that, or anything else that a check fails",
        "on, and passes when no schedule within the bounds of a check does.",
    )
    return Written(_module(head, tests, ()), left) if tests else Written("", left)


def write_of_ours(logs: Sequence[str], wanted: Sequence[Wanted]) -> Written:
    """Return tests that show what a log tells of in handlers of ours."""
    tests: list[tuple[str, ...]] = []
    left = []
    for one in wanted:
        if (test := _of_scenario(one) or _of_analogue(one)) is None:
            left.append(f"{one.mechanism}: nothing of ours does it; name the application: --app")
        else:
            tests.append(test)
    head = (
        f"What {_names(logs)} tells, in handlers of wsrace's: written by `wsrace logs`.",
        "",
        "ANALOGOUS: these are not the application that wrote the log. They pass because the same",
        "mechanism is met here; `wsrace logs FILE --reproduce OUT --app MODULE:APP` asks the",
        "application itself.",
    )
    text = "\n".join(line for test in tests for line in test)
    imports = ["import pytest"] * ("pytest." in text)
    imports += ["", "from sim.testing.app import AppFailed"] * ("AppFailed" in text)
    return Written(_module(head, tests, imports) if tests else "", tuple(left))


def _call(met: Met, app_dir: str) -> Iterator[str]:
    """Yield the lines by which a test asks what a run came of."""
    subject = met.record.subject
    assert isinstance(subject, AppSubject), "of an application"
    case = subject.case
    said: Mapping[str, object] = {
        **asked_in_test(met.record),
        "fail_on": list(met.fail_on),
        "server": case.server if case.server != usual_server() else "",
        "pings": case.pings,
        "factory": case.factory,
        "app_dir": app_dir,
    }
    return _check(case.target, said)


def _check(target: str, said: Mapping[str, object]) -> Iterator[str]:
    """Yield a call of `check`, in one line if it fits."""
    words = [f"{name}={_literal(value)}" for name, value in said.items() if value]
    line = f"wsrace_app.check({', '.join((_literal(target), *words))})"
    if len(line) <= _WIDTH:
        yield line
        return
    yield "wsrace_app.check("
    yield from (f"{_INDENT}{word}," for word in (_literal(target), *words))
    yield ")"


def _literal(value: object) -> str:
    """Return a value as it is written in Python, with double quotation marks."""
    return json.dumps(value) if isinstance(value, str | list) else repr(value)


def _of_scenario(wanted: Wanted) -> tuple[str, ...] | None:
    """Return a test of the shipped scenario of a mechanism, None if none fails so."""
    name = MECHANISMS[wanted.mechanism].scenario
    scenario = open_scenario(name) if name else None
    if not isinstance(scenario, Scenario) or scenario.expect is None:
        return None
    expected = {guard: scenario.expect.get(guard) for guard in _GUARDS}
    guard = next((one for one, value in expected.items() if value in _FAIL), None)
    if guard is None:
        return None
    marker = f'@pytest.mark.wsrace("{name}", guard="{guard}")'
    return (marker, *_test(wanted, "race", f'race.check(expect="{expected[guard]}")'))


def _of_analogue(wanted: Wanted) -> tuple[str, ...] | None:
    """Return a test of the small application that does what a mechanism is, None if there is none.

    It is asked on the server on which a call that comes too late raises an error of its own.
    """
    name = wanted.mechanism.replace(" ", "_")
    if not hasattr(analogous, name):
        return None
    clients = re.findall(r"--client '([^']+)'", MECHANISMS[wanted.mechanism].check)
    said: dict[str, object] = {
        "clients": [f"/ws {one}" for one in clients],
        "server": "websockets",
        "fail_on": [ESCAPES] if wanted.pattern == ESCAPES else [],
    }
    call = _check(f"{analogous.__name__}:{name}", said)
    finding = ESCAPES if wanted.pattern == ESCAPES else "escape"
    expects = f'with pytest.raises(AppFailed, match="{finding}"):'
    return _test(wanted, "wsrace_app", expects, *(f"{_INDENT}{line}" for line in call))


def _test(wanted: Wanted, fixture: str, *body: str) -> tuple[str, ...]:
    """Return the lines of a test."""
    often = "1 record" if wanted.records == 1 else f"{wanted.records:,} records"
    how = "proved by the text" if wanted.proved else "one of those that the text leaves"
    where = f", raised at {wanted.own}" if wanted.own else ""
    about = f"{wanted.pattern}, {often}: {how}{where}."
    name = re.sub(r"\W+", "_", wanted.mechanism)
    return (
        f"def test_{name}({fixture}):",
        f'    """{_plain(about)}"""',
        *(f"    {one}" for one in body),
    )


def _module(head: Sequence[str], tests: Sequence[Sequence[str]], imports: Sequence[str]) -> str:
    """Return a file of tests as a formatter would leave it."""
    parts = ['"""' + "\n".join(map(_plain, head)) + '\n"""']
    if imports:
        parts.append("\n".join(imports))
    return "\n\n".join(parts) + "\n\n\n" + "\n\n\n".join("\n".join(test) for test in tests) + "\n"


def _names(logs: Sequence[str]) -> str:
    return ", ".join(logs)


def _plain(text: str) -> str:
    """Return a text that can stand in a docstring."""
    return printable(text).replace("\\", "/").replace('"""', "'''")
