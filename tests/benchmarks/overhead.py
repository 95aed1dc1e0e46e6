"""What each guard costs per message on this machine: `python -m tests.benchmarks.overhead`.

Figures of another machine: the checks cost 50 to 270 ns, wait_for's task on
Python 3.11 some 12 microseconds more than a timeout in place.
"""

import platform

from sim.live.overhead import guard_costs


def main() -> None:
    """Print a table."""
    found = guard_costs(messages=5000, repeats=15)
    print(f"Python {platform.python_version()}, {found[0].repeats} x {found[0].messages} messages")
    print(f"{'guard':12} {'ns per message':>15} {'fastest':>9} {'slowest':>9} {'extra':>9}")
    for one in found:
        print(
            f"{one.guard:12} {one.ns:15,.0f} {one.low:9,.0f} {one.high:9,.0f} {one.extra_ns:9,.0f}"
        )


if __name__ == "__main__":
    main()
