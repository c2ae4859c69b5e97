/** Requests to the query API, and its problems (RFC 9457) as errors. */

const context = { csrf: null, merchant: null };

/** An answer that is not the document asked for. `status` 0: the server could not be reached. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.kind = (body.type ?? "").split(":").at(-1);
    this.retryAfter = retryAfter;
  }
}

/** What every later request carries: the session's CSRF token, the merchant an analyst reads. */
export function carry(values) {
  Object.assign(context, values);
}

/** The address of a document of the API; `query` values may be lists. */
export function address(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, merchant_id: context.merchant })) {
    for (const each of [value].flat()) {
      if (each !== null && each !== undefined && each !== "") found.append(name, each);
    }
  }
  const text = found.toString();
  return `/v1${path}${text && `?${text}`}`;
}

/** The path of a product's documents. */
export function productPath(store, product) {
  return `/stores/${encodeURIComponent(store)}/products/${product.split("/").map(encodeURIComponent).join("/")}`;
}

/** The JSON at a path. Throws `Problem`. */
export async function read(path, query = {}, signal = undefined) {
  return answer(address(path, query), { signal });
}

/** Change something; the answer's JSON, or null where it has none. Throws `Problem`. */
export async function change(method, path, body = undefined) {
  const headers = { "X-CSRF-Token": context.csrf ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return answer(address(path), { method, headers, body: body && JSON.stringify(body) });
}

async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: error.message });
  }
  if (response.status === 204) return null;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, body, response.headers.get("retry-after"));
  return body;
}
