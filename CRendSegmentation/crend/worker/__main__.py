"""python -m crend.worker"""

from .server import main

main()
