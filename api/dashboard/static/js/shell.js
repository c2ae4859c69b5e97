/** What stands around every page: name, navigation, language, signing out. */

import { h } from "./dom.js";
import { LANGUAGES, language, speak, t } from "./language.js";
import { choose, merchant, readsAnyMerchant, signOut } from "./session.js";
import { forgetStores } from "./stores.js";

const PLACES = [
  ["/", "nav.overview", /^\/(sign-in)?$/],
  ["/days", "nav.days", /^\/days$/],
  ["/products", "nav.products", /^\/(products|stores)/],
];
const REPORTS = ["/reports", "nav.reports", /^\/reports$/];

/** Header, `main` and footer. */
export function frame({ present, main, router }) {
  return [
    h("a", { class: "skip", href: "#main" }, t("nav.skip")),
    h(
      "header",
      { class: "top" },
      h("a", { class: "brand", href: "/" }, glyph(), h("span", {}, t("app.name"))),
      present && navigation(),
      h(
        "div",
        { class: "top-end" },
        present && readsAnyMerchant() && merchant() && otherMerchant(router),
        languageChoice(router),
        present && leaving(router),
      ),
    ),
    main,
    h("footer", { class: "bottom" }, h("p", {}, t("app.footer"))),
  ];
}

function glyph() {
  const address = new URL("../icon.svg", import.meta.url);
  return h("img", { src: address.href, alt: "", width: 28, height: 28 });
}

function navigation() {
  const places = readsAnyMerchant() ? [...PLACES, REPORTS] : PLACES;
  const links = places.map(([path, key, pattern]) =>
    h("a", { href: path, "aria-current": pattern.test(location.pathname) ? "page" : null }, t(key)),
  );
  return h("nav", { class: "places", "aria-label": t("nav.label") }, ...links);
}

function languageChoice(router) {
  const options = Object.entries(LANGUAGES).map(([code, name]) =>
    h("option", { value: code, lang: code, selected: code === language() }, name),
  );
  const choice = h(
    "select",
    {
      class: "quiet",
      "aria-label": t("nav.language"),
      onchange: async () => {
        await speak(choice.value, { keep: true });
        await router.show();
        document.querySelector(".top select")?.focus();
      },
    },
    ...options,
  );
  return choice;
}

function otherMerchant(router) {
  const leave = () => {
    choose("");
    forgetStores();
    router.go("/");
  };
  return h("button", { class: "quiet", type: "button", onclick: leave }, merchant());
}

function leaving(router) {
  const leave = async () => {
    await signOut();
    forgetStores();
    router.go("/");
  };
  return h("button", { class: "quiet", type: "button", onclick: leave }, t("nav.sign-out"));
}
