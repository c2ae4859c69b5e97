/** Signing in with a token, Storecast's own or the marketplace's. */

import { fill, h, svg } from "../dom.js";
import { t } from "../language.js";
import { signIn } from "../session.js";
import { forgetStores } from "../stores.js";
import { problemWords } from "../states.js";

export async function signInPage(root, place) {
  const field = h("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "current-password",
    spellcheck: "false",
    required: true,
    "aria-describedby": "token-help token-problem",
  });
  const problem = h("p", { id: "token-problem", class: "field-problem", role: "alert" });
  const button = h("button", { class: "button button-main", type: "submit" }, t("sign-in.button"));
  const form = h(
    "form",
    { class: "sign-in", novalidate: true, onsubmit: submit },
    h("h1", {}, t("sign-in.title")),
    h("p", { class: "muted" }, t("sign-in.lead")),
    h("label", { for: "token" }, t("sign-in.token")),
    h("div", { class: "field-row" }, field, shown(field)),
    h("p", { id: "token-help", class: "muted small" }, t("sign-in.help")),
    problem,
    button,
  );
  fill(root, h("div", { class: "sign-in-page" }, form, promise()));
  field.focus();

  async function submit(event) {
    event.preventDefault();
    if (!field.value.trim()) return complain(t("sign-in.empty"));
    button.disabled = true;
    try {
      await signIn(field.value.trim());
      forgetStores();
      await place.router.show({ focus: true });
    } catch (error) {
      button.disabled = false;
      complain(error.status === 401 ? t("sign-in.wrong") : advised(error));
    }
  }

  function complain(text) {
    problem.textContent = text;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

function advised(error) {
  const { title, advice } = problemWords(error);
  return `${title} ${advice}`;
}

function shown(field) {
  const button = h("button", { class: "quiet", type: "button", "aria-pressed": "false" }, t("sign-in.show"));
  button.addEventListener("click", () => {
    const visible = field.type === "password";
    field.type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
    button.textContent = t(visible ? "sign-in.hide" : "sign-in.show");
  });
  return button;
}

/** What the dashboard answers, for who meets it the first time. */
function promise() {
  const points = ["sign-in.point.sell", "sign-in.point.trust", "sign-in.point.look"];
  return h(
    "div",
    { class: "promise" },
    picture(),
    h("ul", { class: "plain" }, ...points.map((key) => h("li", {}, t(key)))),
  );
}

/** A forecast as one will be seen, drawn from no one's numbers. */
function picture() {
  const sold = "M4 86L30 70L56 78L82 52L108 60L134 34L160 46L186 58";
  const ahead = "M186 58L212 48L238 54L264 36L290 40L316 24L342 32";
  return svg(
    "svg",
    { class: "picture", viewBox: "0 0 346 110", "aria-hidden": "true" },
    svg("path", { class: "grid grid-base", d: "M0 104H346" }),
    svg("path", {
      class: "band band-95",
      d: "M186 58L212 34L238 36L264 14L290 14L316 2L342 4V66L316 54L290 70L264 62L238 76L212 64Z",
    }),
    svg("path", {
      class: "band band-80",
      d: "M186 58L212 40L238 43L264 23L290 25L316 9L342 15V52L316 41L290 56L264 50L238 66L212 57Z",
    }),
    svg("path", { class: "line-sold", d: sold }),
    svg("path", { class: "line-forecast", d: ahead }),
  );
}
