"""Situations that a search is to meet: a test that never gets there proves nothing.

To be called from the application, or from an invariant. Outside of runs it does nothing.
"""

from sim.aio.inside import running


def sometimes(name: str, condition: object = True) -> None:
    """Say that a search is to meet a situation, and whether this is it.

    name: what people call it. condition: whether it holds now. A check that has called it, and has
    met the situation in no run, is no answer.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"sometimes: name: expected a text, got {name!r}")
    world = running()
    if world is not None:
        world.situations[name] = world.situations.get(name, False) or bool(condition)
