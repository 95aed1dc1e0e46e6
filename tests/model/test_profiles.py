import pytest

from sim.errors import UserError
from sim.model.profiles import DEFAULT_PROFILE, PROFILES, profile_named


def test_the_default_is_what_ran_when_the_issue_was_reported() -> None:
    assert DEFAULT_PROFILE == "uvicorn-websockets@0.35"


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_found_by_its_name(name: str) -> None:
    assert profile_named(name).name == name


def test_an_unknown_profile_is_one_clear_line_with_what_was_meant() -> None:
    with pytest.raises(UserError) as caught:
        profile_named("uvicorn-wsprotto@0.35")
    (fault,) = caught.value.faults
    assert "'uvicorn-wsprotto@0.35' is unknown; did you mean 'uvicorn-wsproto@0.35'" in fault
    assert "hypercorn-trio@0.18" in fault


def test_profiles_are_alike_only_where_the_sources_do_the_same() -> None:
    """wsproto and sansio of one uvicorn version differ in no switch (FACTS 2)."""
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
