/** Who is signed in. The cookie itself is out of reach of scripts; here is what the API tells. */

import { carry, change, read } from "./api.js";

const MERCHANT = "storecast.merchant";
const WRITERS = ["merchant", "planner"];
const REFRESHERS = ["merchant", "planner", "operator"];
const OF_PLATFORM = ["analyst", "operator"];
let asked = null;
let present = null;

/** The session, asked for once; null where nobody is signed in. */
export async function session() {
  asked ??= ask();
  try {
    await asked;
  } catch (problem) {
    asked = null;
    throw problem;
  }
  return present;
}

async function ask() {
  const found = await read("/session");
  if (found.role !== null) begin(found);
}

/** Exchange a token for a session. Throws `Problem`. */
export async function signIn(token) {
  begin(await change("POST", "/session", { token }));
  asked = Promise.resolve();
}

/** End the session, here and on the server. */
export async function signOut() {
  await change("DELETE", "/session");
  forget();
}

/** Drop what is known of the session, because the server no longer accepts it. */
export function forget() {
  present = null;
  sessionStorage.removeItem(MERCHANT);
  carry({ csrf: null, merchant: null });
}

/** Whether the session must name the merchant that it reads. */
export function readsAnyMerchant() {
  return OF_PLATFORM.includes(present?.role);
}

/** Whether the session may give feedback and numbers of its own. */
export function mayWrite() {
  return WRITERS.includes(present?.role);
}

/** Whether the session may ask for fresh forecasts of the next days. */
export function mayRefresh() {
  return REFRESHERS.includes(present?.role);
}

/** Whether the session reaches all stores of its merchant. */
export function seesAllStores() {
  return !present?.stores;
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
  carry({ csrf: found.csrf_token, merchant: readsAnyMerchant() ? merchant() : null });
}
