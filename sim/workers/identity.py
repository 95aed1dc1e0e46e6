"""What results depend on besides the question: code, ours and somebody's own, libraries, Python."""

import hashlib
import platform
import sys
import sysconfig
from functools import cache
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
RUNS = (
    "entropy.py",
    "errors.py",
    "client",
    "kernel",
    "model",
    "network",
    "peer",
    "runs",
    "runtimes",
    "schedulers",
    "server",
    "sut",
)
"""What of this package a run is made by: another text of it may make another one."""
LIBRARIES = ("starlette", "trio", "trio-websocket", "wsproto")


@cache
def code_of(layers: tuple[str, ...]) -> str:
    """Return the digest of our code in some layers, and the versions of the libraries and Python.

    layers: files and folders of this package. What they make is compared and shared only between
    processes that return the same.
    """
    home = Path(__file__).resolve().parents[1]
    whole = hashlib.sha256()
    for layer in layers:
        for file in sorted((home / layer).rglob("*.py")) or [home / layer]:
            whole.update(f"{file.relative_to(home).as_posix()}\n".encode())
            whole.update(file.read_bytes())
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"wsrace {whole.hexdigest()[:16]}, {libraries}, {python}"


def own_code() -> str:
    """Return the digest of all modules that are nobody's library and are loaded.

    A guard of somebody's own may lean on any of them. What it imports only when it runs is not
    seen.
    """
    whole = hashlib.sha256()
    files = {
        name: file
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None)) and not _is_others(file)
    }
    for name, file in sorted(files.items()):
        whole.update(f"{name}\n".encode())
        try:
            whole.update(Path(file).read_bytes())
        except OSError:
            continue  # it is gone, or never was a file
    return whole.hexdigest()


@cache
def module_digest(module: str) -> str:
    """Return the digest of the file that a loaded module was loaded from; "" if there is none.

    As it was when it was asked for first: a file that is edited later is not what runs here.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except OSError:
        return ""


def _is_others(file: str) -> bool:
    """Whether a file is a library's, Python's own, or ours."""
    home = str(Path(__file__).resolve().parents[1])
    return file.startswith((*_LIBRARIES, home)) or "site-packages" in file
