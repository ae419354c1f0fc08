"""``python -m pysymude.cli``: the command line where the console script is not on the path."""

from pysymude.cli import main

main()
