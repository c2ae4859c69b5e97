/** Confidence as a word with a mark that does not need colour. */

import { h, svg } from "../dom.js";
import { confidenceWord } from "../sentences.js";

const BARS = { high: 3, fair: 2, low: 1, unknown: 0 };

export function confidenceBadge(word) {
  const bars = [0, 1, 2].map((i) =>
    svg("rect", {
      x: i * 5,
      y: 8 - i * 4,
      width: 4,
      height: 4 + i * 4,
      rx: 1,
      class: i < BARS[word] ? "bar bar-on" : "bar",
    }),
  );
  return h(
    "span",
    { class: `confidence confidence-${word}` },
    svg("svg", { viewBox: "0 0 14 12", width: 14, height: 12, "aria-hidden": "true" }, ...bars),
    confidenceWord(word),
  );
}
