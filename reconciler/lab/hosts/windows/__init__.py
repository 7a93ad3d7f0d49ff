"""Windows hosts: a model of what the shipped scripts ask and change, behind WinRM.

No PowerShell runs here. A script is known by its text and answered by its twin in Python, which works on the
host's state; any other script is refused. `twins` must agree with `playbooks/windows/`: tests hold the two together.
"""
