"""What a host must be: requirements as data (playbooks), and which of them its facts do not meet.

Nothing here connects to a host; only playbooks are read from files. `observe.probe` gathers the facts, and
`apply.steps.hosts` runs the scripts that change a host.
"""

from reconciler.requirements.evaluation import UnmetRequirement, evaluate
from reconciler.requirements.playbook import NO_REQUIREMENTS, Playbook, load, load_for, without_own_scripts
from reconciler.requirements.requirement import Remedy, Requirement

__all__ = [
    "NO_REQUIREMENTS",
    "Playbook",
    "Remedy",
    "Requirement",
    "UnmetRequirement",
    "evaluate",
    "load",
    "load_for",
    "without_own_scripts",
]
