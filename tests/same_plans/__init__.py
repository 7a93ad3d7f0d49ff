"""Plans recorded before a change of the code and after it, and compared. By hand; see `__main__`."""
