/** How the forecasts of the last months turned out, a month ahead, for all products together. */

import { read } from "../api.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import { lateSection } from "./section.js";

export function trustSection(formats, signal) {
  return lateSection(t("trust.title"), () => sentences(formats, signal), { rows: 2, signal });
}

async function sentences(formats, signal) {
  const found = await accuracy(signal);
  const ahead = found?.by_lead_time.find((lead) => lead.horizon === 1);
  if (!ahead || ahead.wape === null) return h("p", { class: "muted" }, t("trust.not-yet"));
  const months = found.months_scored.length;
  return h(
    "ul",
    { class: "sentences" },
    h("li", {}, t("trust.missed", { count: months, months, share: formats.percent(ahead.wape) })),
    h("li", {}, t("trust.covered", { share: formats.percent(ahead.coverage80) })),
    ahead.skill !== null && ahead.skill !== undefined && h("li", {}, skill(ahead.skill, formats)),
  );
}

function skill(value, formats) {
  const key = value > 0.005 ? "trust.better" : value < -0.005 ? "trust.worse" : "trust.even";
  return t(key, { share: formats.percent(Math.abs(value)) });
}

/** Before the first month was scored there is no such document. */
async function accuracy(signal) {
  try {
    return await read("/accuracy", {}, signal);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}
