"""Readers of foreign text, with text that is broken on purpose: each gives a value or an expected error, whatever it
reads.

`targets.py` has one function for each reader, `mutate.py` breaks its samples. What once ended in anything else is kept
in `cases/TARGET/`, and read in every test run. `python -m tests.fuzz TARGET [--count N] [--seed N]` looks for more.
"""
