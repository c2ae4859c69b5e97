/** The dashboard: language first, then who is signed in, then the page of the address. */

import { fill, h } from "./dom.js";
import { preferredLanguage, speak } from "./language.js";
import { daysPage } from "./pages/days.js";
import { merchantsPage } from "./pages/merchants.js";
import { notFoundPage } from "./pages/not-found.js";
import { overviewPage } from "./pages/overview.js";
import { productPage } from "./pages/product.js";
import { productsPage } from "./pages/products.js";
import { signInPage } from "./pages/sign-in.js";
import { reportsPage } from "./pages/reports.js";
import { Router } from "./router.js";
import { forget, merchant, readsAnyMerchant, session } from "./session.js";
import { frame } from "./shell.js";
import { forgetStores } from "./stores.js";

const PAGES = [
  [/^\/$/, overviewPage],
  [/^\/days$/, daysPage],
  [/^\/products$/, productsPage],
  [/^\/stores\/(?<store>[^/]+)\/products\/(?<product>.+)$/, productPage],
];

/** A page that needs a session, and of an analyst the name of a merchant unless it is of none. */
function guarded(page, { ofMerchant = true } = {}) {
  return async (root, place) => {
    const present = await session();
    drawFrame(present);
    if (present === null) return signInPage(root, place);
    if (ofMerchant && readsAnyMerchant() && !merchant()) return merchantsPage(root, place);
    return page(root, place);
  };
}

const main = h("main", { id: "main", tabindex: "-1" });
const router = new Router(
  main,
  [
    [/^\/sign-in$/, guarded(overviewPage)],
    [/^\/reports$/, guarded(reportsPage, { ofMerchant: false })],
    ...PAGES.map(([path, page]) => [path, guarded(page)]),
  ],
  guarded(notFoundPage),
);

function drawFrame(present) {
  const app = document.getElementById("app");
  fill(app, frame({ present, main, router }));
}

router.handled = async (error) => {
  if (error.status !== 401) return false;
  forget();
  forgetStores();
  await router.show();
  return true;
};

session().catch(() => {}); // asked for at once; the page itself tells what went wrong
await speak(preferredLanguage());
await router.show();
