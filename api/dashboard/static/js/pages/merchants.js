/** For analysts and operators: whose numbers to look at. */

import { read } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { choose } from "../session.js";
import { empty, loading } from "../states.js";
import { forgetStores } from "../stores.js";

export async function merchantsPage(root, place) {
  fill(root, h("h1", {}, t("merchants.title")), loading());
  const { merchants } = await read("/merchants", {}, place.signal);
  const open = (id) => () => {
    choose(id);
    forgetStores();
    place.router.show({ focus: true });
  };
  fill(
    root,
    h("h1", {}, t("merchants.title")),
    merchants.length
      ? h(
          "ul",
          { class: "plain tiles" },
          ...merchants.map((id) =>
            h("li", {}, h("button", { class: "tile", type: "button", onclick: open(id) }, id)),
          ),
        )
      : empty(t("overview.no-stores"), t("overview.no-stores.advice")),
  );
}
