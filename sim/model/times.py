"""Times that may differ from trial to trial: fixed, or drawn from a distribution."""

import math
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.entropy import SPAN, draws

Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of a scenario file: frozen, and with no keys but those it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Draw(Table):
    """A distribution: exactly one key, in the unit of the key that it stands for.

    uniform: [from, to). exponential: the mean. normal: [mean, standard deviation], cut at 0 (drawn
    again). list: one of these, each equally likely. grid: [from, to, count], one of `count` equally
    spaced values, both ends included.
    """

    uniform: tuple[NotNegative, NotNegative] | None = None
    exponential: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    normal: tuple[Finite, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = None
    list: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = None
    grid: tuple[NotNegative, NotNegative, Annotated[int, Field(ge=2)]] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = sorted(self.model_fields_set)
        if len(given) != 1:
            kinds = ", ".join(type(self).model_fields)
            raise ValueError(f"a draw has exactly one of {kinds}; got {', '.join(given) or 'none'}")
        if self.uniform is not None and self.uniform[0] > self.uniform[1]:
            raise ValueError(f"uniform: the first value must not exceed the second: {self.uniform}")
        if self.normal is not None and self.normal[0] < -3 * self.normal[1]:
            raise ValueError(f"normal: next to nothing lies above 0: {self.normal}")
        return self

    def value(self, *key: str | int) -> float:
        """Return the value that `key` draws; the same key always draws the same."""
        stream = draws("time", *key)

        def unit() -> float:
            return next(stream) / SPAN

        if self.uniform is not None:
            low, high = self.uniform
            return low + (high - low) * unit()
        if self.exponential is not None:
            return -self.exponential * math.log(1 - unit())
        if self.normal is not None:
            mean, deviation = self.normal
            while True:  # at least one in 740 lies above 0
                radius = math.sqrt(-2 * math.log(1 - unit()))
                value = mean + deviation * radius * math.cos(2 * math.pi * unit())
                if value >= 0:
                    return value
        if self.list is not None:
            return self.list[int(unit() * len(self.list))]
        assert self.grid is not None
        return self._on_grid(int(unit() * self.grid[2]))

    def values(self) -> tuple[float, ...] | None:
        """Return the values that it takes, each as likely as the others; None if it takes any."""
        return self.list if self.grid is None else tuple(map(self._on_grid, range(self.grid[2])))

    def _on_grid(self, index: int) -> float:
        assert self.grid is not None
        start, stop, count = self.grid
        return start + (stop - start) * index / (count - 1)


Time = NotNegative | Draw
"""A number, or a table that says how to draw one."""


def draw_number(time: "float | Draw", *key: str | int) -> float:
    """Return `time` as a number, drawn with `key` if it has to be."""
    return time.value(*key) if isinstance(time, Draw) else time


def require_number(time: Any) -> float:
    """Return a time that has been resolved. Raises TypeError for one that is still a draw."""
    if isinstance(time, Draw):
        raise TypeError(f"this time has not been drawn yet: {time!r}")
    return float(time)
