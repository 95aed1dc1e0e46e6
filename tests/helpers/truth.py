"""The cells of the truth: what five real stacks did, of the columns those that a `Cell` has.

3,878 cells, from 38,880 trials of real servers on loopback sockets. Nothing here is simulated.
"""

import gzip
from pathlib import Path

from sim.conformance.cells import Cell
from sim.files.strict_json import read

PATH = Path(__file__).parent.parent / "conformance" / "truth.jsonl.gz"


def _cells() -> tuple[Cell, ...]:
    lines = gzip.decompress(PATH.read_bytes()).splitlines()
    return tuple(Cell.model_validate(read(line)) for line in lines)


TRUTH = _cells()
