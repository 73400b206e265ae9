// The command screen: puts the parts together.

import "./plate.js";
import { listen } from "./live.js";
import { CaseList } from "./case_list.js";
import { CaseDetail } from "./case_detail.js";
import { drawState } from "./state.js";
import { Tiles } from "./tiles.js";
import { Lanes } from "./lanes.js";
import { Spotlight } from "./spotlight.js";
import { drawNotices } from "./notices.js";
import { Bell } from "./bell.js";
import { Trail } from "./trail.js";
import { toast } from "./ask.js";
import { setServerTime, tick } from "./ages.js";

const STREAM_MS = 1500;
const isReadOnly = document.documentElement.dataset.readOnly === "yes"; // a wall shows and does nothing
let spotlight = null; // until the list is there
let isFirst = true; // nothing was opened yet
const bell = new Bell(document.getElementById("mute"));
const detail = new CaseDetail(document.getElementById("detail-body"), {
  changed: (view) => list.put([view]),
  left: leave,
  opened: (caseId) => trail.opened(caseId),
  closed: () => {
    if (!detail.isOpen) trail.closed();
    list.focus();
  },
});
const list = new CaseList({
  opened: (caseId) => { if (!isReadOnly) detail.open(caseId); },
  news: (views) => bell.ring(views),
  settled: (views) => spotlight?.draw(views),
});

const trail = new Trail({ open: choose, leave: () => detail.back(), moved: () => list.filters.follow() });
const lanes = new Lanes(list.filters);
spotlight = new Spotlight(choose);

const tiles = new Tiles();
let meanwhile = null; // what the stream says while the whole state is on its way: it is newer, or what is newer follows it
let state = {}; // all but the tiles: counts of the day, open cases by grid, trouble, notices

const live = listen({
  cases: (views) => { list.put(views); detail.refresh(views); },
  gone: leave,
  state: apply,
  tiles: (change) => { if (tiles.change(change)) drawState(state, tiles.worstFirst); else catchUp(); },
  lane: (passage) => lanes.show(passage),
  isWriting: () => detail.isWriting,
  ping: (data) => setServerTime(data.now),
  resync: async () => {
    catchUp();
    const isRead = await list.load();
    detail.catchUp(isRead ? [...list.views.values()] : []);
    openLinked();
  },
});

// The console names every case that was handed over, also those that were never on this screen.
function leave(caseIds) {
  list.leave(caseIds);
  if (detail.leave(caseIds)) toast("已移交，不再属于您的辖区");
}

// A link in a message names the case; once it is open the address is the list's again.
function openLinked() {
  const query = new URLSearchParams(location.search);
  const caseId = Number(query.get("case")) || (isFirst && trail.kept);
  isFirst = false;
  if (!caseId) return;
  query.delete("case");
  history.replaceState(history.state, "", `?${query}`);
  choose(caseId);
}

function choose(caseId) {
  list.select(caseId);
  list.opened(caseId);
}

// What changed, or all there is.
function apply(changed) {
  Object.assign(meanwhile ?? {}, changed);
  state = { ...state, ...changed };
  setServerTime(changed.now);
  live.setTrouble(state.trouble, state.is_stale);
  drawState(state, tiles.worstFirst);
  drawNotices(state.notices);
  list.setPassages(state.today.passages);
}

function begin({ tiles: all, revision, ...rest }) {
  tiles.begin({ tiles: all, revision });
  apply(rest);
}

// Changes were missed: only the whole helps. Where it cannot be had, the next change asks again.
async function catchUp() {
  if (meanwhile) return;
  meanwhile = {};
  try {
    const answer = await fetch("/screen/state", { headers: { accept: "application/json" } });
    if (answer.ok) begin({ ...await answer.json(), ...meanwhile });
    else tiles.lose();
  } catch {
    tiles.lose();
  } finally {
    meanwhile = null;
  }
}

// A key that is held down is one wish: only the arrows repeat.
document.addEventListener("keydown", (event) => {
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || (isTyping && event.key !== "Escape")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isOnButton = event.target.closest("button, a, summary");
  const act = {
    ArrowDown: () => list.move(1),
    ArrowUp: () => list.move(-1),
    Enter: () => !isOnButton && list.openSelected(),
    Escape: () => detail.back(),
    " ": () => !isOnButton && list.pickSelected(),
  }[key] ?? (detail.isOpen ? () => detail.key(key) : undefined);
  if (!act || act() === false) return;
  event.preventDefault();
});

// Actions on a selected row that is not open yet: open it first, so that eyes come before hands.
document.addEventListener("keydown", (event) => {
  if (event.repeat || detail.isOpen || !list.selected || event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey) return;
  if ("crae".includes(event.key.toLowerCase()) && event.key.length === 1) {
    list.openSelected();
    toast("请先看图，再按一次执行。");
  }
});

setInterval(tick, 1000);
tick();
// The stream's first word asks for the list; where it does not come, the list comes without it.
setTimeout(() => { if (!list.isLoaded && !list.meanwhile) list.load(); }, STREAM_MS);
begin(JSON.parse(JSON.parse(document.getElementById("first-state").textContent)));
