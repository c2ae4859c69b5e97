/** The stores in view, read once for each session and merchant. */

import { read } from "./api.js";
import { formatsFor } from "./formats.js";
import { merchant } from "./session.js";

let held = { merchant: null, stores: null };

/** The stores by id. Throws `Problem`. */
export async function stores(signal = undefined) {
  if (held.stores === null || held.merchant !== merchant()) {
    const found = await read("/stores", {}, signal);
    held = {
      merchant: merchant(),
      stores: new Map(found.stores.map((store) => [store.store_id, store])),
    };
  }
  return held.stores;
}

/** Drop what is held, when another person signs in. */
export function forgetStores() {
  held = { merchant: null, stores: null };
}

/** The formats of the merchant: those of the country with most of the products. */
export function merchantFormats(known) {
  const weight = new Map();
  for (const store of known.values()) {
    weight.set(store.country, (weight.get(store.country) ?? 0) + store.series);
  }
  const [country] = [...weight].sort((a, b) => b[1] - a[1])[0] ?? [];
  return formatsFor(country);
}

/** Store ids by currency, because money is never compared across currencies. */
export function storesByCurrency(known) {
  const groups = new Map();
  for (const store of known.values()) {
    groups.set(store.currency, [...(groups.get(store.currency) ?? []), store.store_id]);
  }
  return groups;
}
