/** Scales of charts: values to places, and ticks that a person would have chosen. */

/** From [low, high] to [from, to], straight. */
export function linear(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Round ticks from zero to at least `most`, about `count` of them. */
export function ticks(most, count = 4) {
  const rough = Math.max(most, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 3, 4, 5, 6, 8, 10].map((s) => s * power).find((s) => s >= rough - 1e-12);
  const found = [0];
  while (found.at(-1) < most - step * 1e-9) found.push(found.length * step);
  return found;
}

/** A path through points [x, y]; a gap where a point is null. */
export function line(points) {
  let open = false;
  let path = "";
  for (const point of points) {
    if (point === null) {
      open = false;
      continue;
    }
    path += `${open ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    open = true;
  }
  return path;
}

/** The area between two rows of points. */
export function area(upper, lower) {
  return upper.length ? `${line(upper)}${line([...lower].reverse()).replace("M", "L")}Z` : "";
}
