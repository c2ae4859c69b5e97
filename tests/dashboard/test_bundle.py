"""Modules put together into one script."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from api.dashboard.bundle import script_of, styles_of

MODULES = {
    "main.js": 'import { twice } from "./parts/twice.js";\nconsole.log(twice(21), typeof hidden);',
    "parts/twice.js": (
        'import {\n  add,\n  hidden,\n} from "../add.js";\n'
        "export function twice(n) {\n  return add(n, n) + hidden;\n}"
    ),
    "add.js": (
        "const more = 0;\nexport const add = (a, b) => a + b + more;\nexport const hidden = 0;"
    ),
}


def test_a_module_stands_behind_what_it_imports():
    script = script_of(MODULES)

    places = [script.index(name) for name in ("$add_js =", "$parts_twice_js =", "console.log")]
    assert places == sorted(places)
    assert "import" not in script and "export" not in script


@pytest.mark.skipif(shutil.which("node") is None, reason="Node runs the script, and is missing")
def test_the_script_does_what_the_modules_do_and_names_stay_apart(tmp_path):
    script = tmp_path / "all.mjs"
    script.write_text(script_of(MODULES), encoding="utf-8")
    told = subprocess.run(["node", script], capture_output=True, text=True, check=True)

    assert told.stdout == "42 undefined\n"


def test_a_circle_of_imports_is_refused():
    circle = {
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;',
        "b.js": 'import { a } from "./a.js";\nexport const b = 1;',
    }
    with pytest.raises(ValueError, match=r"a\.js imports itself by way of a\.js, b\.js"):
        script_of(circle)


def test_style_sheets_follow_the_order_of_their_names():
    assert styles_of({"2-b.css": "b {}", "1-a.css": "a {}"}) == "a {}\nb {}"
