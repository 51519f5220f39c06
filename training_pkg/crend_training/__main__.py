"""python -m crend_training"""

import sys

from .cli.stopping import stoppable


def _work() -> int:
    from .cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(stoppable(_work))
