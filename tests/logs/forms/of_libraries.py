"""Forms of logging libraries and of formatters from PyPI."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.logs.forms.errors import Event, caught
from tests.logs.forms.form import Form, Make, Says, in_time, log
from tests.logs.forms.of_logging import formatted


def _structlog(*renderers: Callable[[Any], Any]) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        import structlog

        with path.open("w") as file:
            logger = structlog.wrap_logger(
                structlog.WriteLogger(file),
                processors=[
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso"),
                    *(renderer(structlog) for renderer in renderers),
                ],
            )
            for event in in_time(events):
                if event.kind is None:
                    logger.info(event.text)
                else:
                    logger.error(event.text, exc_info=caught(event.kind))

    return make


def _structlogs() -> tuple[Form, ...]:
    def console(formatter: str, colours: bool = False) -> Callable[[Any], Any]:
        return lambda it: it.dev.ConsoleRenderer(
            colors=colours, exception_formatter=getattr(it.dev, formatter)
        )

    forms = {
        "console": (console("plain_traceback"),),
        "console colour": (console("plain_traceback", True),),
        "console rich": (console("rich_traceback"),),
        "JSON": (lambda it: it.processors.format_exc_info, lambda it: it.processors.JSONRenderer()),
        "JSON dict_tracebacks": (
            lambda it: it.processors.dict_tracebacks,
            lambda it: it.processors.JSONRenderer(),
        ),
        "logfmt": (
            lambda it: it.processors.format_exc_info,
            lambda it: it.processors.LogfmtRenderer(),
        ),
    }
    return tuple(
        Form(
            f"structlog {name}",
            _structlog(*renderers),
            names_causes=name not in ("console rich", "JSON dict_tracebacks"),
            # Lines of code tell on what was called: one has none, one cuts them off.
            proves=name not in ("console rich", "JSON dict_tracebacks"),
            modules=("structlog",),
        )
        for name, renderers in forms.items()
    )


def _loguru(**how: Any) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        from loguru import logger

        logger.remove()
        number = logger.add(path, **how)
        for event in in_time(events):
            if event.kind is None:
                logger.info(event.text)
            else:
                logger.opt(exception=caught(event.kind)).error(event.text)
        logger.remove(number)

    return make


def _rich(width: int, says: Says = "time", **how: Any) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        from rich.console import Console
        from rich.logging import RichHandler

        with path.open("w") as file:
            log(RichHandler(console=Console(file=file, width=width), **how), events)

    return make


def _ecs() -> logging.Formatter:
    from ecs_logging import StdlibFormatter

    formatter: logging.Formatter = StdlibFormatter()
    return formatter


def _python_json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    formatter: logging.Formatter = JsonFormatter(
        "%(levelname)s %(name)s %(message)s", timestamp=True
    )
    return formatter


def _python_json_plain() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    formatter: logging.Formatter = JsonFormatter()
    return formatter


def _logfmter() -> logging.Formatter:
    from logfmter import Logfmter

    formatter: logging.Formatter = Logfmter(
        keys=["time", "level", "logger"], mapping=_LOGFMTER, datefmt="%Y-%m-%dT%H:%M:%S"
    )
    return formatter


_LOGFMTER = {"time": "asctime", "level": "levelname", "logger": "name"}


def _logfmter_plain() -> logging.Formatter:
    from logfmter import Logfmter

    formatter: logging.Formatter = Logfmter()
    return formatter


def google(path: Path, events: Sequence[Event]) -> None:
    import google.cloud.logging_v2 as google
    from google.cloud.logging_v2.handlers import StructuredLogHandler

    google._instrumentation_emitted = True  # else it tells of itself first
    with path.open("w") as file:
        handler: Any = StructuredLogHandler
        log(handler(stream=file, project_id="shop"), events)


GOOGLE = ("google.cloud.logging_v2",)
FORMS = (
    *_structlogs(),
    Form("loguru", _loguru(diagnose=True), modules=("loguru",)),
    Form("loguru without diagnose", _loguru(diagnose=False, backtrace=False), modules=("loguru",)),
    Form("loguru colour", _loguru(colorize=True), modules=("loguru",)),
    Form("loguru serialized", _loguru(serialize=True), modules=("loguru",)),
    Form("rich wide", _rich(200), "no date", modules=("rich",)),
    Form("rich narrow", _rich(80), "no date", modules=("rich",)),
    *(
        Form(
            f"rich tracebacks {name}",
            _rich(width, rich_tracebacks=True),
            "no date",  # "03/01/26": which of these is the day depends on the locale
            names_causes=False,
            proves=width > 80,  # else lines of code are cut off, and with them who was called
            modules=("rich",),
        )
        for name, width in (("wide", 200), ("narrow", 80))
    ),
    Form("rich ISO", _rich(200, log_time_format="[%Y-%m-%d %H:%M:%S]"), modules=("rich",)),
    Form("rich clock", _rich(200, log_time_format="[%X]"), "no date", modules=("rich",)),
    Form("python-json-logger", formatted(_python_json), modules=("pythonjsonlogger",)),
    Form(
        "python-json-logger plain",
        formatted(_python_json_plain),
        *("no time", "none"),
        modules=("pythonjsonlogger",),
    ),
    Form(
        "ecs-logging",
        formatted(_ecs),
        proves=False,
        names_causes=False,
        modules=("ecs_logging",),
    ),
    Form("logfmter", formatted(_logfmter), modules=("logfmter",)),
    Form("logfmter plain", formatted(_logfmter_plain), "no time", modules=("logfmter",)),
    Form("google-cloud-logging", google, "no time", modules=GOOGLE),
)
