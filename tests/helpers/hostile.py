"""A process of its own that reads hostile runs under an audit hook, and reports what they did.

    python -m tests.helpers.hostile FOLDER

FOLDER holds `tokens.json`, a list of tokens, and `NNNN.race.json`, files. Everything that the
interpreter is asked to do meanwhile is noted if it writes, executes, starts, deletes or imports.
The report goes to standard output as JSON: what came of each run, and what was noted.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from sim.errors import Divergence, UserError
from sim.files.recorded import Recorded
from sim.runs.keep import file_of, read_file, token_of
from sim.runs.play import play
from sim.runs.replay import replayed
from sim.runs.stage import Fidelity
from tests.runs.test_replay import one

FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.putenv", "os.unsetenv", "shutil.rmtree"),
    *("subprocess.Popen", "pickle.find_class", "socket.connect", "socket.bind", "import"),
    *("compile", "exec", "ctypes.dlopen", "marshal.loads", "code.__new__"),
)


class Watch:
    """Notes audit events while `on`."""

    def __init__(self) -> None:
        self.on = False
        self.noted: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and _writes(arguments):
            self.noted.append(f"open {arguments!r}")
        elif event in FORBIDDEN:
            self.noted.append(f"{event} {arguments!r}"[:300])


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return bool(set(mode or "") & set("wax+")) or bool(flags & writing)


def came_of(run: "str | Path") -> list[str]:
    """Return the kind of what came of a run, and what it said."""
    try:
        kept: str | Recorded = read_file(run) if isinstance(run, Path) else run
        done = replayed(kept)
    except UserError as error:
        return ["UserError", *error.faults]
    except Divergence as error:
        return ["Divergence", str(error)]
    return ["run", done.record.digest]


def main() -> None:
    """Read every run of the folder and print the report."""
    folder = Path(sys.argv[1])
    tokens: list[str] = json.loads((folder / "tokens.json").read_text())
    for runtime in ("asyncio-3.11", "any-order"):  # load whatever a run loads when it is needed
        for kept in (token_of(one(runtime=runtime)), file_of(one(runtime=runtime))):
            replayed(kept)
    came_of(token_of(play(one().scenario, fidelity=Fidelity.WIRE)))
    watch = Watch()
    runs: list[str | Path] = [*tokens, *sorted(folder.glob("*.race.json"))]
    watch.on = True
    found = [came_of(run) for run in runs]
    watch.on = False
    print(json.dumps({"found": found, "noted": watch.noted}))


if __name__ == "__main__":
    main()
