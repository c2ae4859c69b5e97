/** "This looks wrong": a verdict and a note, which the analysts read. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { field } from "./adjustment-form.js";

const VERDICTS = ["too_high", "too_low", "other"];

export function feedbackForm({ formats, act, write }, feedback) {
  return h(
    "div",
    { class: "own-part" },
    h("h3", {}, t("own.wrong.title")),
    h("p", { class: "muted small" }, t("own.wrong.lead")),
    write && form(act),
    feedback.length > 0 && list(feedback, formats, act, write),
  );
}

function form(act) {
  const choices = VERDICTS.map((verdict, i) =>
    h("input", { type: "radio", name: "verdict", id: `verdict-${verdict}`, value: verdict, required: true, checked: i === 0 }),
  );
  const note = h("textarea", { id: "wrong-note", rows: 3, maxlength: 2000 });
  const submit = (event) => {
    event.preventDefault();
    const { value } = choices.find((choice) => choice.checked);
    act("POST", "/feedback", { verdict: value, note: note.value.trim() }, t("own.wrong.done"));
  };
  return h(
    "form",
    { class: "own-form", onsubmit: submit },
    h(
      "fieldset",
      { class: "choices" },
      h("legend", {}, t("own.wrong.verdict")),
      ...choices.map((choice) =>
        h("label", { class: "choice", for: choice.id }, choice, t(`own.wrong.${choice.value}`)),
      ),
    ),
    field(t("own.wrong.note"), note),
    h("button", { class: "button", type: "submit" }, t("own.wrong.button")),
  );
}

function list(feedback, { day }, act, write) {
  const item = (given) => {
    const undo = () =>
      act("DELETE", `/feedback/${encodeURIComponent(given.feedback_id)}`, undefined, t("own.wrong.undone"));
    return h(
      "li",
      {},
      h(
        "p",
        {},
        h("strong", {}, t(`own.wrong.${given.verdict}`)),
        given.note && ` ${t("own.quoted", { note: given.note })}`,
        h("span", { class: "muted small" }, ` · ${day(given.at)}`),
      ),
      write && h("button", { class: "button", type: "button", onclick: undo }, t("own.take-back")),
    );
  };
  return h("ul", { class: "said plain" }, ...[...feedback].reverse().map(item));
}
