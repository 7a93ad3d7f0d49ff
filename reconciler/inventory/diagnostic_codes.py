"""Codes of what can be wrong with the text of an inventory, each with its short, constant summary.

The codes of the rules beyond the schema are in `reconciler.kinds.rules`.
"""

from __future__ import annotations

SUMMARIES = {
    "no-inventory": "No such inventory",
    "unreadable": "File cannot be read",
    "too-large": "File too large",
    "not-text": "Not plain UTF-8 text",
    "empty": "Nothing declared",
    "syntax": "Not valid YAML",
    "documents": "More than one document",
    "duplicate-key": "Duplicate key",
    "bad-key": "Key is not a plain scalar",
    "merge-key": "Merge key not supported",
    "alias": "Alias cannot be used",
    "tag": "Tag cannot be used",
    "nesting": "Nesting too deep",
    "too-long": "Key or value too long",
    "include": "Include cannot be resolved",
    "include-cycle": "Files include each other",
    "not-included": "File not included",
    "said-twice": "Declared in two files",
    "unknown-key": "Unknown key",
    "missing-key": "Required key missing",
    "wrong-type": "Wrong type",
    "wrong-value": "Value not allowed",
    "bad-name": "Name not allowed",
    "plain-secret": "Secret in plain text",
    "placeholder": "Unknown placeholder",
    "unused": "Without effect",
    "name-taken": "Name already taken",
    "missing-file": "File not found",
    "trust": "File of --trust not protected",
    "open-secret": "Secret file readable by others",
}
