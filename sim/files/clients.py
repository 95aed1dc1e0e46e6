"""Files that say what an application's clients do."""

from pathlib import Path

from sim.errors import UserError
from sim.files.load import check_as_it_is, parse
from sim.files.outside import content
from sim.model.appscript import Script
from sim.model.clientsfile import ClientsFile


def read_clients(path: str) -> list[Script]:
    """Return a script for each client in a TOML file.

    Raises UserError with one line for each fault, naming the file, the line and the key.
    """
    try:
        text = content(Path(path)).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is not UTF-8") from None
    found = check_as_it_is(ClientsFile, parse(text, path), path, text)
    return [row.script() for row in found.clients]
