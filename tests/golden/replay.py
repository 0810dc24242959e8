"""Replays a golden log in a process of its own and prints what each entry came to; for other hash seeds."""

import sys
from pathlib import Path

from tests.golden.record import read, steps_of, written


def main() -> None:
    """Print the file anew, from its entries alone."""
    path = Path(sys.argv[1])
    title = path.read_text().partition("\n")[0].removeprefix("# ")
    sys.stdout.write(written(steps_of(step.entry for step in read(path)), title))


if __name__ == "__main__":
    main()
