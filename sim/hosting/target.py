"""The application of somebody's own: where it is, and which code is theirs."""

import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from sim.errors import UserError
from sim.objects import module_of

_STANDARD = sysconfig.get_path("stdlib") + os.sep
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_FRAMEWORKS = ("fastapi", "starlette", "quart", "litestar")
_HARNESS = str(Path(__file__).resolve().parents[1])


@dataclass(frozen=True)
class Target:
    """An ASGI application, imported.

    name: "MODULE:APP". found: the application, or what makes one. factory: whether it makes one.
    code: packages that are the user's besides the application's own.
    """

    name: str
    found: Any
    factory: bool = False
    code: tuple[str, ...] = ()
    app_dir: str = "."

    @property
    def module(self) -> str:
        """The module that the application comes from."""
        return self.name.partition(":")[0]

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Folders and files whose code is the user's."""
        return tuple(filter(None, map(_home, (_whole(self.module), *self.code))))

    def is_own(self, file: str) -> bool:
        """Whether a file is the user's: of their packages, or below --app-dir and no library."""
        if file.startswith(self.roots):
            return True
        if file.startswith("<") or file.startswith((*_LIBRARIES, _HARNESS)):
            return False
        return file.startswith(os.path.abspath(self.app_dir) + os.sep)

    def modules(self) -> dict[str, ModuleType]:
        """Return the modules that are the user's, by their names.

        Those of the application's package, and what they lead to: a program that happens to lie in
        the same folder is not the application's.
        """
        packages = (self.module.partition(".")[0], *self.code)
        todo = [name for name in sorted(sys.modules) if name.partition(".")[0] in packages]
        found: dict[str, ModuleType] = {}
        while todo:
            name = todo.pop()
            module = sys.modules.get(name)
            if name in found or not isinstance(module, ModuleType) or not self._has(module):
                continue
            found[name] = module
            for value in list(vars(module).values()):
                other = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
                todo += [other] if other not in found else []
        return dict(sorted(found.items()))

    def _has(self, module: ModuleType) -> bool:
        return self.is_own(getattr(module, "__file__", "") or "")

    def own_frame(self, frame: FrameType | None) -> FrameType | None:
        """Return the innermost frame of the user's on the way to one, None if there is none."""
        while frame is not None and not self.is_own(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def place(self, file: str, line: int) -> str:
        """Return "file:line" as people know it.

        Below --app-dir, or where packages or Python's own library lie, else by its whole name.
        """
        below = file.removeprefix(os.path.abspath(self.app_dir) + os.sep)
        if below == file:
            below = below.removeprefix(_STANDARD).rpartition(f"site-packages{os.sep}")[2]
        return f"{below}:{line}"


def _module_of(value: Any) -> str:
    """Return the module that something was defined in, "" if it does not say."""
    kind = value if isinstance(value, (type, FunctionType)) else type(value)
    name = getattr(kind, "__module__", "")
    return name if isinstance(name, str) else ""


def _whole(module: str) -> str:
    """Return the package that a module is of; an application of this tool's is no part of it."""
    package = module.partition(".")[0]
    return module if package == __name__.partition(".")[0] else package


def _home(package: str) -> str:
    """Return where a package or a module lies, "" if nobody knows."""
    module = sys.modules.get(package)
    file = getattr(module, "__file__", None)
    if not file:
        return ""
    return str(Path(file).parent) + os.sep if Path(file).name == "__init__.py" else file


def load(
    name: str, app_dir: str = ".", factory: bool = False, code: tuple[str, ...] = ()
) -> Target:
    """Import the application that a person named. Raises UserError if that cannot be.

    name: "MODULE:APP", as uvicorn takes it. app_dir: put on the path first.
    """
    module_name, colon, path = name.partition(":")
    if not module_name or not colon or not path:
        raise UserError(f"app {name!r}: expected MODULE:APP, for example my_app:app")
    home = os.path.abspath(app_dir)
    if not os.path.isdir(home):
        raise UserError(f"app-dir {app_dir!r}: no such folder")
    if home not in sys.path:
        sys.path.insert(0, home)
    module = _imported(name, module_name, home)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            raise UserError(f"app {name!r}: {module_name!r} has no {path!r}{_apps(module)}")
        found = getattr(found, part)
    target = Target(name, found, factory, code, app_dir)
    target.roots  # noqa: B018  # found out before anything runs
    if not callable(found):
        kind = type(found).__name__
        raise UserError(f"app {name!r}: expected an ASGI application, got {kind}{_apps(module)}")
    if not factory and _is_factory(found):
        raise UserError(f"app {name!r}: takes no scope; if it makes the application: --factory")
    return target


def _is_factory(found: Any) -> bool:
    """Whether something can only be called without arguments."""
    if not inspect.isfunction(found):
        return False
    return not inspect.signature(found).parameters


def _apps(module: ModuleType) -> str:
    """Return a hint at applications that a module has."""
    named = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and module_of(type(value)).partition(".")[0] in _FRAMEWORKS
        and callable(value)
        and not inspect.isclass(value)
        and hasattr(value, "router")
    ]
    return f"; it has: {', '.join(named)}" if named else ""


def _imported(name: str, module_name: str, home: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            path, _, attribute = name.partition(":")
            hint = "--app-dir says where it lies"
            if path.endswith(".py"):
                hint = f"a module is named without .py: {path.removesuffix('.py')}:{attribute}"
            raise UserError(
                f"app {name!r}: no module {error.name!r} in {home} or on the path; {hint}"
            ) from None
        raise UserError(f"app {name!r}: {_raised(error, home)}") from None
    except Exception as error:  # whatever somebody's module raises when it is imported
        raise UserError(f"app {name!r}: {_raised(error, home)}") from None
    except SystemExit as error:
        raise UserError(f"app {name!r}: ends the program when it is imported ({error})") from None


def _raised(error: BaseException, home: str) -> str:
    """Say what rose on import, where, and what helps."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.startswith((*_LIBRARIES, _HARNESS, "<"))]
    at = f" at {own[-1].filename.removeprefix(home + os.sep)}:{own[-1].lineno}" if own else ""
    text = str(error).partition("\n")[0]
    return f"raises {type(error).__name__}: {text}{at} when it is imported{_help(error)}"


def _help(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return "; a variable of the environment? --env-file sets them"
    if isinstance(error, OSError):
        return "; what connects on import belongs into the lifespan, or a fake in its place"
    return ""
