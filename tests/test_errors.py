"""The families of errors: which are somebody's input, and what each of them tells."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import errors
from sim.errors import (
    BadSchedule,
    Deadlock,
    Divergence,
    LimitReached,
    NoAnswer,
    Nondeterminism,
    Redundant,
    RefusedOperation,
    StuckWorld,
    UnsupportedPython,
    UnsupportedTrio,
    UserError,
    WsraceError,
    leaves,
)

INPUT = (UserError, BadSchedule)
RUN = (
    NoAnswer,
    Redundant,
    Divergence,
    UnsupportedPython,
    UnsupportedTrio,
    LimitReached,
    Deadlock,
    RefusedOperation,
    Nondeterminism,
    StuckWorld,
)


def test_every_error_is_in_one_of_the_families_here() -> None:
    found = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, BaseException)
    }
    assert found == {WsraceError, *INPUT, *RUN}


@pytest.mark.parametrize("kind", [*INPUT, *RUN])
def test_one_except_catches_them_all(kind: type[WsraceError]) -> None:
    with pytest.raises(WsraceError, match="why"):
        raise kind("why")


@pytest.mark.parametrize("kind", INPUT)
def test_wrong_input_is_a_user_error(kind: type[WsraceError]) -> None:
    assert issubclass(kind, UserError)


@pytest.mark.parametrize("kind", RUN)
def test_what_a_run_came_to_is_no_user_error(kind: type[WsraceError]) -> None:
    assert not issubclass(kind, UserError)


def test_a_trio_that_will_not_do_is_an_import_error() -> None:
    assert issubclass(UnsupportedTrio, ImportError)
    assert issubclass(UnsupportedPython, ImportError)
    assert not any(
        issubclass(kind, ImportError)
        for kind in (*INPUT, *(one for one in RUN if not issubclass(one, ImportError)))
    )


@pytest.mark.parametrize("kind", INPUT)
@given(faults=st.lists(st.text(), max_size=4))
def test_a_user_error_keeps_all_faults_in_order(kind: type[UserError], faults: list[str]) -> None:
    error = kind(*faults)
    assert list(error.faults) == faults
    assert str(error) == "\n".join(faults)


@pytest.mark.parametrize("kind", INPUT)
def test_faults_come_whole_out_of_another_process(kind: type[UserError]) -> None:
    again = pickle.loads(pickle.dumps(kind("one", "two")))
    assert type(again) is kind
    assert tuple(again.faults) == ("one", "two")


@pytest.mark.parametrize("kind", RUN)
def test_what_a_run_came_to_crosses_processes_as_well(kind: type[WsraceError]) -> None:
    again = pickle.loads(pickle.dumps(kind("why")))
    assert (type(again), str(again)) == (kind, "why")


# -- groups --------------------------------------------------------------------------------------


@given(
    tree=st.recursive(
        st.integers(), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=20
    ).filter(lambda tree: isinstance(tree, list))
)
def test_leaves_are_all_the_errors_of_a_group_in_order_whatever_the_nesting(
    tree: list[object],
) -> None:
    group, expected = grown(tree)
    assert isinstance(group, BaseExceptionGroup)
    assert [id(one) for one in leaves(group)] == [id(one) for one in expected]


def grown(tree: object) -> tuple[BaseException, list[BaseException]]:
    """An exception for a number, a group for a list; and the exceptions that are no group."""
    if not isinstance(tree, list):
        error = ValueError(tree)
        return error, [error]
    parts = [grown(one) for one in tree]
    group = BaseExceptionGroup("group", [error for error, _ in parts])
    return group, [leaf for _, found in parts for leaf in found]


def test_leaves_of_base_exceptions_are_found_too() -> None:
    stop, fault = KeyboardInterrupt(), ValueError()
    group = BaseExceptionGroup("outer", [fault, BaseExceptionGroup("inner", [stop])])
    assert leaves(group) == [fault, stop]
