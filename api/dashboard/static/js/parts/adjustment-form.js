/** One's own number for a month ahead, beside the model's. */

import { h } from "../dom.js";
import { t } from "../language.js";

export function adjustmentForm({ forecast, formats, act, write }, adjustments) {
  return h(
    "div",
    { class: "own-part" },
    h("h3", {}, t("own.number.title")),
    h("p", { class: "muted small" }, t("own.number.lead")),
    write && form(forecast, formats, act),
    adjustments.length > 0 && list(adjustments, formats, act, write),
  );
}

function form(forecast, { units, month }, act) {
  const which = h(
    "select",
    { id: "own-month" },
    ...forecast.months.map((each, i) =>
      h("option", { value: each }, `${month(each)} · ${t("own.number.model", { n: units(forecast.units_forecast[i]) })}`),
    ),
  );
  const number = h("input", {
    id: "own-units",
    type: "number",
    min: 0,
    max: 1e9,
    step: "any",
    inputmode: "decimal",
    required: true,
  });
  const note = h("input", { id: "own-note", type: "text", maxlength: 2000, autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    const document = { units: number.valueAsNumber, note: note.value.trim() };
    const done = t("own.number.done", { month: month(which.value), n: units(document.units) });
    act("PUT", `/adjustments/${which.value}`, document, done);
  };
  return h(
    "form",
    { class: "own-form", onsubmit: submit },
    field(t("own.number.month"), which),
    field(t("own.number.units"), number),
    field(t("own.number.note"), note),
    h("button", { class: "button", type: "submit" }, t("own.number.button")),
  );
}

function list(adjustments, { units, month }, act, write) {
  const item = (own) => {
    const undo = () =>
      act("DELETE", `/adjustments/${own.month}`, undefined, t("own.number.undone", { month: month(own.month) }));
    const words = t("own.number.item", {
      month: month(own.month),
      own: units(own.units),
      model: units(own.units_forecast),
    });
    return h(
      "li",
      {},
      h("p", {}, words, own.note && h("span", { class: "muted" }, ` ${t("own.quoted", { note: own.note })}`)),
      write && h("button", { class: "button", type: "button", onclick: undo, "aria-label": t("own.number.undo-of", { month: month(own.month) }) }, t("own.undo")),
    );
  };
  return h("ul", { class: "said plain" }, ...adjustments.map(item));
}

/** A field under its name. */
export function field(name, input) {
  return h("div", { class: "field" }, h("label", { for: input.id }, name), input);
}
