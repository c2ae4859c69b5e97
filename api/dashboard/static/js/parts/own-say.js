/** The merchant's own say: "this looks wrong" with a note, and their own number for a month. */

import { change, read } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { mayWrite } from "../session.js";
import { problemWords } from "../states.js";
import { adjustmentForm } from "./adjustment-form.js";
import { feedbackForm } from "./feedback-form.js";

/** What was said before, read beside the forecast. */
export async function readSaid(path, signal) {
  const [{ adjustments }, { feedback }] = await Promise.all([
    read(`${path}/adjustments`, {}, signal),
    read(`${path}/feedback`, {}, signal),
  ]);
  return { adjustments, feedback };
}

/** The merchant's own numbers by month. */
export function ownNumbers(said) {
  return new Map(said.adjustments.map(({ month, units }) => [month, units]));
}

/** Both forms and what was said; `changed` is called with what is said after each change. */
export function ownSay({ path, forecast, formats, said, changed }) {
  const status = h("p", { class: "said-status", role: "status" });
  const body = h("div", { class: "own-say-parts" });
  const section = h("section", { class: "card own-say" }, h("h2", {}, t("own.title")), status, body);
  const context = { path, forecast, formats, act, write: mayWrite() };
  draw(said);
  return section;

  function draw(now) {
    const ahead = now.adjustments.filter(({ month }) => forecast.months.includes(month));
    fill(body, adjustmentForm(context, ahead), feedbackForm(context, now.feedback));
  }

  /** Change something, say how it went, and show what is said now. */
  async function act(method, where, document, done) {
    try {
      await change(method, `${path}${where}`, document);
      const now = await readSaid(path);
      draw(now);
      changed(now);
      status.className = "said-status said-done";
      status.textContent = done;
    } catch (error) {
      const { title, advice } = problemWords(error);
      status.className = "said-status said-problem";
      status.textContent = error.status === 422 ? error.message : `${title} ${advice}`;
    }
  }
}
