"""`python -m floorbroker` and the `floorbroker` command."""

import sys


def main() -> None:
    from floorbroker.cli.root import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
