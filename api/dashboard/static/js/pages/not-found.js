/** An address that the dashboard does not have. */

import { Problem } from "../api.js";

export async function notFoundPage() {
  throw new Problem(404);
}
