"""The command line. It measures durations, prints, and turns errors into exit statuses.

0  done, and what the scenario expects holds      2  bad input: one line per fault, nothing written
1  an expectation is broken                       3  stopped before the end; finished parts are kept
"""

import json
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sim import __version__
from sim.commands.terminal import (
    BROKEN,
    duration,
    errors_as_statuses,
    import_from_here,
    milliseconds,
)
from sim.errors import UserError
from sim.model.app import SERVERS
from sim.model.appscript import FORMS
from sim.model.plain import find_nearest
from sim.model.properties import PROPERTIES
from sim.report.trace.formats import FORMATS, formats_in_words
from sim.schedulers.strategies import APP_STRATEGIES, STRATEGIES

_PROMISES = click.option(
    "--invariant",
    "promises",
    multiple=True,
    metavar="MODULE:FUNCTION",
    help="Allow what must hold, always or at the end, to be imported.",
)


def _reads_logs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told how to read logs, and what to show of them."""
    options = (
        ("--date", "day", "DATE", "The day of times in the log that say none."),
        ("--year", "year", "YEAR", "The year of times in the log that say none."),
        ("--zone", "zone", "ZONE", "The zone of times without one.  [default: UTC]"),
    )
    command = click.option(
        "--raw", is_flag=True, help="Show examples with addresses, tokens, cookies and e-mail."
    )(command)
    for option, name, metavar, text in reversed(options):
        command = click.option(option, name, default="", metavar=metavar, help=text)(command)
    return command


class _Group(click.Group):
    """Suggests the command that may have been meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = find_nearest(args[0], self.commands) if args else ""
            hint = f" Did you mean {near!r}?" if near and near not in error.message else ""
            raise click.UsageError(error.message + hint, ctx) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsrace")
def main() -> None:
    """Reproduce, explore and explain the race of issue #1061, deterministically."""


def time_option(name: str, about: str) -> Callable[..., Any]:
    """Return an option that takes a time, in milliseconds or with a unit."""
    key = f"{name.removeprefix('--').replace('-', '_')}_ms"
    return click.option(name, key, metavar="TIME", callback=milliseconds, help=about)


def steps_of_clients() -> str:
    """Return what a script of a client is made of, for the end of a help text."""
    width = max(len(form) for form, _ in FORMS.values()) + 2
    rows = [f"  {form:{width}}{about}" for form, about in FORMS.values()]
    opening = "A SCRIPT is: [PATH] [header:NAME=VALUE]... [subprotocol:NAME]... STEP, STEP, ..."
    file = "An @FILE has a table [[clients]] for each: `wsrace schema clients`."
    return "\n".join(["\b", opening, "Steps:", *rows, file])


def setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is run."""
    for option in (
        click.option(
            "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a scenario key."
        ),
        click.option("--guard", "guards", multiple=True, metavar="G", help="Only these guards."),
        click.option("--seed", type=int, default=0, show_default=True, help="Where chance begins."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout."),
    ):
        command = option(command)
    return command


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which cluster to use."""
    about = {
        "--dask": ("ADDRESS", "Run on the workers of this Dask scheduler, tcp:// or tls://."),
        "--dask-ca": ("FILE", "Who vouches for the scheduler, as PEM."),
        "--dask-cert": ("FILE", "The certificate to show it."),
        "--dask-key": ("FILE", "The key of that."),
    }
    for name, (what, words) in reversed(about.items()):
        command = click.option(name, metavar=what, help=words)(command)
    return command


@main.command()
@click.argument("scenario", default="issue-1061")
@setting_options
@click.option(
    "--exact",
    is_flag=True,
    help="Compute the rates instead of sampling them; with --runs, beside the trials.",
)
@click.option("--runs", type=click.IntRange(1), help="Trials per cell.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one per core]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results and plots.  [default: wsrace-SCENARIO]",
)
@click.option("--resume", is_flag=True, help="Refuse to begin: the folder must hold a part of it.")
@click.option("--anew", is_flag=True, help="Forget what the folder holds, and begin.")
@cluster_options
def reproduce(
    scenario: str,
    settings: tuple[str, ...],
    guards: tuple[str, ...],
    seed: int,
    as_json: bool,
    exact: bool,
    runs: int | None,
    workers: int | None,
    out: Path | None,
    resume: bool,
    anew: bool,
    **cluster: str | None,
) -> None:
    """Show how often runs of SCENARIO fail, for every guard, with intervals and plots.

    SCENARIO is a name from `wsrace list` or a TOML file. With --exact the rates are computed, where
    a first-in-first-out runtime and one drawn time allow it. What the folder holds of the same
    question already, asked of the same code, is not run again.
    """
    from sim.commands.reproduce import Request, cluster_of, run

    import_from_here(guards)
    with errors_as_statuses(_again, keeps=not as_json or out is not None):
        there = cluster_of(**cluster)
        task = (scenario, tuple(settings), tuple(guards), runs, seed)
        request = Request(*task, workers, out, resume, as_json, exact, anew, there)
        sys.exit(run(request, time.perf_counter))


@main.command()
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one per core]")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--runs", type=click.IntRange(1), default=150, show_default=True, help="Per cell.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def bench(workers: int | None, rounds: int, runs: int, as_json: bool) -> None:
    """Measure how fast sweeps are here, against references in the same run."""
    from sim.commands.bench import run
    from sim.workers.seam import cores

    with errors_as_statuses(keeps=False):
        sys.exit(run(workers or cores(), rounds, runs, as_json))


@main.command(name="show")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for plots of what is there.",
)
@click.option(
    "--rows",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Every trial as a row, to a file that ends with .csv or .parquet.",
)
def show_results(source: Path, as_json: bool, plots: Path | None, rows: Path | None) -> None:
    """Show how far the sweeps of a results file are, and what they say so far.

    FILE is a results.sqlite, or the folder that `wsrace reproduce` writes, which may be at it.
    """
    from sim.commands.show import Request, run

    with errors_as_statuses():
        sys.exit(run(Request(source, as_json, plots, rows)))


@main.command()
@click.argument("scenario")
@setting_options
@click.option(
    "--strategy",
    type=click.Choice([*STRATEGIES]),
    default="dpor",
    show_default=True,
    help="; ".join(f"{name}: {way.summary}" for name, way in STRATEGIES.items()) + ".",
)
@click.option(
    "--times",
    type=click.Choice(["fixed", "all"]),
    help="The scenario's times, or all.  [default: all if times are drawn and not listed]",
)
@click.option(
    "--property",
    "prop",
    type=click.Choice([*PROPERTIES]),
    default="no-error",
    show_default=True,
    help="What must hold in every run.",
)
@click.option(
    "--bound",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Preemptions, delays, or the depth for pct.",
)
@click.option(
    "--max-schedules",
    type=click.IntRange(1),
    help="Give up after so many for each guard; 6,000 unless --count or --for is given.",
)
@click.option(
    "--for",
    "seconds",
    callback=duration,
    metavar="TIME",
    help="Search for so long in all, such as 90s, 10m or 2h, and say how far it came.",
)
@click.option(
    "--count", is_flag=True, help="Look at every class, also where it is known that some fail."
)
@click.option(
    "--handler",
    "handlers",
    multiple=True,
    metavar="MODULE:NAME",
    help="A handler of your own instead of ours, an async function of the WebSocket on Trio.",
)
@click.option("--factory", is_flag=True, help="The handlers' names stand for what makes them.")
@click.option(
    "--fidelity",
    type=click.Choice(["asgi", "wire"]),
    default="asgi",
    show_default=True,
    help="Whole frames, or trio-websocket's bytes on both ends (never complete).",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes: guards side by side; with --count, or all schedules, parts of each.",
)
@cluster_options
@click.option("--anew", is_flag=True, help="Forget what the folder holds of it, and begin.")
@click.option("--audit", is_flag=True, help="Swap independent steps and see that nothing changes.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a .race.json file of each counterexample, and for what was looked at: a "
    "search in parts goes on from there.",
)
def explore(
    scenario: str,
    settings: tuple[str, ...],
    guards: tuple[str, ...],
    times: str | None,
    handlers: tuple[str, ...],
    factory: bool,
    fidelity: str,
    audit: bool,
    out: Path | None,
    as_json: bool,
    seconds: float | None,
    workers: int,
    anew: bool,
    dask: str | None,
    dask_ca: str | None,
    dask_cert: str | None,
    dask_key: str | None,
    **asked: Any,
) -> None:
    """Give each guard a verdict over the schedules of SCENARIO, with a counterexample.

    race-free: complete, every class of schedules was looked at. racy: some fail, with the smallest
    failing run that was found. fails in every schedule: complete, and it is no race. inconclusive:
    no answer, with what stood in the way and the virtual time up to which every class was looked
    at. Ctrl-C keeps what was found. SCENARIO is a name from `wsrace list` or a TOML file.
    """
    from sim.commands.explore import Request, run
    from sim.commands.reproduce import cluster_of

    import_from_here((*guards, *handlers))
    with errors_as_statuses(_again):
        there = cluster_of(dask, dask_ca, dask_cert, dask_key)
        code = (handlers, factory, fidelity, seconds, workers, there, anew)
        request = Request(scenario, settings, guards, times, asked, audit, out, as_json, *code)
        sys.exit(run(request, time.perf_counter))


@main.command(epilog=steps_of_clients())
@click.argument("target", metavar="MODULE:APP")
@click.option("--path", metavar="PATH", help="What clients ask for.  [default: the only route]")
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="SCRIPT",
    help="What a client does, for example 'send:hi, wait, close', or @FILE; once for each client. "
    "[default: four ways in which a connection ends]",
)
@click.option("--message", metavar="TEXT", help="What made-up clients send.  [default: {}]")
@click.option(
    "--server",
    type=click.Choice(SERVERS),
    help="uvicorn's class for WebSockets.  [default: what uvicorn takes here]",
)
@click.option("--app-dir", default=".", show_default=True, metavar="FOLDER", help="Where it lies.")
@click.option("--factory", is_flag=True, help="MODULE:APP makes the application.")
@click.option("--env-file", metavar="FILE", help="Environment variables, set before the import.")
@click.option("--lifespan", type=click.Choice(["auto", "on", "off"]), default="auto")
@click.option("--root-path", default="", metavar="PATH", help="As uvicorn's.")
@click.option("--loop", default="asyncio", metavar="NAME", help="Only asyncio can be simulated.")
@click.option("--code", multiple=True, metavar="PACKAGE", help="A package that is yours, too.")
@click.option("--late", type=click.IntRange(0, 1000), help="Turns that may find the clock late.")
@click.option(
    "--stall",
    "stall_ms",
    metavar="TIME",
    callback=milliseconds,
    help="By how much, for example 100ms.",
)
@click.option(
    "--grain",
    "grain_ms",
    metavar="TIME",
    callback=milliseconds,
    help="How late waits end at any time.",
)
@click.option(
    "--latency",
    "latency_ms",
    metavar="TIME",
    callback=milliseconds,
    help="How long bytes may take.",
)
@click.option(
    "--until", "until_ms", metavar="TIME", callback=milliseconds, help="After a client's last act."
)
@click.option(
    "--gone",
    "gone_ms",
    metavar="TIME",
    callback=milliseconds,
    help="After the last client has left.",
)
@click.option("--partial", type=click.IntRange(0, 1000), help="Sends that may take only a part.")
@click.option(
    "--split", "splits", type=click.IntRange(0, 1000), help="Frames that may come in two halves."
)
@click.option(
    "--from",
    "start",
    type=click.Choice(["request", "open"]),
    help="From where on what happens is a choice.",
)
@time_option("--shutdown-at", "Tell the server to stop then.")
@time_option("--grace", "How long it may take to stop.  [default: 10s]")
@click.option("--pings", is_flag=True, help="Let the server send pings of its own.")
@click.option("--fail-on", multiple=True, metavar="FINDING", help="A finding that is a failure.")
@click.option("--allow", multiple=True, metavar="FINDING", help="A finding that is none.")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to look.",
)
@click.option(
    "--strategy",
    type=click.Choice(APP_STRATEGIES),
    default=APP_STRATEGIES[0],
    show_default=True,
    help="states: every state, from each of which is gone on once; exhaustive: every schedule; the "
    "others look at some, and prove nothing.",
)
@click.option("--max-schedules", type=click.IntRange(1), help="Runs for each case, at most.")
@click.option("--seed", default=0, show_default=True, help="Where chance begins.")
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="MODULE:FUNCTION",
    help="What must hold after every turn of the loop.",
)
@click.option(
    "--at-end", multiple=True, metavar="MODULE:FUNCTION", help="What must hold when a run is over."
)
@click.option(
    "--sometimes", multiple=True, metavar="NAME", help="A situation that must be met in a run."
)
@click.option(
    "--cache",
    default=".wsrace",
    show_default=True,
    envvar="WSRACE_CACHE",
    metavar="FOLDER",
    help="Keep failing schedules there and try them first the next time; none for not.",
)
@click.option("--no-loss", is_flag=True, help="A message that is lost is a failure.")
@click.option(
    "--confirm",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Execute each failure so often on the real kernel.",
)
@click.option("--audit", is_flag=True, help="See that what follows from equal states is equal.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write the document and a file for each failure.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def check(target: str, **asked: Any) -> None:
    """Run your own ASGI application under every schedule that a kernel could produce.

    The application runs unmodified on asyncio and uvicorn; sockets, clock and selector are
    simulated. Exit status 0: race-free within the bounds that are printed; 1: a failure; 2: bad
    input; 3: no answer.
    """
    with errors_as_statuses(_again):
        sys.exit(_run_check(target, asked))


@main.command()
@click.argument("run", metavar="TOKEN|FILE")
@click.option("--guard", metavar="MODULE:NAME", help="Allow the run's own guard to be imported.")
@click.option(
    "--handler", metavar="MODULE:NAME", help="Allow the run's own handler to be imported."
)
@click.option("--app", metavar="MODULE:APP", help="Allow the run's application to be imported.")
@_PROMISES
@click.option("--app-dir", metavar="FOLDER", help="Where it lies.  [default: as it was recorded]")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help=formats_in_words(),
)
@click.option("--live", is_flag=True, help="Execute the run on a real server.")
@click.option(
    "--trials", type=click.IntRange(1, 1000), default=20, show_default=True, help="Live: how often."
)
def replay(
    run: str,
    guard: str | None,
    handler: str | None,
    app: str | None,
    promises: tuple[str, ...],
    app_dir: str | None,
    form: str,
    live: bool,
    trials: int,
) -> None:
    """Run a token, or a file NAME.race.json, again and show it.

    With --live its events are placed at the same probes of the same handler on a real server, or,
    with --app, an application's own is led through the same turns on the real kernel; exit status 1
    if it never ends like the run, 3 if it could never be placed.
    """
    with errors_as_statuses():
        from sim.commands.replay import run as run_again
        from sim.commands.replay import run_live
        from sim.runs.replay import Allowed

        import_from_here((guard, handler))
        if live:
            if form != "text":
                raise UserError("replay: --live tells what came of it; it has no --format")
            if handler is not None:
                raise UserError(
                    "replay: --live: handlers of your own on Trio run on no real server"
                )
            sys.exit(run_live(run, Allowed(guard, handler, app, app_dir, promises), trials))
        run_again(run, Allowed(guard, handler, app, app_dir, promises), form)


@main.command()
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Cells of real servers, as JSON Lines.",
)
@click.option("--live", is_flag=True, help="Measure the servers installed here, now.")
@click.option("--stack", "stacks", multiple=True, metavar="S", help="Live: only these stacks.")
@click.option("--kind", "kinds", multiple=True, metavar="K", help="Live: only these kinds.")
@click.option(
    "--trials", type=click.IntRange(1, 1000), default=10, show_default=True, help="Live: per cell."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Live: keep the cells there; those that it holds already are not measured again.",
)
@click.option(
    "--bar",
    type=click.FloatRange(0, 1),
    default=0.985,
    show_default=True,
    help="The share of unmixed cells that must agree.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def conform(truth: Path | None, live: bool, bar: float, as_json: bool, **measuring: Any) -> None:
    """Hold the model against what real servers do.

    For every cell (one event at one place of the handler, on one stack) the model's outcome classes
    are compared with those that were seen. Exit status 1 below the bar.
    """
    with errors_as_statuses(_again):
        if live == (truth is not None):
            raise UserError("conform: give either --truth FILE or --live")
        if not live and (measuring["stacks"] or measuring["kinds"] or measuring["out"]):
            raise UserError("conform: --stack, --kind and --out go with --live")
        from sim.commands.conform import Request, run

        sys.exit(BROKEN if run(Request(truth, bar, as_json, **measuring)) else 0)


@main.command()
@click.argument("plan", required=False)
@click.option("--guard", metavar="G", help="Instead of the plan's guard.")
@click.option("--seed", type=int, help="Where chance begins.  [default: 0]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one per core]")
@click.option(
    "--log", "logs", multiple=True, metavar="FILE", help='Judge this real log; "-" for stdin.'
)
@click.option("--since", default="", metavar="TIME", help="Log: the time of the deployment.")
@_reads_logs
@click.option(
    "--ignore-unknown", is_flag=True, help="Let errors in the log that are not known be no concern."
)
@click.option(
    "--url", metavar="WS://HOST:PORT/PATH", help="Let clients visit this server; --log is its log."
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="SCRIPT",
    help="--url: what visitors do instead of the plan's, for example 'send:hi, wait, close', or "
    "@FILE; several come equally often.",
)
@click.option(
    "--for",
    "seconds",
    metavar="TIME",
    callback=duration,
    help="--url: at most for so long, such as 90s or 5min.  [default: as long as the plan]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000, min_open=True),
    help="--url: new connections in a second, at most.  [default: 20]",
)
@click.option("--allow-remote", is_flag=True, help="--url: also a host that is not this machine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def validate(plan: str | None, url: str | None, **asked: Any) -> None:
    """Run the checklist of PLAN against a simulated deployment, a real log or a running server.

    PLAN is a shipped plan or a TOML file; issue-1061, or strategy-1061 with --url, if none is
    named. With --url real clients play its visits against a server,
    and --log names the file to which it logs meanwhile. Exit status 0 for a go, 1 for a no-go, 3 if
    a log or a server gives no answer.
    """
    if url is not None:
        with errors_as_statuses(keeps=False):
            sys.exit(_validate_url(plan or "strategy-1061", url, **asked))
    with errors_as_statuses(_again):
        from sim.commands.validate import Request, run

        _refuse_without_url(asked)
        import_from_here((asked["guard"],))
        sys.exit(run(Request(plan or "issue-1061", **asked)))


def _validate_url(plan: str, url: str, **asked: Any) -> int:
    from sim.commands.validate_url import RATE, Request, run

    refused = {"guard": None, "workers": None, "since": ""}
    faults = [
        f"--{name}: not with --url, a server is what it is"
        for name, usual in refused.items()
        if asked.pop(name) != usual
    ]
    times = {"day": "date", "year": "year", "zone": "zone"}
    faults += [
        f"--{option}: not with --url, what is logged meanwhile is of now"
        for name, option in times.items()
        if asked.pop(name)
    ]
    if faults:
        raise UserError(*faults)
    asked["rate"] = asked["rate"] or RATE
    asked["seed"] = asked["seed"] or 0
    return run(Request(plan, url, **asked))


def _refuse_without_url(asked: dict[str, Any]) -> None:
    """Take out the options that go with --url. Raises UserError for each that was given."""
    names = {"clients": "--client", "seconds": "--for", "rate": "--rate"}
    names["allow_remote"] = "--allow-remote"
    given = [option for name, option in names.items() if asked.pop(name)]
    if given:
        raise UserError(*(f"{option}: goes with --url" for option in given))


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--since", default="", metavar="TIME", help="Only lines from this time on.")
@click.option("--until", default="", metavar="TIME", help="Only lines before this time.")
@_reads_logs
@click.option(
    "--ignore-unknown", is_flag=True, help="Let errors that are not known here be no concern."
)
@click.option(
    "--reproduce",
    type=click.Path(path_type=Path),
    metavar="OUT.py",
    help="Write tests that do what the log tells of: with --app of that application.",
)
@click.option("--app", default="", metavar="MODULE:APP", help="--reproduce: the application.")
@click.option("--app-dir", default="", metavar="FOLDER", help="--reproduce: where it lies.")
@click.option("--path", metavar="PATH", help="--reproduce: what clients ask for.")
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="SCRIPT",
    help="--reproduce: what a client does, for example 'send:hi, close'.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def logs(
    files: tuple[str, ...],
    reproduce: Path | None,
    app: str,
    app_dir: str,
    path: str | None,
    clients: tuple[str, ...],
    **asked: Any,
) -> None:
    """Find the records of the race in logs and say what they are consistent with.

    A record is a line with what belongs to it, such as a traceback; it counts once. FILE is text,
    JSON Lines or an export of Cloud Logging, also packed with gzip; "-" is standard input. Exit
    status 1 if there is a bad record, 3 for no answer: an error that is not known here, one without
    a time under --since or --until, or something that was not read. 0 only if there is none.
    """
    with errors_as_statuses():
        from sim.commands.logs import Request, run

        given = {"--app": app, "--app-dir": app_dir, "--path": path, "--client": clients}
        if reproduce is None and any(given.values()):
            names = [name for name, value in given.items() if value]
            raise UserError(*(f"{name}: goes with --reproduce" for name in names))
        if reproduce is not None:
            from sim.commands.logs import Reproduce

            import_from_here((app,))
            asked["reproduce"] = Reproduce(reproduce, app, path, clients, app_dir)
        sys.exit(run(Request(files, **asked)))


@main.command()
@click.argument("source", metavar="FOLDER|TOKEN|FILE")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Where the report goes.  [default: report.html]",
)
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="MODULE:NAME",
    help="Allow this guard to be imported.",
)
@click.option(
    "--handler",
    "handlers",
    multiple=True,
    metavar="MODULE:NAME",
    help="Allow this handler to be imported.",
)
@click.option("--app", metavar="MODULE:APP", help="Allow this application to be imported.")
@_PROMISES
@click.option("--app-dir", metavar="FOLDER", help="Where it lies.  [default: as it was recorded]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: one per core]")
def report(
    source: str,
    out: Path | None,
    guards: tuple[str, ...],
    handlers: tuple[str, ...],
    app: str | None,
    promises: tuple[str, ...],
    app_dir: str | None,
    workers: int | None,
) -> None:
    """Write one HTML file: words, tables, plots, and failing runs to step through.

    The source is a folder of `reproduce`, of `explore --out` or of `check --out`, what `explore
    --json` or `check --json` printed, a token, or a file NAME.race.json. The file needs no network,
    and the same source gives the same bytes. With -o - the page goes to standard output.
    """
    with errors_as_statuses():
        from sim.commands.report import Request, run

        import_from_here((*guards, *handlers))
        run(Request(source, out, (*guards, *handlers), workers, app, app_dir, promises))


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document to stdout.")
def list_(as_json: bool) -> None:
    """Show scenarios, modes, guards, injections, runtimes and server profiles."""
    with errors_as_statuses():
        from sim.commands.list import everything

        found = everything()
        if as_json:
            click.echo(json.dumps({"schema": "wsrace.list.1", "wsrace": __version__, **found}))
            return
        for heading, rows in found.items():
            click.echo(heading)
            width = max(map(len, rows))
            for name, about in rows.items():
                click.echo(f"  {name:{width}}  {about}".rstrip())


@main.command()
@click.argument("kind", type=click.Choice(["scenario", "clients"]), default="scenario")
def schema(kind: str) -> None:
    """Print the JSON Schema of scenario files, or of files with clients for `wsrace check`."""
    from sim.model.clientsfile import ClientsFile
    from sim.model.scenario import Scenario

    model = ClientsFile if kind == "clients" else Scenario
    click.echo(json.dumps(model.model_json_schema(), indent=2, sort_keys=True))


def _run_check(target: str, asked: dict[str, Any]) -> int:
    """Check an application; what the engine needs is loaded only here."""
    try:
        from sim.commands.check import BOUNDS, CASE, Asked, run
    except ImportError as error:
        raise UserError(f"check: {error}; pip install 'wsrace[app]'") from None
    bounds = {name: asked.pop(name) for name in BOUNDS}
    case = {name: asked.pop(name) for name in CASE}
    given = {name: value for name, value in bounds.items() if value is not None}
    out, as_json = asked.pop("out"), asked.pop("as_json")
    if asked.pop("no_loss"):
        asked["fail_on"] = (*asked["fail_on"], "lost")
    question = Asked(target, **asked, case=case, bounds=given)
    return run(question, out, as_json, time.perf_counter)


def _again() -> str:
    return shlex.join(["wsrace", *(one for one in sys.argv[1:] if one != "--anew")])
