"""Three languages with the same words, and numbers as the merchant's country writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "api/dashboard/static"
LANGUAGES = ("en", "es", "pt")
WORDS = {
    code: json.loads((STATIC / f"words/{code}.json").read_text(encoding="utf-8"))
    for code in LANGUAGES
}
SCRIPTS = {path: path.read_text(encoding="utf-8") for path in (STATIC / "js").rglob("*.js")}


def texts(entry):
    return [entry] if isinstance(entry, str) else list(entry.values())


@pytest.mark.parametrize("code", ["es", "pt"])
def test_every_language_has_the_same_keys_and_blanks(code):
    assert WORDS[code].keys() == WORDS["en"].keys()
    for key, entry in WORDS["en"].items():
        assert type(WORDS[code][key]) is type(entry), key
        blanks = {frozenset(re.findall(r"\{\w+\}", text)) for text in texts(entry)}
        for text in texts(WORDS[code][key]):
            assert text.strip(), key
            assert frozenset(re.findall(r"\{\w+\}", text)) in blanks, key


def test_every_key_that_a_script_names_is_in_the_dictionaries():
    for path, script in SCRIPTS.items():
        for key in re.findall(r'\bt\(\s*"([\w.-]+)"', script):
            assert key in WORDS["en"], f"{path.name}: {key}"


def test_every_key_is_used_by_a_script():
    everything = "\n".join(SCRIPTS.values())
    families = set(re.findall(r"[`\"]([\w.-]+\.)\$\{", everything))
    for key in WORDS["en"]:
        said = f'"{key}"' in everything or any(key.startswith(family) for family in families)
        assert said, key


def test_every_reason_that_an_engine_gives_has_a_sentence():
    given = re.compile(r'f?"([a-z]+(?:_[a-z]+)*) [a-z_]+=\{?')
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "forecasting").rglob("*.py")]
    codes = {code for source in sources for code in given.findall(source)}
    codes = codes - {"none"} | {"raced", "unbeaten"}  # a donor; and two that a variable holds

    assert {"short_history", "retired"} <= codes
    worded = {key.split(".")[1] for key in WORDS["en"] if key.split(".")[0].endswith("reason")}
    assert codes - worded == set()


def test_every_model_that_can_serve_has_a_sentence():
    from forecasting.candidates import CANDIDATES
    from forecasting.engines import ENGINES

    for model in {*CANDIDATES, *ENGINES, "zero", "mean", "last", "launch"}:
        assert f"model.{model}" in WORDS["en"]


def test_every_method_of_days_has_a_sentence():
    from forecasting.daily.candidates import CANDIDATES
    from forecasting.daily.engines import DAILY_ENGINES

    for model in {*CANDIDATES, *DAILY_ENGINES, "zero"}:
        assert f"day-model.{model}" in WORDS["en"]


def test_every_state_and_end_of_a_refresh_has_words():
    from api.refresh.documents import STATES
    from api.refresh.words import _WORDS

    running = {"queued", "pulling", "training"}
    for code in running:
        assert f"refresh.{code}" in WORDS["en"]
    for code in {"done", *_WORDS} - {"", *running}:
        assert f"refresh.end.{code}" in WORDS["en"], code
    for state in {*STATES} - {"on_sale"}:
        assert f"days.state.{state}" in WORDS["en"]


def test_every_reason_for_attention_has_a_name_and_a_sentence():
    from api.attention import ATTENTION

    for code in ATTENTION:
        assert f"attention.{code}" in WORDS["en"]
        assert f"attention.{code}.name" in WORDS["en"]


def test_every_part_of_a_change_has_a_sentence():
    from api.changes import PARTS

    for part in PARTS:
        assert f"changes.{part}" in WORDS["en"]


@pytest.mark.parametrize(
    ("browser_language", "title"),
    [
        ("es-AR", "Tus próximas ventas"),
        ("pt-BR", "Suas próximas vendas"),
        ("en-GB", "Your sales ahead"),
        ("fr-FR", "Your sales ahead"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser(visitor, browser_language, title):
    page = visitor.arrive(language=browser_language)

    assert page.locator("h1").text_content() == title
    assert page.evaluate("document.documentElement.lang") == title_language(title)


def title_language(title):
    return {"Tus": "es", "Sua": "pt", "You": "en"}[title[:3]]


def test_the_language_is_switched_and_kept(visitor):
    page = visitor.arrive("/products")
    page.get_by_label("Language").select_option("pt")
    page.get_by_role("heading", name="Produtos").wait_for()
    expect(page).to_have_title("Produtos · Storecast")
    page.reload()

    page.get_by_role("heading", name="Produtos").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_numbers_and_money_are_written_as_the_country_does_whatever_the_language(visitor, served):
    totals = served.read("/v1/totals")
    shown = f"{round(totals['horizon_units']):,}".replace(",", ".")
    page = visitor.arrive()
    expect(page.locator(".figure").nth(1).locator("dd > strong")).to_have_text(f"{shown} units")
    page.get_by_label("Language").select_option("es")

    expect(page.locator(".figure").nth(1).locator("dd > strong")).to_have_text(f"{shown} unidades")
    assert page.locator(".money").first.text_content().startswith("$")


def test_a_brazilian_merchant_sees_reais(visitor):
    page = visitor.arrive(who="sol-e-mar", language="pt-BR")

    assert page.locator(".money").first.text_content().startswith("R$")
    assert "novembro de 2026" in page.locator(".figure").first.text_content()
