/** What a page shows while it loads, when there is nothing, and when something went wrong. */

import { fill, h } from "./dom.js";
import { has, t } from "./language.js";

/** Grey shapes in the place of what is coming; said aloud as one word. */
export function loading(rows = 3) {
  const bars = Array.from({ length: rows }, () => h("div", { class: "skeleton-bar" }));
  return h(
    "div",
    { class: "skeleton", role: "status" },
    h("span", { class: "visually-hidden" }, t("state.loading")),
    ...bars,
  );
}

/** Nothing to show, and what to do about it. */
export function empty(title, advice, ...actions) {
  return h(
    "div",
    { class: "state" },
    h("p", { class: "state-title" }, title),
    h("p", { class: "muted" }, advice),
    ...actions,
  );
}

/** What a problem means for the person who reads it: a title and what to do next. */
export function problemWords(error) {
  const status = error.status ?? -1;
  const kind = has(`problem.${error.kind}`) ? error.kind : `status-${status}`;
  const key = has(`problem.${kind}`) ? kind : "other";
  const wait = error.retryAfter ?? 5;
  return {
    title: t(`problem.${key}`, { wait }),
    advice: t(`problem.${key}.advice`, { wait }),
  };
}

/** A problem in the place of a part of a page, with a button that tries again. */
export function problemNote(error, again) {
  const { title, advice } = problemWords(error);
  return h(
    "div",
    { class: "state state-problem", role: "alert" },
    h("p", { class: "state-title" }, title),
    h("p", {}, advice),
    again && h("button", { class: "button", type: "button", onclick: again }, t("action.try-again")),
  );
}

/** A problem in the place of a whole page. */
export function pageProblem(root, error, again) {
  const { title, advice } = problemWords(error);
  const final = error.status === 404;
  fill(
    root,
    h(
      "section",
      { class: "state state-page", role: "alert" },
      h("h1", {}, title),
      h("p", {}, advice),
      final
        ? h("a", { class: "button", href: "/" }, t("action.to-overview"))
        : h("button", { class: "button", type: "button", onclick: again }, t("action.try-again")),
    ),
  );
}
