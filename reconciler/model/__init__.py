"""The nouns of the reconciler: frozen data, no I/O, no import of any other room.

One module a noun: `address`, `connection`, `diagnostic`, `errors`, `event`, `inventory`, `live`, `plan`, `position`,
`secret`, `value`. Callers import the module's names directly (`from reconciler.model.plan import Plan`).
"""
