"""Forms of rsyslog: records of `logging.handlers.SysLogHandler`, through a real rsyslogd."""

import logging
import logging.handlers
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.logs.forms.errors import Event
from tests.logs.forms.form import Form, Make, Says, log, which

_HUNG_S: Final = 60.0
_CONFIG: Final = """\
global(workDirectory="{folder}" parser.escapeControlCharactersOnReceive="{escape}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" UseSpecialParser="off" ParseHostname="on"
      IgnoreTimestamp="off")
action(type="omfile" file="{folder}/out" template="RSYSLOG_{template}")
if $msg contains "that is all" then action(type="omfile" file="{folder}/end")
"""
_TRADITIONAL: Final = (
    "%(asctime)s web1 shop[4711]: %(levelname)s:%(name)s:%(message)s",
    "%b %e %T",
)
_NEW: Final = (
    "1 %(asctime)s.125Z web1 shop 4711 - - %(levelname)s:%(name)s:%(message)s",
    "%Y-%m-%dT%H:%M:%S",
)


def _rsyslog(template: str, how: tuple[str, str], escape: bool = True) -> Make:
    """template: what rsyslog writes. how: what it is sent: the old form (RFC 3164), or the new one
    (RFC 5424). escape: whether it writes line ends as #012, as it does unless it is told not to.
    """

    def make(path: Path, events: Sequence[Event]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "conf")
            switch = "on" if escape else "off"
            config.write_text(_CONFIG.format(folder=folder, template=template, escape=switch))
            rsyslogd = which("rsyslogd") or ""
            command = [rsyslogd, "-n", "-f", str(config), "-i", f"{folder}/pid"]
            with subprocess.Popen(command) as process:
                try:
                    _wait_for(Path(folder, "log"))
                    _send(f"{folder}/log", events, logging.Formatter(*how))
                    _wait_for(Path(folder, "end"))
                finally:
                    process.terminate()
            lines = Path(folder, "out").read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(line for line in lines if b"that is all" not in line))

    return make


def _wait_for(path: Path) -> None:
    end = time.monotonic() + _HUNG_S
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"
        time.sleep(0.005)


def _send(address: str, events: Sequence[Event], formatter: logging.Formatter) -> None:
    def handler() -> logging.handlers.SysLogHandler:
        found = logging.handlers.SysLogHandler(address)
        found.append_nul = False
        return found

    log(handler(), events, formatter)
    log(handler(), [Event(events[-1].ns, "that is all")], formatter)


def _form(name: str, make: Make, says: Says = "time") -> Form:
    return Form(f"rsyslog {name}", make, says, programs=("rsyslogd",))


FORMS = (
    _form("traditional", _rsyslog("TraditionalFileFormat", _TRADITIONAL), "no year"),
    _form(
        "traditional not escaped", _rsyslog("TraditionalFileFormat", _TRADITIONAL, False), "no year"
    ),
    _form("default", _rsyslog("FileFormat", _NEW)),
    _form("RFC 5424", _rsyslog("SyslogProtocol23Format", _NEW)),
)
