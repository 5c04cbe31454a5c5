// The table of rates and the list of exchanges.

import { el, svg } from "./dom.js";
import { ago, countsOf, interval, measured, NOT_MEASURED, percent, words } from "./format.js";
import { plottable, seriesClass, symbol } from "./frontier.js";

const OPENING = 360;

// A strip from 0 to 100 %: the interval as a bar, the value as a dot.
function strip(rate) {
  const [low, high, value] = [rate.low * 100, rate.high * 100, rate.value * 100];
  return svg(
    "svg",
    { class: "strip", viewBox: "-2 0 104 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 3.2, width: 100, height: 1.6, rx: 0.8, class: "strip-track" }),
    svg("rect", { x: low, y: 2, width: Math.max(0.5, high - low), height: 4, rx: 1, class: "strip-interval" }),
    svg("rect", { x: value - 0.6, y: 0, width: 1.2, height: 8, rx: 0.4, class: "strip-value" }),
  );
}

// The counts, broken between lines only where one count ends.
function countLine(rate) {
  const parts = (rate ? countsOf(rate) : []).map((part) => el("span", {}, part));
  return el("small", { class: "counts" }, ...parts.flatMap((part, order) => (order ? [" · ", part] : [part])));
}

function rateCell(rate, name) {
  const cell = el("td", { "data-rate": name });
  if (!measured(rate)) {
    cell.append(el("span", { class: "absent" }, NOT_MEASURED), countLine(rate));
    return cell;
  }
  cell.append(
    el("strong", {}, percent(rate.value)),
    " ",
    el("span", { class: "interval" }, interval(rate)),
    strip(rate),
    countLine(rate),
  );
  return cell;
}

// A time that `refreshMoments` keeps true while its surroundings stay as drawn.
function moment(unixSeconds) {
  const attributes = { datetime: new Date(unixSeconds * 1000).toISOString(), "data-at": unixSeconds };
  return el("time", attributes, ago(unixSeconds, Date.now()));
}

export function refreshMoments() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    node.textContent = ago(Number(node.dataset.at), Date.now());
  }
}

function deploymentCell(row) {
  const under = [row.model, row.sets.join(", ")].filter(Boolean).join(" · ");
  return el(
    "th",
    { scope: "row" },
    el("span", { class: "deployment" }, row.index === null ? null : symbol(row.index), row.deployment),
    el("small", {}, under),
    row.updated ? el("small", {}, "probed ", moment(row.updated)) : el("small", {}, "not probed yet"),
  );
}

// One row a frontier point, with its deployment's live rate beside; then those that only live traffic knows.
export function rateRows(points, live) {
  const rateOf = new Map(live.map((row) => [row.deployment, row.refusal]));
  const probed = new Set(points.map((point) => point.deployment));
  const rows = points.map((point, index) => ({ ...point, index, live: rateOf.get(point.deployment) ?? null }));
  const rest = live.filter((row) => !probed.has(row.deployment));
  return rows.concat(
    rest.map((row) => ({ deployment: row.deployment, model: "", sets: [], over_refusal: null, safe_refusal: null, updated: null, index: null, live: row.refusal })),
  );
}

export function tableRow(row) {
  return el(
    "tr",
    { "data-testid": "rate-row", "data-deployment": row.deployment, class: row.index === null ? "" : seriesClass(row.index) },
    deploymentCell(row),
    rateCell(row.over_refusal, "over_refusal"),
    rateCell(row.safe_refusal, "safe_refusal"),
    rateCell(row.live, "live"),
  );
}

export function legendEntry(point, index) {
  return el("li", { class: seriesClass(index) }, symbol(index), el("span", {}, point.title));
}

// The points that cannot stand on the plot, and what each still lacks; an empty text where there are none.
export function unplotted(points) {
  const lacking = points.filter((point) => !plottable(point)).map((point) => {
    const lacks = [["over-refusal", point.over_refusal], ["safe refusal", point.safe_refusal]];
    return `${point.title} (no ${lacks.filter(([, rate]) => !measured(rate)).map(([name]) => name).join(", no ")})`;
  });
  return lacking.length ? `Not on the plot yet: ${lacking.join("; ")}.` : "";
}

// The sentence that an on-call person reads first: the worst over-refusal whose interval leaves no doubt.
export function headline(points) {
  const worst = points.filter((point) => measured(point.over_refusal)).sort((a, b) => b.over_refusal.low - a.over_refusal.low)[0];
  if (!worst) return [];
  const rate = worst.over_refusal;
  return [
    el("strong", {}, worst.title),
    " refuses ",
    el("strong", {}, percent(rate.value)),
    ` ${interval(rate)} of the harmless prompts`,
    points.length > 1 ? ", the most of all deployments." : ".",
  ];
}

function opening(text) {
  return text.length > OPENING ? `${text.slice(0, OPENING).trimEnd()}…` : text;
}

function evidence(verdict) {
  const probability = typeof verdict.probability === "number" ? `P(refused) ${verdict.probability.toFixed(2)}` : "no probability";
  return [
    el("span", { class: `chip ${verdict.label}`, "data-field": "label" }, words(verdict.label)),
    verdict.source === "none" ? null : el("span", { class: "chip source", "data-field": "source" }, words(verdict.source)),
    el("span", { class: "probability", "data-field": "probability" }, probability),
  ];
}

// What was asked last: the prompt's last user turn.
function question(exchange) {
  return exchange.prompt.filter((turn) => turn.role === "user").at(-1)?.text ?? "";
}

export function exchangeItem(exchange) {
  const { verdict } = exchange;
  return el(
    "li",
    { "data-testid": "exchange", "data-label": verdict.label },
    el("p", { class: "meta" }, ...evidence(verdict), el("span", { class: "where" }, exchange.deployment, " · ", moment(exchange.captured_at))),
    el("p", { class: "prompt", "data-field": "prompt" }, opening(question(exchange)) || "(no prompt kept)"),
    el("blockquote", { "data-field": "reply" }, opening(exchange.reply) || "(empty reply)"),
    el("p", { class: "why" }, el("span", { "data-field": "reason" }, verdict.reason || "no reason given"), " ", el("code", {}, verdict.classifier)),
  );
}
