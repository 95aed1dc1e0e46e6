"""What can be seen of objects from outside: whether a type keeps state where nobody can look."""

from itertools import takewhile

_POINTER = tuple.__itemsize__


def hides_something(kind: type, seen: tuple[type, ...] = ()) -> bool:
    """Whether instances are larger than their slots, their dict and a weak reference: state in C.

    seen: types whose contents are looked at in another way, and what they are built on.
    """
    built = takewhile(lambda one: one is not object and one not in seen, _bases_of(kind))
    return any(_adds_more(one) for one in built)


def module_of(kind: type) -> str:
    """Return the name of the module that a type says it is of, "" if it says none.

    A class may have anything there: those that C makes without a module in their name, for one,
    and whose instances have an attribute of that name, have a descriptor.
    """
    found = getattr(kind, "__module__", "")
    return found if isinstance(found, str) else ""


def slots_in(kind: type) -> tuple[str, ...]:
    """Return the slots that a class itself adds, without those for dict and weak references."""
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__weakref__", "__dict__"))


def _bases_of(kind: type) -> list[type]:
    """Return a type and what its instances are laid out after, up to `object`."""
    found: list[type] = []
    at: type | None = kind
    while at is not None:
        found.append(at)
        at = at.__base__
    return found


def _adds_more(kind: type) -> bool:
    """Whether a type makes instances larger than what Python says it adds."""
    base = kind.__base__
    if base is None:
        return False
    said = len(slots_in(kind)) + ("__dict__" in kind.__dict__) + ("__weakref__" in kind.__dict__)
    return kind.__basicsize__ - base.__basicsize__ > _POINTER * said
