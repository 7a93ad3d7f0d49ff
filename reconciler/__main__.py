"""`python -m reconciler`: the same as the command `vbo-reconcile`."""

from reconciler.cli import main

main()
