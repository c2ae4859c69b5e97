/** Codes of the JSON put into sentences: why to look, how sure, which model and why. */

import { has, t } from "./language.js";

/** Why to look at a product first, as one sentence. */
export function attentionSentence(attention, formats) {
  const { code, parameters } = attention;
  const known = has(`attention.${code}`) ? code : "other";
  const { stock, wanted, highest, best } = parameters;
  const even = stock !== undefined && formats.units(stock, wanted) === formats.units(wanted);
  const key = even ? `${known}.even` : known;
  return t(`attention.${key}`, {
    count: parameters.months,
    months: parameters.months,
    stock: stock === undefined ? "" : formats.units(stock, wanted),
    wanted: wanted === undefined ? "" : formats.units(wanted),
    highest: highest === undefined ? "" : formats.units(highest),
    best: best === undefined ? "" : formats.units(best),
    change: parameters.change === undefined ? "" : formats.percent(Math.abs(parameters.change)),
    times: parameters.change === undefined ? "" : formats.times(1 + parameters.change),
  });
}

/** The short name of the same, for a label. */
export function attentionName(attention) {
  const key = `attention.${attention.code}.name`;
  return t(has(key) ? key : "attention.other.name");
}

/** Confidence in a word. */
export function confidenceWord(word) {
  return t(`confidence.${word}`);
}

/** Why the confidence is what it is, from a product's forecast document. */
export function confidenceSentence(forecast, formats) {
  const months = forecast.history.units_sold.length;
  if (forecast.confidence === "unknown") return unknownSentence(forecast, months);
  const last = forecast.months.length - 1;
  const told = t(`confidence.${forecast.confidence}.why`, {
    low: formats.units(forecast.lo80[0]),
    high: formats.units(forecast.hi80[0]),
    month: formats.month(forecast.months[Math.min(0, last)]),
  });
  const { wape } = forecast.accuracy ?? {};
  if (wape === null || wape === undefined) return told;
  return `${told} ${t("confidence.missed", { share: formats.percent(wape) })}`;
}

function unknownSentence(forecast, months) {
  if (forecast.reason?.code === "never_sold") return t("confidence.unknown.unsold");
  if (forecast.active && months < 12) {
    return t("confidence.unknown.young", { count: months, months });
  }
  if (forecast.horizon_units === 0) return t("confidence.unknown.zero");
  return t("confidence.unknown.why");
}

/** The reason beside a forecast, as sentences; empty where there is none. */
export function reasonSentence(reason, formats) {
  if (!reason) return "";
  const { code, parameters } = reason;
  if (!has(`reason.${code}`)) return t("reason.other", { code });
  const launches = Number(parameters.launches ?? 0);
  const followed = parameters.sold_in ? "launches-elsewhere" : "launches";
  const key = launches > 0 ? `reason.${code}.${followed}` : `reason.${code}`;
  const count = Number(launches || (parameters.months ?? 0));
  const told = t(key, { ...shownParameters(parameters, formats), count });
  const before = [correctedSentence(parameters), calendarSentence(parameters)];
  return [...before, told, levelSentence(parameters)].filter(Boolean).join(" ");
}

function correctedSentence({ corrected }) {
  return corrected && t("reason.corrected", { corrected, count: Number(corrected) });
}

/** Which working days, feasts and sales days move months ahead. */
function calendarSentence({ calendar }) {
  if (!calendar) return "";
  const effects = calendar.split(",").map((name) => t(`effect.${name}`));
  return t("reason.calendar", { effects: effects.join(", ") });
}

/** To which level the methods' numbers were brought, where they were. */
function levelSentence({ level }) {
  return level && t(`reason.level.${level}`);
}

/** The same of a daily forecast: what is told of months there is told of days here. */
export function dailyReasonSentence(reason, formats) {
  if (!reason?.code) return "";
  const { code, parameters } = reason;
  if (leavesMonth(reason)) {
    return dailyReasonSentence({ code: parameters.served, parameters }, formats);
  }
  const count = Number(parameters.days ?? 0);
  const told = has(`day-reason.${code}`)
    ? t(`day-reason.${code}`, { ...parameters, count })
    : reasonSentence(reason, formats);
  const closed = parameters.closed?.split(",").map((day) => formats.dayName(day)) ?? [];
  return closed.length ? `${t("day-reason.closed", { days: closed.join(" · ") })} ${told}` : told;
}

/** Whether the days sell more or less than the month's forecast allows: `above`, `below`, or not. */
export function leavesMonth(reason) {
  return { above_month: "above", below_month: "below" }[reason?.code];
}

/** Why the days do not agree with the forecast of their month, as one sentence. */
export function monthSentence({ code, parameters }, formats) {
  return t(`day-reason.${code}`, {
    month: formats.month(`${parameters.month}-01`),
    pace: formats.units(Number(parameters.pace)),
    bound: formats.units(Number(parameters.upper ?? parameters.lower)),
  });
}

/** What a method of days does, in a sentence. */
export function dailyModelSentence(model) {
  return t(has(`day-model.${model}`) ? `day-model.${model}` : "model.other", { model });
}

/** The methods that serve together, each with its share, the largest first; often none. */
export function servingMethods(reason) {
  const weights = reason?.parameters.weights?.split(",") ?? [];
  return weights.map((each) => {
    const [model, share] = each.split(":");
    return { model, share: Number(share) };
  });
}

/** Months, shares and donors as a person writes them. */
function shownParameters(parameters, formats) {
  const month = /^\d{4}-\d{2}$/;
  const shown = { ...parameters };
  for (const [name, value] of Object.entries(parameters)) {
    if (month.test(value)) shown[name] = formats.month(`${value}-01`);
  }
  if (parameters.share) shown.share = formats.percent(Number(parameters.share));
  if (parameters.last_sale === "never") shown.last_sale = t("reason.never");
  if (parameters.donor === "merchant") shown.donor = t("reason.merchant");
  else if (parameters.donor) shown.donor = parameters.donor.replaceAll("|", " · ");
  return shown;
}

/** What a model does, in a sentence for who wants it. */
export function modelSentence(model) {
  return t(has(`model.${model}`) ? `model.${model}` : "model.other", { model });
}
