/** Who is signed in. The cookie itself is out of reach of scripts; here is what the API tells. */

import { carry, change, read } from "./api.js";

const SIGNED_IN = "storecast.signed-in";
const MERCHANT = "storecast.merchant";
const OF_PLATFORM = ["analyst", "operator"];
let present = null;

/** The session, asked for once; null where nobody is signed in. */
export async function session() {
  if (present === null && localStorage.getItem(SIGNED_IN) !== null) {
    try {
      begin(await read("/session"));
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      localStorage.removeItem(SIGNED_IN);
    }
  }
  return present;
}

/** Exchange a token for a session. Throws `Problem`. */
export async function signIn(token) {
  begin(await change("POST", "/session", { token }));
}

/** End the session, here and on the server. */
export async function signOut() {
  await change("DELETE", "/session");
  forget();
}

/** Drop what is known of the session, because the server no longer accepts it. */
export function forget() {
  present = null;
  localStorage.removeItem(SIGNED_IN);
  sessionStorage.removeItem(MERCHANT);
  carry({ csrf: null, merchant: null });
}

/** Whether the session must name the merchant that it reads. */
export function readsAnyMerchant() {
  return OF_PLATFORM.includes(present?.role);
}

/** The merchant whose numbers are shown; null where an analyst has not chosen yet. */
export function merchant() {
  return readsAnyMerchant() ? sessionStorage.getItem(MERCHANT) : (present?.merchant_id ?? null);
}

/** Read that merchant from now on. */
export function choose(merchantId) {
  sessionStorage.setItem(MERCHANT, merchantId);
  carry({ merchant: merchantId });
}

function begin(found) {
  present = found;
  localStorage.setItem(SIGNED_IN, "yes");
  carry({ csrf: found.csrf_token, merchant: readsAnyMerchant() ? merchant() : null });
}
