"""`python -m sim` is `wsrace`."""

from sim.commands.cli import main

if __name__ == "__main__":
    main(prog_name="wsrace")
