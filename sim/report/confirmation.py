"""A run that was forced on a real server, in words."""

from collections.abc import Iterator

from sim.conformance.force import Confirmation
from sim.model.scenario import Scenario


def confirmation_lines(scenario: Scenario, found: Confirmation) -> Iterator[str]:
    """Yield what was done and what came of it. scenario: as the run was recorded."""
    forced, stack = found.forced, found.forced.stack
    yield (
        f"{scenario.name or 'a scenario'}: guard {scenario.guard}, recorded on {scenario.runtime}, "
        f"{scenario.server}: {forced.wanted}"
    )
    yield (
        f"forced on {stack.name}: {stack.server} ({stack.lib}), Python {stack.python}, Starlette "
        f"{stack.starlette}, runtime {stack.runtime}"
    )
    for one in forced.scenario.injections:
        how = f"{one.delay_ms:g} ms into" if one.placed == "armed" else "at"
        client = f" (client {one.client})" if forced.scenario.clients.count > 1 else ""
        yield f"  {one.do} {how} {one.at}, passing {one.nth}{client}"
    if forced.why:
        yield f"the model has no answer for this server: {forced.why}"
    else:
        yield f"the model for this server: {', '.join(sorted(forced.predicted))}"
    yield f"confirmed {found.confirmed} of {found.trials}"
    others = {name: count for name, count in found.seen.items() if name != forced.wanted}
    for name, count in sorted(others.items(), key=lambda one: (-one[1], one[0])):
        yield f"  {count} of {found.trials} ended otherwise: {name}"
    if others and not forced.expected and not forced.why:
        yield _difference(scenario, found)


def _difference(scenario: Scenario, found: Confirmation) -> str:
    """Say why the model does not expect the run here."""
    here = found.forced.scenario
    differs = [
        f"{name} {there} there, {now} here"
        for name, there, now in (
            ("runtime", scenario.runtime, here.runtime),
            ("server", scenario.server, here.server),
            ("Starlette", scenario.starlette, here.starlette),
        )
        if there != now
    ]
    if not differs:
        return "  placed at its probes the model ends otherwise too: its times decided it"
    return f"  as the model says: {'; '.join(differs)}"
