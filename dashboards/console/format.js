// Numbers into words. What was never measured has words of its own and never becomes a 0.

const THIN = "\u202f";

export const NOT_MEASURED = "not measured";

export function percent(share) {
  return `${(share * 100).toFixed(1)}${THIN}%`;
}

export function measured(rate) {
  return rate !== null && rate !== undefined && typeof rate.value === "number";
}

// An interval in one pair of brackets: "[9.1, 16.8]", in per cent.
export function interval(rate) {
  return `[${(rate.low * 100).toFixed(1)}, ${(rate.high * 100).toFixed(1)}]`;
}

// What a rate rests on: "25 of 200 refused", "3 undecided", "1 error".
export function countsOf(rate) {
  const parts = rate.decided ? [`${rate.hits} of ${rate.decided} refused`] : [];
  if (rate.undecided) parts.push(`${rate.undecided} undecided`);
  if (rate.errors) parts.push(`${rate.errors} ${rate.errors === 1 ? "error" : "errors"}`);
  return parts;
}

export function counts(rate) {
  return countsOf(rate).join(" · ");
}

export function sentence(name, rate) {
  if (!measured(rate)) return `${name}: ${NOT_MEASURED}`;
  return `${name}: ${percent(rate.value)} ${interval(rate)}, ${counts(rate)}`;
}

export function ago(unixSeconds, nowMilliseconds) {
  const seconds = Math.max(0, Math.round(nowMilliseconds / 1000 - unixSeconds));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function words(name) {
  return name.replaceAll("_", " ");
}
