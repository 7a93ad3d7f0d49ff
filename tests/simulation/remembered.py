"""Work of libraries that gives the same for the same, and that every storm repeats: it is done once."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx


def install() -> None:
    _urls()
    _cookies()
    _statements()
    _playbooks()
    _names()
    _inventories()


def _urls() -> None:
    from httpx import _urlparse, _urls

    parsed: Any = lru_cache(maxsize=20_000)(_urlparse.urlparse)
    modules: list[Any] = [_urlparse, _urls]
    for module in modules:
        module.urlparse = parsed


def _cookies() -> None:
    """An answer without cookies has none to be taken."""
    taken = httpx.Cookies.extract_cookies

    def extract(self: httpx.Cookies, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            taken(self, response)

    cookies: Any = httpx.Cookies
    cookies.extract_cookies = extract


def _statements() -> None:
    """Every apply opens the journal with an engine of its own. Their dialects are alike: what one has compiled serves
    all."""
    from sqlalchemy import util
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    from reconciler.journal import store

    compiled: Any = util.LRUCache(5000)
    module: Any = store
    create = module.create_engine

    def create_engine(*args: Any, **options: Any) -> Any:
        engine: Any = create(*args, **options)
        engine._compiled_cache = compiled
        return engine

    module.create_engine = create_engine
    dialect: Any = SQLiteDialect_pysqlite
    dialect.__hash__ = lambda self: 1
    dialect.__eq__ = lambda self, other: type(self) is type(other)


def _playbooks() -> None:
    """Every apply reads the shipped playbooks, and no storm changes them."""
    from reconciler.requirements import playbook

    module: Any = playbook
    load = module.load
    shipped = lru_cache(maxsize=1)(load)
    module.load = lambda folder, own=None: load(folder, own) if own else dict(shipped(folder))


def _names() -> None:
    """Packages whose names are imported when they are first used look for them each time."""
    for package in ("reconciler.operations", "reconciler.journal", "reconciler.plan"):
        module: Any = import_module(package)
        for name in module._LATER:
            setattr(module, name, getattr(module, name))


def _inventories() -> None:
    """What a file says is the same until it says something else. Nothing changes an inventory that was read."""
    from reconciler import inventory

    module: Any = inventory
    load = module.load
    last: dict[Path, tuple[bytes, Any, Any]] = {}

    def remembered(path: Path, **options: Any) -> Any:
        content = path.read_bytes()
        known, given, found = last.get(path, (b"", None, None))
        if known != content or given != options:
            found = load(path, **options)
            last[path] = (content, options, found)
        return found

    module.load = remembered
