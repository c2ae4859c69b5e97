// Charts as SVG: one series with its history, forecast and bands, and the small line of a list.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 900, HEIGHT = 320, LEFT = 56, RIGHT = 12, TOP = 12, BOTTOM = 28;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function monthsFrom(first, count) {
  const [year, month] = first.split("-").map(Number);
  return Array.from({ length: count }, (_, i) => new Date(Date.UTC(year, month - 1 + i, 1)));
}

const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= value) || 1;
}

export function forecastChart(forecast, words) {
  const history = forecast.history.units_sold;
  const months = [
    ...monthsFrom(forecast.history.first_month, history.length),
    ...forecast.months.map((month) => new Date(month)),
  ];
  const top = niceTop(Math.max(...history, ...forecast.hi95, 1));
  const x = (i) => LEFT + (i * (WIDTH - LEFT - RIGHT)) / Math.max(months.length - 1, 1);
  const y = (units) => TOP + (1 - units / top) * (HEIGHT - TOP - BOTTOM);
  const chart = element("svg", {
    class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words.label,
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const height = y(top * share);
    chart.append(
      element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: height, y2: height }),
      element("text", { x: LEFT - 8, y: height + 4, "text-anchor": "end" }, words.number(top * share)),
    );
  }
  months.forEach((month, i) => {
    if (month.getUTCMonth() === 0) {
      chart.append(element("text", { x: x(i), y: HEIGHT - 8, "text-anchor": "middle" }, month.getUTCFullYear()));
    }
  });
  const ahead = (values) => values.map((units, i) => [x(history.length + i), y(units)]);
  const now = history.length ? [[x(history.length - 1), y(history[history.length - 1])]] : [];
  for (const level of [95, 80]) {
    const upper = ahead(forecast[`hi${level}`]), lower = ahead(forecast[`lo${level}`]);
    chart.append(element("path", { class: `band${level}`, d: path([...now, ...upper, ...lower.reverse()]) + "Z" }));
  }
  if (history.length) {
    chart.append(element("path", { class: "history", d: path(history.map((units, i) => [x(i), y(units)])) }));
  }
  chart.append(element("path", { class: "forecast", d: path([...now, ...ahead(forecast.units_forecast)]) }));
  return chart;
}

export function sparkline(past, ahead) {
  const all = [...past, ...ahead], top = Math.max(...all, 1);
  const point = (units, i) => [2 + (i * 92) / Math.max(all.length - 1, 1), 26 - (24 * units) / top];
  const chart = element("svg", { class: "spark", viewBox: "0 0 96 28", "aria-hidden": "true" });
  const points = all.map(point);
  if (past.length) chart.append(element("path", { class: "history", d: path(points.slice(0, past.length)) }));
  chart.append(element("path", { class: "forecast", d: path(points.slice(Math.max(past.length - 1, 0))) }));
  return chart;
}
