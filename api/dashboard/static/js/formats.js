/** Numbers, money and dates as a country writes them, with month names in the page's language. */

import { language, t } from "./language.js";

const made = new Map();

/** The formats of a country (ISO 3166-1 alpha-2; none: those of the page's language). */
export function formatsFor(country) {
  const key = `${country ?? ""}/${language()}`;
  if (!made.has(key)) made.set(key, build(country));
  return made.get(key);
}

/** The name of a currency in the page's language, its first letter large. */
export function currencyName(currency) {
  const name = new Intl.DisplayNames(language(), { type: "currency" }).of(currency);
  return name.charAt(0).toLocaleUpperCase(language()) + name.slice(1);
}

function build(country) {
  const numbers = localeOf(country);
  const dates = country && isLocale(`${language()}-${country}`) ? `${language()}-${country}` : language();
  const whole = new Intl.NumberFormat(numbers, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(numbers, { maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(numbers, { style: "percent", maximumFractionDigits: 0 });
  const signed = new Intl.NumberFormat(numbers, {
    style: "percent",
    maximumFractionDigits: 0,
    signDisplay: "exceptZero",
  });
  const short = new Intl.NumberFormat(numbers, { useGrouping: "always", notation: "compact", maximumFractionDigits: 1 });
  const date = (options) => new Intl.DateTimeFormat(dates, { timeZone: "UTC", ...options });
  const month = date({ month: "long", year: "numeric" });
  const monthShort = date({ month: "short", year: "2-digit" });
  const monthName = date({ month: "long" });
  const day = date({ day: "numeric", month: "long", year: "numeric" });
  const dayName = date({ weekday: "long", day: "numeric", month: "long" });
  const dayMonth = date({ day: "numeric", month: "short" });
  const dayNumber = date({ day: "numeric" });
  const weekdayShort = date({ weekday: "short" });
  const weekdayLetter = date({ weekday: "narrow" });
  const moment = new Intl.DateTimeFormat(dates, {
    weekday: "long",
    day: "numeric",
    month: "long",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  return {
    units: (value, beside = value) => unitsText(value, beside, whole, fine),
    range: (low, high) => `${unitsText(low < 0.05 ? 0 : low, high, whole, fine)} – ${unitsText(high, high, whole, fine)}`,
    compact: (value) => (Math.abs(value) < 10_000 ? fine.format(value) : short.format(value)),
    percent: (value) => share.format(value),
    change: (value) => signed.format(value),
    times: (value) => fine.format(value),
    money: moneyOf(numbers),
    month: (iso) => month.format(new Date(iso)),
    monthShort: (iso) => monthShort.format(new Date(iso)).replace(/ de /, " ").replace(/\./g, ""),
    monthName: (iso) => monthName.format(new Date(iso)),
    day: (iso) => day.format(new Date(iso)),
    dayName: (iso) => dayName.format(new Date(iso)),
    dayMonth: (iso) => dayMonth.format(new Date(iso)).replace(/ de /, " ").replace(/\./g, ""),
    dayNumber: (iso) => dayNumber.format(new Date(iso)),
    weekdayShort: (iso) => weekdayShort.format(new Date(iso)).replace(/\./g, ""),
    weekdayLetter: (iso) => weekdayLetter.format(new Date(iso)),
    moment: (iso) => moment.format(new Date(iso)),
  };
}

/** Whole units where the number beside has two digits; else one decimal; unknown is said so. */
function unitsText(value, beside, whole, fine) {
  if (value === null || value === undefined) return t("unknown.short");
  if (Math.abs(beside) < 9.95 && value > 0 && value < 0.05) return `< ${fine.format(0.1)}`;
  return Math.abs(beside) < 9.95 ? fine.format(value) : whole.format(value);
}

const SIZES = {
  small: {},
  usual: { maximumFractionDigits: 0 },
  large: { maximumFractionDigits: 1, minimumFractionDigits: 0, notation: "compact" },
};

/** Money without cents where they do not matter, shortened from ten million on. */
function moneyOf(locale) {
  const made = new Map();
  return (value, currency) => {
    if (value === null || value === undefined) return t("unknown.short");
    const size = Math.abs(value) < 100 ? "small" : Math.abs(value) < 1e7 ? "usual" : "large";
    const key = `${currency}/${size}`;
    if (!made.has(key)) {
      const options = { style: "currency", currency, useGrouping: "always", ...SIZES[size] };
      made.set(key, new Intl.NumberFormat(locale, options));
    }
    return made.get(key).format(value);
  };
}

/** How the country itself writes, whatever the language of the page: es-AR for AR. */
function localeOf(country) {
  if (!country || !isLocale(`und-${country}`)) return language();
  return `${new Intl.Locale(`und-${country}`).maximize().language}-${country}`;
}

function isLocale(tag) {
  try {
    return Boolean(Intl.getCanonicalLocales(tag).length);
  } catch {
    return false;
  }
}
