"""How deep a document may be nested."""

_DEPTH = 32
"""It keeps every walk over a document away from the recursion limit."""
TOO_DEEP = "nested too deeply"


def too_deep(document: object) -> bool:
    """Whether a document of tables and lists is nested more deeply than is read."""
    level = [document]
    for _ in range(_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)
