"""python -m crend_training, and the command crend-training: being stopped is one line, even amid the imports of the command line."""

import sys

from .cli.stopping import stoppable


def _work() -> int:
    from .cli.app import run

    return run(sys.argv[1:])


def main() -> None:
    """Run the command line and exit; see `cli.app.main`."""
    sys.exit(stoppable(_work))


if __name__ == "__main__":
    main()
