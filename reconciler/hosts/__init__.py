"""Hosts: what they are (facts, one script a host), what they must be (playbooks), and what changes them.

Asking and changing are two types, `HostReader` and `HostWriter`. Judging is pure: `unmet` compares facts that somebody
gathered with requirements that somebody loaded.
"""

from reconciler.clients.packaged import playbooks_folder
from reconciler.hosts.checklist import checklist_text
from reconciler.hosts.diagnosis import diagnose
from reconciler.hosts.fix import HostWriter
from reconciler.hosts.playbook import Playbook, load, load_for, shipped
from reconciler.hosts.probe import HostReader, arguments, ask, probe
from reconciler.hosts.requirement import Change, Requirement
from reconciler.hosts.requirements import Finding, advice, judge, unmet

__all__ = [
    "Change",
    "Finding",
    "HostReader",
    "HostWriter",
    "Playbook",
    "Requirement",
    "advice",
    "arguments",
    "ask",
    "checklist_text",
    "diagnose",
    "judge",
    "load",
    "load_for",
    "playbooks_folder",
    "probe",
    "shipped",
    "unmet",
]
