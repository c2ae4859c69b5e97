"""The report's numbers and codes in words that an analyst reads at a glance."""

from __future__ import annotations

from calendar import month_name
from typing import Any

from forecasting import drift, flags

__all__ = [
    "REASONS",
    "alert_words",
    "came_true",
    "gate_words",
    "helped_words",
    "month_words",
    "number",
    "percent",
    "reason_words",
    "verdict",
    "verdict_words",
]

REASONS = {
    "short_history": "too few months for the engine; earlier launches, or a rule, served",
    "engine_failed": "the engine failed on the series; a rule served",
    "bad_output": "the engine's numbers were not sound; a rule served",
    "worker_died": "the process died on the series; a rule served",
    "beyond_budget": "not among the best sellers that the engine was given",
    "never_sold": "not sold yet; what earlier launches sold, by the chance that it sells",
    "retired": "not sold or listed for a year; forecast zero",
    "no_history": "no month before the cutoff; forecast zero",
    "dormant": "silent for so long that it has more likely ended; forecast zero",
    "all_zero": "nothing sold in the months known; forecast zero",
    "constant": "the same number sold every month; it is repeated",
    "many_zeros": "nothing sold in most months; their mean served",
    "gaps": "months missing in the history were filled between their neighbours",
    "raced": "models raced, and the best of them served together",
    "unbeaten": "no model beat seasonal naive, so that it served",
    **flags.RULES,
}


def reason_words(code: str) -> str:
    """What a reason code means; the code itself where it speaks for itself."""
    return REASONS.get(code, code.replace("_", " "))


def alert_words(alert: dict[str, Any]) -> str:
    """An alert in a sentence, with its rule."""
    store = f"{alert['merchant_id']} / {alert['store_id']}"
    found, expected = number(alert["found"]), number(alert["expected"])
    return f"{store}: {drift.RULES[alert['code']]} (found {found}, expected {expected})"


def gate_words(state: dict[str, Any]) -> str:
    """Who serves, by the state of the gate.

    >>> gate_words({"stage": "canary", "serving": "arima", "candidate": "ensemble", "share": 0.1})
    'Ensemble is tried on 10.0 % of series beside arima'
    >>> gate_words({"stage": "refused", "serving": "arima version 1", "held": True,
    ...     "candidate": "arima version 2"})
    'Arima version 2 was refused: its runs are held, and the last of arima version 1 is served'
    """
    serving, candidate = state["serving"], _opening(state["candidate"])
    if state.get("held"):
        what = "refused" if state["stage"] == "refused" else "taken back"
        return f"{candidate} was {what}: its runs are held, and the last of {serving} is served"
    return {
        "serving": f"{_opening(serving)} serves",
        "canary": f"{candidate} is tried on {percent(state['share'])} of series beside {serving}",
        "refused": f"{candidate} was refused, and {serving} serves",
        "returned": f"{candidate} was taken back, and {serving} serves",
    }[state["stage"]]


def verdict(facts: dict[str, Any]) -> str:
    """The month in three short sentences."""
    now = facts["headline"]
    if not now["rows"]:
        return "No earlier run predicted this month, so there is nothing to score yet."
    sentences = [
        f"{_ahead(now['horizon'])}, forecasts missed by {percent(now['wape'])} of what was sold; "
        f"the rule (seasonal naive) missed by {percent(now['wape_naive'])}.",
        f"{_side(now['bias'])}",
        f"80 % intervals held {percent(now['coverage80'])}, "
        f"95 % intervals {percent(now['coverage95'])}.",
    ]
    return " ".join(sentences)


def verdict_words(verdict: str | None) -> str:
    """What a merchant said of a forecast."""
    return {"too_high": "too high", "too_low": "too low"}.get(verdict or "", "looks wrong")


def came_true(said: dict[str, Any]) -> str:
    """Whether what a merchant said of a forecast was so, by what was sold.

    >>> came_true({"verdict": "too_low", "promised": 10.0, "sold": 14})
    'so'
    """
    promised, sold = said.get("promised"), said.get("sold")
    if promised is None or sold is None or said.get("verdict") not in ("too_high", "too_low"):
        return "–"
    return "so" if (promised > sold) == (said["verdict"] == "too_high") else "not so"


def helped_words(own: dict[str, Any]) -> str:
    """Whether a merchant's own numbers helped, in units.

    >>> helped_words({"missed_by_merchant": 4.0, "missed_by_model": 10.0})
    'helped, by 6 units'
    """
    saved = own["missed_by_model"] - own["missed_by_merchant"]
    if abs(saved) < 0.5:
        return "neither helped nor hurt"
    return f"{'helped' if saved > 0 else 'hurt'}, by {number(abs(saved))} units"


def percent(share: float | None) -> str:
    """A share as a percentage.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '–')
    """
    return "–" if share is None else f"{100 * share:.1f} %"


def number(value: float | None) -> str:
    """A number with as many digits as it needs.

    >>> number(1234567.0), number(0.123), number(None)
    ('1,234,567', '0.12', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")


def month_words(month: str) -> str:
    """A month as people write it.

    >>> month_words("2026-10")
    'October 2026'
    """
    return f"{month_name[int(month[5:])]} {month[:4]}"


def _opening(text: str) -> str:
    """The text as a sentence opens with it."""
    return text[:1].upper() + text[1:]


def _ahead(horizon: int) -> str:
    return "A month ahead" if horizon == 1 else f"{horizon} months ahead"


def _side(bias: float | None) -> str:
    if bias is None or abs(bias) < 0.005:
        return "Neither too much nor too little was forecast."
    return f"In all, {percent(abs(bias))} too {'much' if bias > 0 else 'little'} was forecast."
