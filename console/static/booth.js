// The booth page: the vehicle that stands there now, what is known of it, and one tap. What waits for a hand stays.

import { plateOf } from "./plate.js";
import { drawNotices } from "./booth_notices.js";
import { BoothSound } from "./booth_sound.js";
import { ask, toast } from "./ask.js";
import { elapsedSince, moment, serverNow, setServerTime, spokenAge } from "./ages.js";

const WORDS = { clear: ["✓", "无风险"], hit: ["!", "命中"], possible: ["≈", "疑似"], unchecked: ["?", "未核对"] };
const TODO = {
  clear: "未到过公布的风险区，放行。",
  hit: "请司机靠边停车，对照照片核对号牌，查验行程与核酸，再按结果点一个按钮。",
  possible: "号牌可能读错：对照照片和车上的号牌逐字核对。不是这个号牌，点“排除（误读）”。",
  unchecked: "名单暂时查不到：请人工查验行程。恢复后系统自动补查。",
};
const RESULTS = Object.fromEntries([...document.querySelectorAll("[data-result]")].map((button) => [button.dataset.result, button.textContent]));
const SHOWN = 10;
const LEAST_MS = 3000; // so long an outcome stays on the screen, although its vehicle has left
const SILENCE_MS = 8000;
const ALARM_EVERY_MS = 10000;
const LOOK_MS = 800; // no tap counts for a vehicle that has stood there for less: it was meant for the one before

const find = (id) => document.getElementById(id);
const sound = new BoothSound(find("mute"));
const sights = new Map();
let shown = null; // the number of the vehicle that is painted large, and how
let paintedAt = 0;
let faced = null; // the number of the vehicle that the buttons are for, and since when
let facedAt = 0;
let rangAt = 0;
let lastHeard = moment();
let problems = [];
let notices = [];
let busy = false;

const inOrder = () => [...sights.values()].sort((a, b) => a.number - b.number);

// A vehicle that waits is one vehicle however often it passed: as it was seen last, in the order in which they came.
function waiting() {
  const vehicles = new Map();
  for (const sight of inOrder()) if (sight.waits) vehicles.set(`${sight.plate_class} ${sight.plate_text}`, sight);
  return [...vehicles.values()];
}

// What waits for a hand comes first, the oldest of them; else what came last.
const chosen = () => waiting()[0] ?? inOrder().at(-1) ?? null;

function take(sight) {
  const before = sights.get(sight.number);
  sights.set(sight.number, sight);
  if (before?.outcome !== sight.outcome) ring(sight);
  draw();
}

function ring(sight) {
  sound.play(sight.outcome);
  rangAt = Date.now();
}

// A green screen must not be taken for the next vehicle's: once its vehicle has left, the colour goes.
function isOver(sight) {
  return !sight.waits && (sight.result || sight.has_left) && Date.now() - paintedAt > LEAST_MS;
}

function draw() {
  const sight = chosen();
  const isDeaf = problems.length > 0 || isSilent();
  const key = sight && `${sight.number} ${sight.outcome} ${sight.plate_text} ${sight.waits} ${sight.has_plate_picture}`;
  if (key !== shown) paint(sight, key);
  if (faced !== sight?.number) face(sight?.number);
  const now = find("now");
  const isIdle = !sight || isOver(sight) || (isDeaf && !sight.waits);
  now.className = `now ${isIdle ? "idle" : sight.outcome}`;
  const [sign, word, todo] = isIdle ? idleWords(sight, isDeaf) : [...WORDS[sight.outcome], TODO[sight.outcome]];
  for (const [id, words] of Object.entries({ sign, word, todo })) if (find(id).textContent !== words) find(id).textContent = words;
  const others = waiting().length - 1;
  find("more").hidden = others < 1;
  find("more").textContent = `还有 ${others} 辆等待处置`;
  drawLatest();
  tick();
}

// The second half of a double tap must not let the next vehicle through.
function face(number) {
  [faced, facedAt] = [number, performance.now()];
  setReady(false);
  if (chosen()?.waits) scrollTo({ top: 0 }); // whatever was looked at below: this vehicle, its picture and the buttons
  setTimeout(() => setReady(performance.now() - facedAt >= LOOK_MS), LOOK_MS + 10);
}

function setReady(isReady) {
  for (const button of find("acts").children) button.setAttribute("aria-disabled", String(!isReady));
}

function idleWords(sight, isDeaf) {
  if (isDeaf) return ["?", "未核对", "现在的车辆没有经过系统核对，请人工查验。"];
  return ["", "等待车辆", sight ? `上一辆：${said(sight)}` : "车辆到达后这里显示结果。"];
}

const said = (sight) => `${WORDS[sight.outcome].join(" ")}${sight.result ? `，${RESULTS[sight.result]}` : ""}`;

function paint(sight, key) {
  shown = key;
  paintedAt = Date.now();
  find("acts").hidden = !sight?.waits;
  picture("vehicle", sight?.has_vehicle_picture, sight);
  picture("plate", sight?.has_plate_picture, sight);
  find("nopic").hidden = !sight || sight.has_vehicle_picture || sight.has_plate_picture;
  if (!sight) return find("text").replaceChildren(), find("stays").replaceChildren();
  find("text").replaceChildren(plateOf({ ...sight, level: sight.outcome }));
  const permit = sight.permit ? [make("li", "permit", sight.permit)] : [];
  find("stays").replaceChildren(...sight.stays.map((words) => make("li", "", `到过 ${words}`)), ...permit);
  performance.mark(`painted ${sight.number}`);
  return undefined;
}

function picture(kind, isThere, sight) {
  const image = find(kind);
  image.hidden = !isThere;
  if (isThere) image.src = `/sights/${sight.number}/${kind}.jpg`;
  else image.removeAttribute("src");
}

function drawLatest() {
  find("latest").replaceChildren(...inOrder().slice(-SHOWN).reverse().map((sight) => {
    const item = make("li", sight.outcome);
    item.append(make("b", "", WORDS[sight.outcome].join(" ")), plateOf({ ...sight, level: "" }), make("span", "muted age", ""));
    item.lastChild.dataset.since = sight.decided_at;
    if (sight.result) item.append(make("span", "", RESULTS[sight.result]));
    else if (sight.waits) item.append(make("strong", "", "待处置"));
    return item;
  }));
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function tick() {
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = `${spokenAge(serverNow() - Date.parse(element.dataset.since))}前`;
  }
  const sight = chosen();
  const until = sight?.waits && sight.waits_until;
  find("left").textContent = until ? `${spokenAge(Math.max(0, Date.parse(until) - serverNow()))}后转值班台` : "";
}

function state(data) {
  setServerTime(data.now);
  problems = data.problems;
  notices = data.notices;
  find("line").textContent = data.unsent ? `↑ 待同步 ${data.unsent}，网络恢复后自动发送` : "✓ 已与指挥中心同步";
  find("line").classList.toggle("wait", data.unsent > 0);
  heard();
}

const isSilent = () => elapsedSince(lastHeard) > SILENCE_MS;

function heard() {
  lastHeard = moment();
  banner();
  draw();
}

function banner() {
  const told = new Set(notices.map((one) => `${one.camera_id}：${one.title}`)); // with what to do, in the line below
  const words = isSilent() ? ["与卡口盒子的连接中断，画面不再更新"] : problems.filter((one) => !told.has(one));
  find("banner").hidden = !words.length;
  drawNotices(notices);
  if (find("banner").textContent !== words.join(" · ")) find("banner").textContent = words.join(" · ");
}

// --- one tap

find("acts").addEventListener("click", async (event) => {
  const result = event.target.closest("[data-result]")?.dataset.result;
  const sight = chosen();
  if (!result || !sight || busy || performance.now() - facedAt < LOOK_MS) return;
  busy = true;
  try {
    await ask(`/sights/${sight.number}/handled`, { result, who: who() });
    toast(`已记录：${RESULTS[result]}`);
  } catch (refusal) {
    toast(refusal.message);
    if (refusal.status === 404) forget(sight.number);
  } finally {
    busy = false;
  }
});

const who = () => localStorage.getItem("kakou-booth-who") ?? "";

function label() {
  find("who").textContent = `值岗人：${who() || "未填"}`;
}

find("who").addEventListener("click", () => {
  find("name").value = who();
  find("ask-who").showModal();
});
find("ask-who").addEventListener("close", () => {
  localStorage.setItem("kakou-booth-who", find("name").value.trim());
  label();
});

function forget(number) {
  sights.delete(number);
  draw();
}

// --- the stream

let source = null;

function listen() {
  source?.close();
  source = new EventSource("/stream");
  source.addEventListener("all", (event) => {
    sights.clear();
    for (const sight of JSON.parse(event.data)) sights.set(sight.number, sight);
    heard();
  });
  source.addEventListener("sight", (event) => { take(JSON.parse(event.data)); heard(); });
  source.addEventListener("gone", (event) => { forget(JSON.parse(event.data)); heard(); });
  source.addEventListener("state", (event) => state(JSON.parse(event.data)));
  source.addEventListener("ended", () => { source.close(); location.reload(); }); // taken off: the page says so
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(retry, 2000); };
}

// A stream that is refused is that of a device that was taken off: the page says so.
async function retry() {
  try {
    const answer = await fetch("/", { headers: { accept: "text/html" } });
    if (answer.status === 401) return location.reload();
  } catch { /* still out of reach */ }
  return listen();
}

setInterval(() => {
  if (isSilent()) {
    banner();
    if (source.readyState !== EventSource.CONNECTING) listen();
  }
  if (waiting().length && Date.now() - rangAt > ALARM_EVERY_MS) ring(chosen());
  draw();
}, 1000);

navigator.wakeLock?.request("screen").catch(() => {}); // the tablet must not fall asleep; where it may not be asked, its own settings do it
document.addEventListener("visibilitychange", () => {
  draw(); // it may have slept: what was green is not green
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
});
label();
listen();
draw();
