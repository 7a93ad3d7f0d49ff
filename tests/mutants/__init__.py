"""A mutation run: does a test fail when the code is changed a little? By hand; see `__main__`."""
