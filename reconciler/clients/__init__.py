"""Everything that talks to a network: `vbo` (the product's REST API) and `hosts` (SSH and WinRM).

Every exception of the libraries below is turned into one of `model/errors.py`, with the original as its cause.
"""
