/** The numbers of the month or day under the pointer. The table beside the chart holds them all. */

import { fill, h } from "../dom.js";

export function readout(drawing, plot) {
  const rule = h("div", { class: "readout-rule", hidden: true });
  const box = h("div", { class: "readout", hidden: true });
  const hide = () => [box, rule].forEach((each) => (each.hidden = true));
  plot.onpointermove = (event) => {
    const { title, place, rows } = drawing.at(event.clientX - plot.getBoundingClientRect().left);
    fill(
      box,
      h("p", {}, title),
      h("dl", {}, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    );
    box.hidden = rule.hidden = false;
    rule.style.left = `${place}px`;
    const left = place > drawing.width / 2 ? place - box.offsetWidth - 12 : place + 12;
    box.style.left = `${Math.max(0, Math.min(left, drawing.width - box.offsetWidth))}px`;
  };
  plot.onpointerleave = hide;
  return h("div", { class: "readout-layer", "aria-hidden": "true" }, rule, box);
}
