"""A client that resets at once never became open, and others that waited for that stood for ever.

Where the choices begin once all are open, such a client was neither open nor over, so that every
other client was held, and its handler was blamed: "hang: c1 waits for ", in every schedule.
"""

import pytest

from sim.model.app import Bounds
from tests.helpers.applications import endings, kinds, subject

OPEN = Bounds(start="open")


@pytest.mark.parametrize("leaves", ["rst", "hangup", "hangup:rst"])
def test_nobody_waits_for_who_has_left_at_once(leaves: str) -> None:
    found, _ = endings(subject("plain:careful", "send:hi, close", leaves, bounds=OPEN))
    assert "hang" not in kinds(list(found))
    assert all("returned" in one for one in found)
