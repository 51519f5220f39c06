"""python -m crend_training"""

from .cli.app import main

main()
