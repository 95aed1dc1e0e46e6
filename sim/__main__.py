"""`python -m sim` is `wsrace`."""

from sim.cli import main

if __name__ == "__main__":
    main(prog_name="wsrace")
