"""What the visits of a plan are for a client outside: scripts, and what is left out of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sim.errors import UserError
from sim.files.catalog import expand
from sim.live.visiting.address import Address
from sim.live.visiting.request import request_of
from sim.model.appscript import REQUESTS, Act, Script, Step
from sim.model.plain import fault
from sim.model.plan import Plan, Visit
from sim.model.scenario import Batch, Clients, Entry, Injection, Scenario, Setup
from sim.model.script import Action, Do, parse_script
from sim.model.scriptreader import parse
from sim.model.ticks import ms
from sim.model.visiting import ASKED, OPEN, Part, Placed
from sim.peer.codec import ClientCodec
from sim.runs.injections import QUEUED

_BY_CLIENT = {"client-close": Act.CLOSE, "client-abort": Act.RST, "client-eof": Act.FIN}
_ENDS = {"close": Act.CLOSE, "abort": Act.RST, "eof": Act.FIN, "silent": Act.SILENT}
_FROM_OPEN = frozenset({"accepted", "authenticating", "top", "validated", "final_check"})
"""Probes that a handler passes before a message: the nth time, n - 1 messages have been sent."""
_SERVERS_OWN = ("accepts", "authentication", "manager", "services", "machines")
"""Keys of a set-up that change what the server does, beyond how long it takes."""

_ANYWHERE = Address(False, "localhost", 80, "/")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who visits a server."""

    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()
    """The visits that nobody outside can play, a line for each."""


def cast_of(plan: Plan) -> Cast:
    """Return what the visits of a plan come to from outside.

    Raises UserError with one line for every fault, also if nothing is left that can be played.
    """
    faults: list[str] = []
    parts: list[Part] = []
    left_out: list[str] = []
    for number, visit in enumerate(plan.visits):
        where = f"{plan.name or 'plan'}: visits.{number}"
        try:
            parts.append(_part(number, visit, where))
        except _OutsideError as error:
            left_out.append(f"not played from outside: {visit.label or visit.scenario}: {error}")
        except UserError as error:
            faults += error.faults
    if not parts and not faults:
        faults.append(f"{plan.name or 'plan'}: none of its visits can be played from outside")
        faults += left_out
    if faults:
        raise UserError(*faults)
    return Cast(tuple(parts), tuple(left_out))


def cast_of_scripts(scripts: Sequence[Script]) -> Cast:
    """Return clients that were typed, each as likely as the others. Raises UserError."""
    faults = [line for one in scripts for line in faults_of_script(one)]
    if faults:
        raise UserError(*faults)
    parts = (Part(number, one.typed, 1, one) for number, one in enumerate(scripts))
    return Cast(tuple(parts))


def faults_of_script(script: Script) -> list[str]:
    """Return what of a script makes no sense against a running server, a line for each fault."""
    faults: list[str] = []
    try:
        request_of(ClientCodec(), _ANYWHERE, script)
    except UserError as error:
        faults += error.faults
    for step in script.steps:
        if step.act is Act.AFTER:
            why = "clients of a running server do not wait for each other"
        elif step.act in REQUESTS:
            why = "requests of HTTP are not played against a running server"
        else:
            continue
        faults.append(fault(f"client {script.typed!r}: {step.typed()}: not with --url, {why}"))
    return faults


class _OutsideError(Exception):
    """Why a visit cannot be played from outside."""


def _part(number: int, visit: Visit, where: str) -> Part:
    if visit.client:
        script = parse(visit.client)
        if faults := faults_of_script(script):
            raise UserError(*(f"{where}.client: {one}" for one in faults))
        label = visit.label or script.typed
        leaving = () if visit.leave is None else (_leaving(visit, script, where),)
        return Part(number, label, visit.weight, script, leaving)
    entry = Entry(scenario=visit.scenario, label=visit.label, set=visit.set)
    (scenario,) = expand(Batch(name=where, include=(entry,)))
    _require_outside(scenario)
    script = _script(scenario.clients)
    placed = tuple(_placed(one) for one in scenario.injections)
    return Part(number, visit.label or visit.scenario, visit.weight, script, placed, fresh=True)


def _leaving(visit: Visit, script: Script, where: str) -> Placed:
    """Return how a client leaves some time after its last message."""
    sends = sum(step.act in (Act.SEND, Act.SEND_BYTES) for step in script.steps)
    if script.steps[0].act is Act.HANGUP:
        raise UserError(f"{where}.leave: its client hangs up and is gone already")
    assert visit.leave is not None
    return Placed(sends, visit.leave_ms, (_leave(Act(visit.leave)),))


def _leave(act: Act, code: int = 1000) -> Step:
    return Step(act, number=code if act is Act.CLOSE else 0)


def _require_outside(scenario: Scenario) -> None:
    """Raise _OutsideError for what only the server could do."""
    for key in _SERVERS_OWN:
        if getattr(scenario.setup, key) != getattr(Setup(), key):
            raise _OutsideError(f"what is special is the server's own (setup.{key})")
    if scenario.clients.count > 1:
        raise _OutsideError(f"it is {scenario.clients.count} clients at once")


def _script(clients: Clients) -> Script:
    """Return what the client of a scenario does, with a wait for an answer to each message."""
    if clients.script is not None:
        connect, *rest = parse_script(clients.script)
        steps = tuple(_translated(one) for one in rest) or (Step(Act.SILENT),)
        return Script("", steps, connect.headers, connect.subprotocols).retyped()
    messages: list[Step] = []
    for number in range(clients.messages):
        if number:
            messages.append(Step(Act.SLEEP, number=round(clients.pause_ms)))
        text = json.dumps({"type": "chat", "n": number + 1})
        messages += (Step(Act.SEND, text), Step(Act.WAIT, number=1))
    return Script("", (*messages, _leave(_ENDS[clients.end], clients.code))).retyped()


def _translated(action: Action) -> Step:
    """Return the same step in the language of applications' clients."""
    value = action.value
    if action.do in (Do.SEND, Do.SEND_BYTES):
        return Step(Act(action.do), str(value))
    number = int(value or 0)
    if action.do is Do.SLEEP:
        return Step(Act.SLEEP, number=round(ms(number)))
    return Step(Act(action.do), number=number)


def _placed(one: Injection) -> Placed:
    """Return when, as seen by the client, an injection happens. Raises _OutsideError."""
    if one.do == "client-message":
        steps = [Step(Act.SEND, one.text)]
    elif one.do in _BY_CLIENT:
        steps = [_leave(_BY_CLIENT[one.do], one.code or 1000)]
    else:
        raise _OutsideError(f"{one.do} is the server's own")
    if one.queued:
        steps.insert(0, Step(Act.SEND, QUEUED))
    if one.time_ms is not None:
        return Placed(ASKED, one.time_ms, tuple(steps))
    return Placed(_after(one), one.delay_ms, tuple(steps))


def _after(one: Injection) -> int:
    """Return how many messages have been sent when a handler passes a probe."""
    if one.at == "received":
        return one.nth
    if one.at == "sending" and one.nth == 1:
        return 1
    if one.at in ("connecting", "preaccept"):
        return ASKED
    if one.at == "receiving" or one.at in _FROM_OPEN:
        return OPEN + one.nth - 1
    nth = f" ({one.nth})" if one.nth > 1 else ""
    raise _OutsideError(f"nobody outside sees when a handler is at {one.at}{nth}")
