/** A place for a drawing that fits its width, drawn anew when the width changes. */

import { h } from "../dom.js";

/** `draw` gets the place and its width in pixels, and gives what to put there. */
export function fitted(draw) {
  const place = h("div", { class: "plot" });
  let width = 0;
  const fit = () => {
    const found = place.clientWidth;
    if (!found || Math.abs(found - width) < 2) return;
    width = found;
    place.replaceChildren(...draw(place, width));
  };
  new ResizeObserver(fit).observe(place);
  return place;
}
