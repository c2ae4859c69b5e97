// The pages: signing in, the stores, a store's products, one product. The address after # says which.

import { Problem, currentSession, forecastPath, get, signIn, signOut, storePath } from "/assets/client.js";
import { forecastChart, sparkline } from "/assets/chart.js";

const main = document.getElementById("main");
const signOutButton = document.getElementById("sign-out");
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const monthName = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
const CONFIDENCE = { high: "High", fair: "Fair", low: "Low", unknown: "We don't know yet" };
let session = null;

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const units = (value) => (value === null ? "–" : number.format(value));
const money = (value, currency) => value === null ? "–"
  : new Intl.NumberFormat(undefined, { style: "currency", currency, maximumFractionDigits: 0 }).format(value);
const month = (iso) => monthName.format(new Date(iso));
const change = (value) => value === null ? "–"
  : `${value > 0 ? "+" : ""}${whole.format(value * 100)} %`;
const confidence = (word) => make("span", { class: `word ${word}` }, CONFIDENCE[word]);
const withMerchant = (path) => session.merchant_id || !merchantAsked() ? path
  : `${path}${path.includes("?") ? "&" : "?"}merchant_id=${encodeURIComponent(merchantAsked())}`;
const merchantAsked = () => new URLSearchParams(location.search).get("merchant_id");

function show(title, ...parts) {
  document.title = `${title} – Storecast`;
  main.replaceChildren(make("h1", {}, title), ...parts);
  main.focus();
}

function showSignIn(message) {
  signOutButton.hidden = true;
  const field = make("input", {
    id: "token", name: "token", type: "password", autocomplete: "current-password", required: "",
  });
  const problem = make("p", { class: "problem", role: "alert" }, message || "");
  const form = make("form", { class: "card sign-in" },
    make("h1", {}, "Sign in"), make("label", { for: "token" }, "Your token"), field,
    problem, make("button", {}, "Sign in"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      session = await signIn(field.value);
      await route();
    } catch (error) {
      problem.textContent = error.status === 401
        ? "This token is not valid any more. Ask whoever runs Storecast for you for a new one."
        : error.message;
    }
  });
  document.title = "Sign in – Storecast";
  main.replaceChildren(form);
  field.focus();
}

async function showStores() {
  if (session.merchant_id === null && !merchantAsked()) return showMerchants();
  const { stores } = await get(withMerchant("/v1/stores"));
  const tiles = stores.map((store) => make("a", { class: "tile", href: `#/stores/${encodeURIComponent(store.store_id)}` },
    make("strong", {}, store.name),
    make("span", { class: "quiet" }, `${store.region}, ${store.country} · ${whole.format(store.series)} products`)));
  show("Your stores", tiles.length ? make("div", { class: "tiles" }, ...tiles)
    : make("p", {}, "There is no store here yet. Its forecasts appear after its first full month."));
}

async function showMerchants() {
  const { merchants } = await get("/v1/merchants");
  show("Merchants", make("div", { class: "tiles" }, ...merchants.map((merchant) =>
    make("a", { class: "tile", href: `/?merchant_id=${encodeURIComponent(merchant)}#/` }, make("strong", {}, merchant)))));
}

function productRow(store, product) {
  const link = make("a", { href: `#/stores/${encodeURIComponent(store)}/products/${encodeURIComponent(product.product_id)}` }, product.name);
  return make("tr", {},
    make("td", {}, link, make("div", { class: "quiet" }, product.product_id)),
    make("td", {}, sparkline(product.recent_units, product.units_forecast)),
    make("td", { class: "number" }, units(product.next_units_forecast)),
    make("td", { class: "number" }, units(product.horizon_units)),
    make("td", { class: "number" }, change(product.change_on_last_year)),
    make("td", {}, confidence(product.confidence)));
}

async function showProducts(store) {
  const body = make("tbody");
  const more = make("button", { class: "plain" }, "Show more");
  const load = async (cursor) => {
    const page = await get(withMerchant(`${storePath(store)}/products${cursor ? `?cursor=${cursor}` : ""}`));
    body.append(...page.products.map((product) => productRow(store, product)));
    more.hidden = page.next === null;
    more.onclick = () => load(page.next).catch(showProblem);
    return page.products.length;
  };
  const count = await load(null);
  const heads = [["Product"], ["Last and next year"], ["Next month", "number"], ["12 months", "number"],
    ["On last year", "number"], ["Confidence"]];
  const table = make("table", {}, make("thead", {}, make("tr", {},
    ...heads.map(([text, kind]) => make("th", { scope: "col", class: kind || "" }, text)))), body);
  show(`Products of ${store}`, make("p", {}, make("a", { href: "#/" }, "← Your stores")),
    count ? make("div", { class: "card scroll" }, table, more) : make("p", {}, "This store has no products yet."));
}

async function showProduct(store, product) {
  const forecast = await get(withMerchant(forecastPath(store, product)));
  const next = `${units(forecast.units_forecast[0])} (${units(forecast.lo80[0])} to ${units(forecast.hi80[0])})`;
  const figures = make("dl", { class: "figures" }, ...[
    [month(forecast.months[0]), next],
    ["Next 12 months, units", units(forecast.horizon_units)],
    ["Next 12 months", money(forecast.horizon_money, forecast.currency)],
    ["On last year", change(forecast.change_on_last_year)],
    ["Confidence", confidence(forecast.confidence)],
  ].map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));
  const chart = forecastChart(forecast, {
    label: `${forecast.name}: units sold a month, and the forecast of ${forecast.months.length} months`,
    number: (value) => number.format(value),
  });
  const legend = make("ul", { class: "legend quiet" }, make("li", {}, "sold"),
    make("li", { class: "forecast" }, "forecast"),
    make("li", { class: "band80" }, "8 of 10 times within"), make("li", { class: "band95" }, "19 of 20 times within"));
  const rows = forecast.months.map((iso, i) => make("tr", {}, make("th", { scope: "row" }, month(iso)),
    ...["units_forecast", "lo80", "hi80", "lo95", "hi95"].map((name) => make("td", { class: "number" }, units(forecast[name][i])))));
  const heads = ["Month", "Forecast", "80 % from", "to", "95 % from", "to"];
  const table = make("table", {}, make("thead", {}, make("tr", {},
    ...heads.map((text, i) => make("th", { scope: "col", class: i ? "number" : "" }, text)))), make("tbody", {}, ...rows));
  const download = make("a", { href: withMerchant(`${forecastPath(store, product)}?format=csv`) }, "Download CSV");
  show(forecast.name,
    make("p", {}, make("a", { href: `#/stores/${encodeURIComponent(store)}` }, `← Products of ${store}`)),
    figures, make("section", { class: "card" }, chart, legend),
    make("section", { class: "card scroll" }, table, make("p", {}, download)));
}

function showProblem(error) {
  if (error instanceof Problem && error.status === 401) return showSignIn(error.message);
  return show("This did not work", make("p", { class: "problem", role: "alert" }, error.message),
    make("p", {}, make("a", { href: "#/" }, "Back to your stores")));
}

async function route() {
  signOutButton.hidden = false;
  const [, stores, store, products, product] = location.hash.split("/").map(decodeURIComponent);
  try {
    const run = await get("/v1/runs/current");
    document.getElementById("run").textContent = `Forecasts made from sales up to ${month(run.cutoff_month)}`;
    if (stores === "stores" && products === "products") return await showProduct(store, product);
    if (stores === "stores") return await showProducts(store);
    return await showStores();
  } catch (error) {
    return showProblem(error);
  }
}

signOutButton.addEventListener("click", async () => {
  await signOut().catch(() => undefined);
  session = null;
  showSignIn();
});
addEventListener("hashchange", () => (session ? route() : undefined));

session = await currentSession();
if (session.role) await route();
else showSignIn();
