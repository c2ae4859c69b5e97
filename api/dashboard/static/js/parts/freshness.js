/** Whether daily forecasts are fresh, at a glance and in a sentence. */

import { addDays, daysBetween } from "../days.js";
import { h } from "../dom.js";
import { t } from "../language.js";

/** A word with a mark that does not need colour. */
export function freshnessBadge(fresh) {
  const word = fresh === null ? "none" : fresh ? "fresh" : "stale";
  return h(
    "span",
    { class: `freshness freshness-${word}` },
    h("span", { "aria-hidden": "true" }, { none: "○", fresh: "●", stale: "◐" }[word]),
    t(`days.${word}`),
  );
}

/** Until when sales are known, and when the oldest forecast was made; `today` is the store's day. */
export function freshnessSentence({ data_until: until, trained_at: trained, fresh }, today, formats) {
  if (until === null) return t("days.none.advice");
  const day = formats.dayName(until);
  const missing = daysBetween(until, addDays(today, -1));
  const known = fresh ? t("days.until", { day }) : t("days.missing", { day, count: missing, n: missing });
  return `${known} ${t("days.trained", { moment: formats.moment(trained) })}`;
}
