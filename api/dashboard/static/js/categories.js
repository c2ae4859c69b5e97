/** The categories that the products in view fall into. */

import { read } from "./api.js";
import { seesAllStores } from "./session.js";

/** Their names, in the order of the alphabet. */
export async function categories(known, signal) {
  const paths = seesAllStores()
    ? ["/totals"]
    : [...known.keys()].map((store) => `/stores/${encodeURIComponent(store)}/totals`);
  const totals = await Promise.all(paths.map((path) => read(path, {}, signal)));
  const names = new Set(totals.flatMap((found) => found.categories));
  return [...names].sort((a, b) => a.localeCompare(b));
}
