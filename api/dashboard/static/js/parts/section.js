/** A section of a page that fetches for itself, so that the page need not wait for it. */

import { fill, h } from "../dom.js";
import { loading, problemNote } from "../states.js";

/** A card under `title`; `content` gives its nodes, or null to leave the section out. */
export function lateSection(title, content, { rows = 3, signal } = {}) {
  const body = h("div", {}, loading(rows));
  const section = h("section", { class: "card" }, h("h2", {}, title), body);
  const load = async () => {
    fill(body, loading(rows));
    try {
      const found = await content();
      if (found === null) section.remove();
      else fill(body, found);
    } catch (error) {
      if (signal?.aborted) return;
      fill(body, problemNote(error, load));
    }
  };
  load();
  return section;
}
