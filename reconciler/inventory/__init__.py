"""From YAML text to an Inventory: positions, schema, defaults and groups, rules, and secrets by reference.

inventory, diagnostics = load(Path("inventories/demo.yml"))
"""

from reconciler.inventory.loading import load, name_in, name_said, names_in
from reconciler.inventory.schema import schema_path

__all__ = ["load", "name_in", "name_said", "names_in", "schema_path"]
