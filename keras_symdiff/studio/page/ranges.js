/** Stretches of a song as lists of [start, end) in ticks, in order and apart. */

export function join(ranges) {
  const joined = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (end > start) joined.push([start, end]);
  }
  return joined;
}

export function without(ranges, [from, to]) {
  return ranges.flatMap(([start, end]) =>
    [[start, Math.min(end, from)], [Math.max(start, to), end]].filter(([a, b]) => b > a));
}

export const covers = (ranges, tick) => ranges.some(([start, end]) => start <= tick && tick < end);

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
