"""Each guard reads what the recorded cells say, at the place where they say it."""

import pytest
from starlette.websockets import WebSocket

from sim.model import names
from sim.sut.guards import GUARDS, Guard, Read, own_guard

CLIENT_AND_MACHINE: tuple[Read, ...] = ("client_state", "machine")
BOTH: tuple[Read, ...] = ("client_state", "application_state")


def agrees(_: WebSocket) -> bool:
    return True


def test_the_names_are_those_that_scenarios_may_use_in_the_same_order() -> None:
    assert tuple(GUARDS) == names.GUARDS
    assert all(guard.name == name and guard.summary for name, guard in GUARDS.items())


@pytest.mark.parametrize(
    ("name", "top", "final"),
    [
        ("none", (), None),
        ("pre-fix", CLIENT_AND_MACHINE, None),
        ("post-fix", CLIENT_AND_MACHINE, CLIENT_AND_MACHINE),
        ("both-states", CLIENT_AND_MACHINE, BOTH),
        ("both-no-hop", CLIENT_AND_MACHINE, BOTH),
        ("catch", (), None),
        ("raw", (), None),
    ],
)
def test_a_guard_reads_these_states_at_the_top_and_before_the_receive(
    name: str, top: tuple[Read, ...], final: tuple[Read, ...] | None
) -> None:
    assert (GUARDS[name].top, GUARDS[name].final) == (top, final)


@pytest.mark.parametrize(
    ("trait", "only"), [("in_place", "both-no-hop"), ("catches", "catch"), ("raw", "raw")]
)
def test_one_guard_alone_has_each_of_the_other_traits(trait: str, only: str) -> None:
    assert [name for name, guard in GUARDS.items() if getattr(guard, trait)] == [only]


def test_only_somebodys_own_guard_holds_code() -> None:
    assert all(guard.check is None for guard in GUARDS.values())


def test_a_guard_of_your_own_keeps_all_but_its_name() -> None:
    mine = Guard("x", "mine", top=BOTH, final=("machine",), in_place=True, catches=True)
    assert own_guard("a:b", mine) == Guard(
        "a:b", "mine", top=BOTH, final=("machine",), in_place=True, catches=True
    )


def test_a_function_stands_before_the_receive_behind_the_check_of_pre_fix() -> None:
    guard = own_guard("a:b", agrees)
    assert (guard.name, guard.check) == ("a:b", agrees)
    assert (guard.top, guard.final) == (GUARDS["pre-fix"].top, None)
    assert (guard.in_place, guard.catches, guard.raw) == (False, False, False)


@pytest.mark.parametrize("found", [1, "pre-fix", None])
def test_anything_else_is_no_guard(found: object) -> None:
    kind = type(found).__name__
    with pytest.raises(TypeError, match=f"^a:b: expected a Guard or a function, got {kind}$"):
        own_guard("a:b", found)
