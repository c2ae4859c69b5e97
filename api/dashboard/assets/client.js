// The API as the pages use it: the session's cookie, problems as errors, the CSRF token on changes.

let csrfToken = null;

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || "The server does not answer.");
    this.status = status;
  }
}

async function request(method, path, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrfToken) headers["x-csrf-token"] = csrfToken;
  const response = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const document = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Problem(response.status, document);
  return document;
}

export const get = (path) => request("GET", path);

export async function signIn(token) {
  const session = await request("POST", "/v1/session", { token });
  csrfToken = session.csrf_token;
  return session;
}

export async function currentSession() {
  const session = await get("/v1/session");
  csrfToken = session.csrf_token;
  return session;
}

export async function signOut() {
  await request("DELETE", "/v1/session");
  csrfToken = null;
}

export const storePath = (store) => `/v1/stores/${encodeURIComponent(store)}`;
export const forecastPath = (store, product) =>
  `${storePath(store)}/products/${encodeURIComponent(product)}/forecast`;
