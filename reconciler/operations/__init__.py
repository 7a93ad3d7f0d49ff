"""What each command does, as functions that a Python program can call: no command line, no printing.

Names are imported when they are first used, so that a command loads only what it needs.
"""
