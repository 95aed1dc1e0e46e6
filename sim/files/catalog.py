"""The shipped scenarios: the one place that reads the folder `scenarios`, or a user's own file."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from sim.errors import UserError
from sim.files.load import check_table, load_data, parse
from sim.files.override import overlay, override
from sim.model.plain import near
from sim.model.plan import Plan
from sim.model.scenario import Batch, Entry, Scenario

LIMIT = 1024 * 1024
"""The largest scenario file that is read, in bytes."""


def names() -> tuple[str, ...]:
    """Return the names of the shipped scenarios and batches, sorted."""
    return _stems(_folder())


def read(name: str) -> tuple[str, str]:
    """Return the text of a shipped scenario, and what to call it: "scenarios/NAME.toml".

    Raises UserError if there is no such scenario.
    """
    known = names()
    if name not in known:
        shipped = ", ".join(known) or "none"
        raise UserError(f"unknown scenario {name!r}; allowed: {shipped}{near(name, known)}")
    source = f"scenarios/{name}.toml"
    return _text((_folder() / f"{name}.toml").read_bytes(), source), source


def open_scenario(name_or_path: str, settings: Sequence[str] = ()) -> Scenario | Batch:
    """Return a scenario or a batch, by its name in the catalog or from a file.

    name_or_path: a path if it ends in ".toml" or holds a path separator, else a name. settings:
    as for `sim.files.override.override`, for the keys of this very document; for those of the
    scenarios in a batch, give them to `expand`. Raises UserError with one line for every fault,
    those of the document before those that the settings make.
    """
    text, source = _read_path(name_or_path) if _is_path(name_or_path) else read(name_or_path)
    data = parse(text, source)
    opened = load_data(data, source, text)
    if not settings:
        return opened
    changed = override({"name": opened.name, **data}, settings)
    return load_data(changed, f"{source} with {', '.join(settings)}")


def plan_names() -> tuple[str, ...]:
    """Return the names of the shipped validation plans, sorted."""
    return _stems(_folder() / "plans")


def open_plan(name_or_path: str) -> Plan:
    """Return a validation plan, by its shipped name or from a file.

    Raises UserError with one line for every fault.
    """
    if _is_path(name_or_path):
        text, source = _read_path(name_or_path)
    else:
        known = plan_names()
        if name_or_path not in known:
            raise UserError(
                f"unknown plan {name_or_path!r}; allowed: {', '.join(known)}, or a file"
                f"{near(name_or_path, known)}"
            )
        source = f"scenarios/plans/{name_or_path}.toml"
        text = _text((_folder() / "plans" / f"{name_or_path}.toml").read_bytes(), source)
    return check_table(Plan, parse(text, source), source, text)


def expand(batch: Batch, settings: Sequence[str] = ()) -> tuple[Scenario, ...]:
    """Return the scenarios of a batch, each as its entry and then `settings` change it.

    batch: its `sweep` is laid over the `sweep` of every scenario, before the entry's own `set`.
    settings: as for `sim.files.override.override`. A label replaces the name of its scenario.
    Raises UserError with one line for every fault.
    """
    scenarios: list[Scenario] = []
    faults: list[str] = []
    for number, entry in enumerate(batch.include):
        try:
            scenarios.append(_entry(entry, batch, f"include.{number}", settings))
        except UserError as error:
            faults += error.faults
    if faults:
        raise UserError(*dict.fromkeys(faults))
    return tuple(scenarios)


def _entry(entry: Entry, batch: Batch, where: str, settings: Sequence[str]) -> Scenario:
    """Return the scenario of one entry of a batch. Raises UserError."""
    here = f"{batch.name or 'batch'}: {where}"
    with _faults_of(f"{here}.scenario"):
        text, source = read(entry.scenario)
    data = parse(text, source)
    if isinstance(load_data(data, source, text), Batch):
        raise UserError(f"{here}.scenario: {entry.scenario!r} is itself a batch")
    with _faults_of(here):
        swept = overlay(data, {"sweep": batch.sweep}) if batch.sweep else data
        changed = overlay({"name": entry.scenario, **swept}, entry.set)
    scenario = load_data(override(changed, settings), f"{source} in {here}")
    if isinstance(scenario, Batch):
        raise UserError(f"{here}: a scenario cannot be given the key include")
    return scenario if entry.label is None else scenario.model_copy(update={"name": entry.label})


@contextmanager
def _faults_of(where: str) -> Iterator[None]:
    """Say in every fault that comes up within where it stands."""
    try:
        yield
    except UserError as error:
        raise UserError(*(f"{where}: {fault}" for fault in error.faults)) from None


def _stems(folder: Traversable) -> tuple[str, ...]:
    files = [file.name for file in folder.iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def _folder() -> Traversable:
    """Return the folder of what is shipped: in the package, or beside it in a checkout."""
    inside = resources.files("sim") / "scenarios"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "scenarios"


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name or os.sep in name


def _read_path(path: str) -> tuple[str, str]:
    """Return the text of a file, and the path as its source. Raises UserError in one line."""
    source = path if path.isprintable() else repr(path)
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL or a lone surrogate in the path
        raise UserError(f"{source}: cannot be read: {error}") from None
    if len(content) > LIMIT:
        raise UserError(f"{source}: larger than {LIMIT} bytes, the most that is read")
    return _text(content, source), source


def _text(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{source}:{line}: not UTF-8: {error.reason}") from None
