from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.profiles import DEFAULT_PROFILE, PROFILES, allowed, profile_named
from sim.model.stacks import find_stack
from sim.model.switches import OnAccept, OnReturn, OnSend, ServerProfile


def test_the_default_is_what_ran_when_the_issue_was_reported() -> None:
    assert DEFAULT_PROFILE == "uvicorn-websockets@0.35"


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_found_by_its_name(name: str) -> None:
    assert profile_named(name).name == name


def test_an_unknown_profile_is_one_clear_line_with_what_was_meant() -> None:
    with pytest.raises(UserError) as caught:
        profile_named("uvicorn-wsprotto@0.35")
    (fault,) = caught.value.faults
    assert "'uvicorn-wsprotto@0.35' is unknown; allowed: uvicorn-websockets@0.35, " in fault
    assert fault.endswith("; did you mean 'uvicorn-wsproto@0.35'?")
    assert "hypercorn-trio@0.18" in fault


def test_profiles_are_alike_only_where_the_sources_do_the_same() -> None:
    """wsproto and sansio of one uvicorn version differ in no switch."""
    rows = {profile.name: repr(profile).partition(",")[2] for profile in PROFILES.values()}
    alike = {
        frozenset((one, other))
        for one in rows
        for other in rows
        if one < other and rows[one] == rows[other]
    }
    assert alike == {
        frozenset(("uvicorn-wsproto@0.35", "uvicorn-sansio@0.35")),
        frozenset(("uvicorn-wsproto@0.54", "uvicorn-sansio@0.54")),
    }


# -- releases --------------------------------------------------------------------------------------

OLD_SEND = {"send_closed": OnSend.LEAK, "send_lost": OnSend.LEAK, "send_reset_first": OnSend.LEAK}
NEW_SEND = dict.fromkeys(OLD_SEND, OnSend.RAISE)
LOOKS = {"send_lost": OnSend.RAISE, "accept_gone": OnAccept.OSERROR, "own_close_waits": True}
LOOKS_NOT = {
    "send_lost": OnSend.SILENT,
    "accept_gone": OnAccept.RUNTIME_ERROR,
    "own_close_waits": False,
}


@pytest.mark.parametrize(
    ("family", "last", "first", "before", "after"),
    [
        ("uvicorn-websockets", "0.26.0", "0.27.0", OLD_SEND, NEW_SEND),
        (
            *("uvicorn-websockets", "0.38.0", "0.39.0"),
            *({"app_returns": OnReturn.STAY}, {"app_returns": OnReturn.DROP}),
        ),
        (
            *("uvicorn-wsproto", "0.26.0", "0.27.0"),
            *({"send_closed": OnSend.LEAK}, {"send_closed": OnSend.RAISE}),
        ),
        (
            *("uvicorn-wsproto", "0.38.0", "0.39.0"),
            *({"app_returns": OnReturn.STAY}, {"app_returns": OnReturn.DROP}),
        ),
        ("uvicorn-wsproto", "0.52.0", "0.52.1", LOOKS_NOT, LOOKS),
        (
            *("uvicorn-sansio", "0.38.0", "0.39.0"),
            *({"app_returns": OnReturn.STAY}, {"app_returns": OnReturn.DROP}),
        ),
        ("uvicorn-sansio", "0.52.0", "0.52.1", LOOKS_NOT, LOOKS),
    ],
)
def test_a_release_changes_the_switches_that_its_source_changed_and_no_other(
    family: str, last: str, first: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    old, new = (profile_named(f"{family}@{version}") for version in (last, first))
    assert {name: getattr(old, name) for name in before} == before
    assert replace(old, name="", **after) == replace(new, name="")


RELEASES = {
    "uvicorn-websockets": ["0.23.2", "0.27.0", "0.39.0"],
    "uvicorn-wsproto": ["0.23.2", "0.27.0", "0.39.0", "0.52.1"],
    "uvicorn-sansio": ["0.35.0", "0.39.0", "0.52.1"],
    "hypercorn-asyncio": ["0.14.4"],
    "hypercorn-trio": ["0.14.4"],
}
"""Per family the oldest release, and those at which a switch turned."""


@pytest.mark.parametrize("family", RELEASES)
def test_nothing_turns_between_those_releases(family: str) -> None:
    stack = find_stack(family)
    assert stack is not None
    oldest, newest = stack.oldest, stack.newest
    every = [(0, minor, patch) for minor in range(oldest[1], newest[1] + 1) for patch in range(6)]
    profiles = [
        (version, replace(profile_named(f"{family}@{'.'.join(map(str, version))}"), name=""))
        for version in every
        if oldest <= version
    ]
    turns = [profiles[0][0]] + [
        after[0] for before, after in pairwise(profiles) if before[1] != after[1]
    ]
    assert [".".join(map(str, (*version, 0)[:3])) for version in turns] == RELEASES[family]


def test_sansio_is_wsproto_in_every_release_that_has_it() -> None:
    for minor in range(35, 55):
        one, other = (
            replace(profile_named(f"{family}@0.{minor}"), name="")
            for family in ("uvicorn-sansio", "uvicorn-wsproto")
        )
        assert one == other


def test_the_two_hypercorns_differ_in_the_turns_of_their_loops_alone() -> None:
    one, other = (profile_named(f"hypercorn-{loop}@0.18") for loop in ("asyncio", "trio"))
    differing = {
        field.name: (getattr(one, field.name), getattr(other, field.name))
        for field in fields(ServerProfile)
        if field.name != "name" and getattr(one, field.name) != getattr(other, field.name)
    }
    assert differing == {"send_turns": (0, 2), "ready_turns": (0, 1)}


@pytest.mark.parametrize("version", ["0.35", "0.35.0", "0.35.99"])
def test_a_profile_keeps_the_name_that_it_was_asked_for_by(version: str) -> None:
    assert profile_named(f"uvicorn-wsproto@{version}").name == f"uvicorn-wsproto@{version}"


@pytest.mark.parametrize(
    "name",
    [
        "uvicorn-websockets@0.23.1",
        "uvicorn-websockets@0.55",
        "uvicorn-websockets@1.0",
        "uvicorn-sansio@0.34.9",
        "hypercorn-trio@0.14.3",
        "hypercorn-asyncio@0.19",
        "uvicorn-websockets@0",
        "uvicorn-websockets@0.35.0.1",
        "uvicorn-websockets@0.35.0rc1",
        "uvicorn-websockets@0.35\n",
        "uvicorn-websockets@ 0.35",
        "uvicorn-websockets@-0.35",
        "uvicorn-websockets@0.99999",
        "uvicorn-websockets",
        "uvicorn@0.35",
        "@0.35",
        "",
    ],
)
def test_what_was_not_read_or_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        profile_named(name)
    (fault,) = caught.value.faults
    assert "is unknown" in fault
    assert allowed() in fault
    assert "uvicorn-sansio@0.35 to 0.54" in fault


@given(st.text() | st.from_regex(r"[a-z-]{1,20}@[0-9.]{1,12}", fullmatch=True))
def test_any_name_is_a_profile_of_that_name_or_refused(name: str) -> None:
    try:
        found = profile_named(name)
    except UserError:
        return
    assert found.name == name
