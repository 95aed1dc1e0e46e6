"""Tokens of runs, and runs from tokens."""

from sim import __version__
from sim.errors import Divergence
from sim.model.token import TokenBody, body_of, decode, encode, picks_of, scenario_of
from sim.play import Record, import_guard, play
from sim.rungs import Rung
from sim.schedulers.replay import Deviate


def token_of(record: Record, rung: Rung = Rung.ASGI) -> str:
    """Return the token of a run. Raises UserError if it is too long for one."""
    return encode(body_of(record.scenario, record.schedule, record.digest, __version__, str(rung)))


def replay(token: str | TokenBody, guard: str | None = None) -> Record:
    """Run a token again, event for event.

    guard: the "module:name" that a person allows to be imported, where the token names one.
    Raises UserError for a token that cannot be read, Divergence where the run goes otherwise.
    """
    body = decode(token) if isinstance(token, str) else token
    scenario = scenario_of(body)
    own = None
    if guard is not None:
        if guard != scenario.guard:
            raise Divergence(f"the token's guard is {scenario.guard!r}, not {guard!r}")
        own = import_guard(guard) if ":" in guard else None
    scheduler = Deviate(picks_of(body))
    record = play(scenario, scheduler, Rung(body.rung), own)
    if isinstance(record.end.error, Divergence):
        raise record.end.error
    scheduler.close(body.choices)
    if record.digest != body.digest:
        raise Divergence(
            f"the trace differs: expected digest {body.digest[:12]}, met {record.digest[:12]}; the "
            f"token was made by wsrace {body.wsrace}, this is {__version__}"
        )
    return record
