"""All network code: `vbo` (the product's REST API), `ssh` and `winrm` (hosts), `http` (TLS, downloads, webhooks), mail.

Exceptions of the libraries become those of `model/errors.py`, with the original as the cause.
"""
