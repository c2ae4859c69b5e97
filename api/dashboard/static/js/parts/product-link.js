/** The way to a product's page. */

import { productPath } from "../api.js";
import { h } from "../dom.js";

export function productLink(product, ...more) {
  const href = productPath(product.store_id, product.product_id);
  return h("a", { href }, product.name, ...more);
}
