/** The next seven days of products as a table whose rows take new numbers in their place. */

import { productPath } from "../api.js";
import { scrolling } from "../charts/month-table.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { leavesMonth } from "../sentences.js";

export class DaysTable {
  constructor(formats, label) {
    this.formats = formats;
    this.rows = new Map();
    this.head = h("tr", {});
    this.body = h("tbody", {});
    this.element = scrolling(
      label,
      h(
        "table",
        { class: "numbers days-table" },
        h("caption", { class: "visually-hidden" }, label),
        h("thead", {}, this.head),
        this.body,
      ),
    );
  }

  get shown() {
    return this.rows.size;
  }

  /** The columns, and the row of all products together. */
  frame(totals) {
    const { dayName, weekdayShort, dayNumber } = this.formats;
    if (String(this.days) !== String(totals.days)) {
      this.days = totals.days;
      const day = (each) => h("th", { scope: "col", title: dayName(each) }, weekdayShort(each), " ", dayNumber(each));
      fill(
        this.head,
        h("th", { scope: "col" }, t("column.name")),
        ...this.days.map(day),
        h("th", { scope: "col" }, t("days.sum")),
      );
      for (const row of this.rows.values()) row.shown = null;
    }
    const units = new Map(totals.days.map((each, i) => [each, totals.units_forecast[i]]));
    this.totals ??= new Row(h("th", { scope: "row" }, t("days.all")), "days-total");
    this.totals.update(units, null, this);
    this.body.prepend(this.totals.element);
  }

  /** Put products into their rows: known ones where they stand, new ones at the end. */
  put(products) {
    for (const product of products) {
      let row = this.rows.get(product.product_id);
      if (!row) {
        row = new Row(name(product));
        this.rows.set(product.product_id, row);
        this.body.append(row.element);
      }
      row.update(new Map(product.days.map((day, i) => [day, product.units_forecast[i]])), product, this);
    }
  }
}

class Row {
  constructor(head, kind = "") {
    this.head = head;
    this.note = h("span", { class: "small month-note" });
    head.append(this.note);
    this.element = h("tr", { class: kind }, head);
    this.shown = null;
  }

  update(units, product, { days, formats }) {
    const state = JSON.stringify([[...units], days, product?.trained_at]);
    if (state === this.shown) return;
    const leaves = leavesMonth(product?.reason);
    this.note.textContent = leaves ? t(`days.${leaves}-month`) : "";
    const known = days.filter((day) => units.has(day)).map((day) => units.get(day));
    const sum = known.length === days.length ? known.reduce((all, each) => all + each, 0) : null;
    const cell = (day) => h("td", {}, units.has(day) ? formats.units(units.get(day)) : "–", range(product, day, formats));
    this.element.replaceChildren(this.head, ...days.map(cell), h("td", { class: "days-sum" }, sum === null ? "–" : formats.units(sum)));
    if (this.shown !== null && product) this.flash();
    this.shown = state;
  }

  /** New numbers are lit for a moment. */
  flash() {
    this.element.classList.remove("just-new");
    requestAnimationFrame(() => this.element.classList.add("just-new"));
  }
}

function name(product) {
  const path = productPath(product.store_id, product.product_id);
  return h("th", { scope: "row" }, h("a", { href: path }, product.name), h("span", { class: "muted small" }, product.product_id));
}

function range(product, day, formats) {
  const i = product?.days.indexOf(day) ?? -1;
  if (i < 0) return null;
  return h("span", { class: "muted small" }, formats.range(product.lo80[i], product.hi80[i]));
}
