"""Forms of the standard library's `logging`: its own, those of servers, and those of asyncio."""

import asyncio
import gc
import json
import logging
import logging.config
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.logs.forms.errors import Event, Kind, caught, trouble
from tests.logs.forms.form import Form, Make, Says, in_time, log


def formatted(formatter: Callable[[], logging.Formatter]) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        log(logging.FileHandler(path), events, formatter())

    return make


def _plain(name: str, text: str, date: str | None = None, says: Says = "time") -> Form:
    return Form(f"logging {name}", formatted(lambda: logging.Formatter(text, date)), says)


def configured(config: dict[str, Any], logger: str) -> Make:
    """Log with a configuration of `logging`, whose handlers write to a file instead."""

    def make(path: Path, events: Sequence[Event]) -> None:
        handlers = {
            name: {"class": "logging.FileHandler", "filename": str(path), "formatter": formatter}
            for name, formatter in (
                (key, one["formatter"]) for key, one in config["handlers"].items()
            )
        }
        logging.config.dictConfig(config | {"handlers": handlers})
        for event in in_time(events):
            if event.kind is None:
                logging.getLogger(logger).info(event.text)
            else:
                logging.getLogger(logger).error(event.text + "\n", exc_info=caught(event.kind))
        logging.shutdown()
        logging.getLogger(logger).handlers.clear()

    return make


def _uvicorn(colours: bool) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        from uvicorn.config import LOGGING_CONFIG

        config = json.loads(json.dumps(LOGGING_CONFIG))
        config["formatters"]["default"]["use_colors"] = colours
        configured(config, "uvicorn.error")(path, events)

    return make


def _uvicorn_as_json(path: Path, events: Sequence[Event]) -> None:
    from uvicorn.config import LOGGING_CONFIG

    config = json.loads(json.dumps(LOGGING_CONFIG))
    config["formatters"]["default"] = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
    }
    configured(config, "uvicorn.error")(path, events)


def _gunicorn(path: Path, events: Sequence[Event]) -> None:
    from gunicorn.glogging import CONFIG_DEFAULTS

    configured(CONFIG_DEFAULTS | {"root": {}}, "gunicorn.error")(path, events)


def _granian(path: Path, events: Sequence[Event]) -> None:
    from granian.log import LOGGING_CONFIG

    configured(LOGGING_CONFIG, "_granian")(path, events)


def _hypercorn(path: Path, events: Sequence[Event]) -> None:
    from hypercorn.config import Config
    from hypercorn.logging import Logger

    config = Config()
    config.errorlog = str(path)
    found = Logger(config).error_logger
    assert found is not None
    found.propagate = False
    (handler,) = found.handlers
    log(handler, events)


def _tasks(start: Callable[[asyncio.AbstractEventLoop, Kind], object]) -> Make:
    """What asyncio says of errors that nobody asked for."""

    def make(path: Path, events: Sequence[Event]) -> None:
        handler = logging.FileHandler(path)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger = logging.getLogger("asyncio")
        logger.addHandler(handler)
        loop = asyncio.new_event_loop()
        for event in in_time(events):
            if event.kind is not None:
                kept = start(loop, event.kind)
                loop.run_until_complete(asyncio.sleep(0))
                del kept
                gc.collect()
        loop.close()
        logger.removeHandler(handler)
        handler.close()

    return make


def _task(loop: asyncio.AbstractEventLoop, kind: Kind) -> object:
    return loop.create_task(trouble(kind))


def _future(loop: asyncio.AbstractEventLoop, kind: Kind) -> object:
    future: asyncio.Future[None] = loop.create_future()
    future.set_exception(caught(kind))
    return future


def _group(path: Path, events: Sequence[Event]) -> None:
    """Errors of handlers that run in a TaskGroup."""

    async def run(kind: Kind) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble(kind))

    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.Logger("app")
    logger.addHandler(handler)
    loop = asyncio.new_event_loop()
    for event in in_time(events):
        if event.kind is None:
            logger.info(event.text)
            continue
        try:
            loop.run_until_complete(run(event.kind))
        except ExceptionGroup:
            logger.exception(event.text)
    loop.close()
    handler.close()


_ISO = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s"
FORMS = (
    _plain("BASIC_FORMAT", logging.BASIC_FORMAT, says="no time"),
    _plain("time level name", "%(asctime)s %(levelname)s %(name)s: %(message)s"),
    _plain("dashes", "%(asctime)s - %(name)s - %(levelname)s - %(message)s"),
    _plain("airflow", "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"),
    _plain("ISO", _ISO, "%Y-%m-%dT%H:%M:%S"),
    _plain("ISO with zone", "%(asctime)s %(levelname)-8s %(message)s", "%Y-%m-%dT%H:%M:%S%z"),
    _plain("level first", "%(levelname)s %(asctime)s %(module)s %(process)d %(message)s"),
    _plain("celery", "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"),
    _plain("clock", "%(asctime)s %(levelname)s %(message)s", "%H:%M:%S", "no date"),
    Form("uvicorn plain", _uvicorn(False), "no time"),
    Form("uvicorn colour", _uvicorn(True), "no time"),
    Form("uvicorn JSON", _uvicorn_as_json, modules=("pythonjsonlogger",)),
    Form("gunicorn", _gunicorn, modules=("gunicorn",)),
    Form("hypercorn", _hypercorn, modules=("hypercorn",)),
    Form("granian", _granian, "no time", modules=("granian",)),
    Form("asyncio task", _tasks(_task), always="never-retrieved"),
    Form("asyncio future", _tasks(_future), always="never-retrieved"),
    Form("exception group", _group),
)
