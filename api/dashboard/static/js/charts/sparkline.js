/** The small line of a list: the last twelve months and the next, on one scale. */

import { svg } from "../dom.js";
import { line, linear } from "./scale.js";

const WIDTH = 120;
const HEIGHT = 32;

/** `past` in ink, `ahead` in the colour of forecasts; said aloud as `label`. */
export function sparkline(past, ahead, label) {
  const all = [...past, ...ahead];
  const x = linear(0, Math.max(all.length - 1, 1), 2, WIDTH - 2);
  const y = linear(0, Math.max(...all, 1e-9), HEIGHT - 3, 3);
  const place = (units, i) => [x(i), y(units)];
  const sold = past.map(place);
  const forecast = ahead.map((units, i) => place(units, past.length + i));
  const joint = sold.length ? [sold.at(-1)] : [];
  return svg(
    "svg",
    {
      class: "sparkline",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    svg("path", { class: "line-sold", d: line(sold) }),
    svg("path", { class: "line-forecast", d: line([...joint, ...forecast]) }),
  );
}
