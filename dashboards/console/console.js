// The console: asks the control API every two seconds and redraws what has changed.

import { byId, el, replace, show } from "./dom.js";
import { frontierPlot, plottable } from "./frontier.js";
import { exchangeItem, headline, legendEntry, rateRows, refreshMoments, tableRow, unplotted } from "./sections.js";

const EVERY_MILLISECONDS = 2000;
const PATIENCE_MILLISECONDS = 5000;
const EXCHANGES_SHOWN = 20;
const TOKEN = "candor-admin-token";

const state = { drawn: new Map(), answeredAt: null, timer: null };

class Unauthorized extends Error {}

async function ask(path) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { Accept: "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) });
  } catch {
    throw new Error(`${path} did not answer; is the gateway running?`);
  }
  if (answer.status === 401) throw new Unauthorized();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}${await reason(answer)}`);
  return answer.json();
}

// The one line that an error body carries, whether ours or FastAPI's.
async function reason(answer) {
  const body = await answer.json().catch(() => null);
  const detail = body?.error?.message ?? body?.detail;
  return typeof detail === "string" ? `: ${detail}` : "";
}

// Redraws a part only when its data changed, so that focus, hover and selection survive the polling.
function redraw(part, content, draw) {
  const key = JSON.stringify(content);
  if (state.drawn.get(part) === key) return;
  state.drawn.set(part, key);
  draw(content);
}

function drawFrontier({ points, live }) {
  const anyPlotted = points.some(plottable);
  show("plot", anyPlotted);
  replace(byId("plot"), ...(anyPlotted ? [frontierPlot(points)] : []));
  replace(byId("legend"), ...(anyPlotted ? [...points.map(legendEntry), ...LEGEND_NOTES()] : []));
  const sentence = headline(points);
  show("headline", sentence.length > 0);
  byId("headline").replaceChildren(...sentence);
  const lacking = unplotted(points);
  show("unplotted", lacking !== "");
  byId("unplotted").textContent = lacking;
  show("frontier-empty", points.length === 0);
  byId("probe-command").textContent = probeCommand(live);
  const rows = rateRows(points, live).map((row) => tableRow(row));
  const nothing = el("tr", {}, el("td", { colspan: 4, class: "absent" }, "Nothing is measured yet."));
  replace(byId("rates"), ...(rows.length ? rows : [nothing]));
}

const LEGEND_NOTES = () => [
  el("li", { class: "note" }, el("span", {}, "cross: 95 % interval")),
  el("li", { class: "note" }, el("span", {}, "dashed: refuses without telling prompts apart")),
];

function probeCommand(live) {
  const name = live[0]?.deployment ?? "default";
  return [
    "candor probe run starter-hard starter-toxic",
    `  --deployment ${name} --model MODEL`,
    `  --gateway ${location.origin} --report-to ${location.origin}`,
  ].join(" \\\n");
}

function drawExchanges({ exchanges, label }) {
  const empty = label === "undecided"
    ? "No undecided reply among the sampled ones."
    : label === "compliance" ? "No compliance among the sampled replies yet." : "No refusal among the sampled replies yet.";
  replace(byId("exchanges"), ...exchanges.map(exchangeItem));
  byId("exchanges-empty").textContent = empty;
  show("exchanges", exchanges.length > 0);
  show("exchanges-empty", exchanges.length === 0);
}

function freshness(kind, words) {
  byId("freshness").textContent = words;
  document.documentElement.dataset.state = kind;
}

function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour12: false });
}

function succeeded() {
  state.answeredAt = Date.now();
  show("problem", false);
  show("token-form", false);
  show("content", true);
  freshness("live", `live, ${clock(state.answeredAt)}`);
}

function failed(error) {
  if (error instanceof Unauthorized) {
    const tried = sessionStorage.getItem(TOKEN) !== null;
    sessionStorage.removeItem(TOKEN);
    if (tried) byId("token-note").textContent = "The gateway refused this token.";
    show("token-form", true);
    show("content", state.answeredAt !== null);
    show("problem", false);
    freshness("locked", "waiting for the admin token");
    return;
  }
  const since = state.answeredAt === null ? "" : ` Shown below: the numbers of ${clock(state.answeredAt)}.`;
  byId("problem").textContent = `${error.message}.${since}`.replace("?.", "?");
  show("problem", true);
  freshness("stale", "not up to date");
}

async function refresh() {
  const label = byId("label-filter").value;
  try {
    const [frontier, listing] = await Promise.all([
      ask("/api/frontier"),
      ask(`/api/exchanges?limit=${EXCHANGES_SHOWN}&label=${encodeURIComponent(label)}`),
    ]);
    redraw("frontier", frontier, drawFrontier);
    // An answer to a choice that was changed meanwhile must not stand under the new one.
    if (label === byId("label-filter").value) {
      redraw("exchanges", { exchanges: listing.exchanges, label }, drawExchanges);
    }
    refreshMoments();
    succeeded();
  } catch (error) {
    failed(error);
  }
}

// One poll at a time, the next one after the last has ended; none while nobody looks, and none without a token.
async function poll() {
  clearTimeout(state.timer);
  await refresh();
  clearTimeout(state.timer);
  const waiting = document.hidden || !byId("token-form").hidden;
  if (!waiting) state.timer = setTimeout(poll, EVERY_MILLISECONDS);
}

function start() {
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  byId("label-filter").addEventListener("change", poll);
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN, byId("token").value);
    byId("token").value = "";
    poll();
  });
  poll();
}

start();
