"""The dashboard's modules and style sheets as one file each, put together when the server starts.

The sources stay plain ES modules that a browser could load one by one; forty requests in a row are
what makes a phone wait. A module becomes a function that is called once and gives its exports, in
the order of imports. Only what the sources use is understood: named imports and exports, each at
the beginning of a line.

>>> print(script_of({"a.js": "export const one = 1;", "b.js": 'import { one } from "./a.js";'}))
const $a_js = (() => {
const one = 1;
return { one };
})();
const { one } = $a_js;
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

__all__ = ["script_of", "styles_of"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)


def script_of(modules: Mapping[str, str]) -> str:
    """One module that does what the last in the order of imports does; paths to sources.

    Raises `ValueError` where modules import each other in a circle.
    """
    ordered = _in_order(modules)
    parts = [_as_function(path, modules[path]) for path in ordered[:-1]]
    return "\n".join([*parts, _with_imports(ordered[-1], modules[ordered[-1]])])


def styles_of(sheets: Mapping[str, str]) -> str:
    """The style sheets in the order of their names."""
    return "\n".join(sheets[path] for path in sorted(sheets))


def _in_order(modules: Mapping[str, str]) -> list[str]:
    """Paths with what is imported before what imports it."""
    ordered: list[str] = []
    waiting: list[str] = []

    def visit(path: str) -> None:
        if path in ordered:
            return
        if path in waiting:
            raise ValueError(f"{path} imports itself by way of {', '.join(waiting)}")
        waiting.append(path)
        for _, imported in _IMPORT.findall(modules[path]):
            visit(_resolved(path, imported))
        waiting.remove(path)
        ordered.append(path)

    for path in modules:
        visit(path)
    return ordered


def _as_function(path: str, source: str) -> str:
    exports = ", ".join(_EXPORT.findall(source))
    body = _EXPORT.sub("", _with_imports(path, source))
    return f"const {_name(path)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"


def _with_imports(path: str, source: str) -> str:
    """The source with its imports taken from the modules before it."""
    return _IMPORT.sub(
        lambda found: f"const {{{found[1]}}} = {_name(_resolved(path, found[2]))};", source
    )


def _resolved(path: str, imported: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), imported))


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path)
