// The health of the checkpoints: the worst first, faults counted where they cannot scroll away, healthy ones folded.

import { serverNow } from "./ages.js";
import { toast } from "./ask.js";
import { placeOf } from "./case_row.js";

const MARKS = { ok: "✓ 正常", warn: "? 异常提醒", bad: "! 故障" };
const SHOWN_HEALTHY = 3; // as many need no folding
const WORST = ["bad", "warn", "ok"];
let isUnfolded = false;

// All tiles of one moment, and the changes that lead on from there.
export class Tiles {
  constructor() {
    this.revision = -1;
    this.known = new Map();
  }

  begin({ revision, tiles }) {
    this.revision = revision;
    this.known = new Map(tiles.map((tile) => [keyOf(tile), tile]));
  }

  // The next change, whatever its number, then asks for the whole.
  lose() {
    this.revision = -Infinity;
  }

  // Returns false where a change is missing: then only the whole helps.
  change({ revision, changed, gone }) {
    if (revision <= this.revision) return true;
    if (revision > this.revision + 1) return false;
    this.revision = revision;
    for (const key of gone) this.known.delete(key);
    for (const tile of changed) this.known.set(keyOf(tile), tile);
    return true;
  }

  get worstFirst() {
    const order = (a, b) => WORST.indexOf(a.health) - WORST.indexOf(b.health) || compare(a.checkpoint, b.checkpoint) || compare(a.camera_id, b.camera_id);
    return [...this.known.values()].sort(order);
  }
}

const keyOf = (tile) => tile.camera_id || `/${tile.checkpoint}`;
const compare = (a, b) => (a < b ? -1 : Number(a > b));

export function drawTiles(tiles) {
  const box = document.getElementById("tiles");
  drawCounts(tiles);
  if (!tiles.length) {
    box.replaceChildren(make("p", "muted small", "还没有卡口上报。启动卡口盒子（kakou run）后，这里显示每个卡口的状态。"));
    return;
  }
  // A tile stays the same element, so that the keyboard's focus stays on it.
  const known = new Map([...box.querySelectorAll(".tile")].map((element) => [element.dataset.key, element]));
  const healthy = tiles.filter((tile) => tile.health === "ok");
  const isFolding = healthy.length > SHOWN_HEALTHY;
  const shown = isFolding && !isUnfolded ? tiles.filter((tile) => tile.health !== "ok") : tiles;
  const cameras = tiles.reduce((all, { checkpoint }) => all.set(checkpoint, (all.get(checkpoint) ?? 0) + 1), new Map());
  const elements = shown.map((tile) => {
    const key = `${tile.checkpoint}/${tile.camera_id}`;
    return fillTile(known.get(key) ?? makeTile(key), tile, cameras.get(tile.checkpoint) > 1);
  });
  if (isFolding) elements.push(fold(known.get("fold"), healthy.length, () => drawTiles(tiles)));
  const isSame = elements.length === box.children.length && elements.every((element, at) => box.children[at] === element);
  if (!isSame) box.replaceChildren(...elements);
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}

// Tiles are cameras; what people count is checkpoints.
function drawCounts(tiles) {
  const of = (health) => new Set(tiles.filter((tile) => tile.health === health).map((tile) => tile.checkpoint)).size;
  const [bad, warn] = [of("bad"), of("warn")];
  const box = document.getElementById("faults");
  const words = [bad && `! 故障 ${bad}`, warn && `? 异常提醒 ${warn}`].filter(Boolean);
  if (box.textContent === words.join("")) return;
  box.replaceChildren(...words.map((text) => make("span", `fault ${text[0] === "!" ? "bad" : "warn"}`, text)));
}

function fold(old, count, again) {
  const element = old ?? Object.assign(make("button", "tile ok fold"), { type: "button" });
  element.dataset.key = "fold";
  element.setAttribute("aria-expanded", String(isUnfolded));
  element.textContent = isUnfolded ? "收起正常的卡口" : `✓ ${count} 路正常`;
  element.onclick = () => { isUnfolded = !isUnfolded; again(); };
  return element;
}

function makeTile(key) {
  const element = Object.assign(make("button"), { type: "button" });
  element.dataset.key = key;
  element.append(make("b"), make("span", "mark"), make("span", "says"));
  element.addEventListener("click", () => toast(element.title));
  return element;
}

function fillTile(element, tile, isOneOfSeveral) {
  const well = () => `${tile.fps === null ? "相机上报" : `${tile.fps.toFixed(0)} 帧/秒`} · 识别 ${ago(tile.last_read_at)} · 名单 v${tile.list_version} ${ago(tile.list_at)}`;
  const says = tile.problems.length ? tile.problems.join(" · ") : well();
  element.className = `tile ${tile.health}`;
  element.querySelector("b").textContent = isOneOfSeveral ? placeOf(tile) : tile.checkpoint;
  element.querySelector(".mark").textContent = MARKS[tile.health];
  element.querySelector(".says").textContent = says;
  element.title = [
    `${tile.checkpoint} ${tile.camera_id}：${tile.problems.join("，") || "正常"}`,
    `${tile.fps === null ? "—" : tile.fps.toFixed(0)} 帧/秒，最近识别 ${ago(tile.last_read_at)}`,
    `名单 v${tile.list_version ?? "—"}，${ago(tile.list_at)}`,
    `未核对 ${tile.unchecked ?? "—"}，待发送 ${tile.queue ?? "—"}`,
  ].join("\n");
  return element;
}

function ago(moment) {
  if (moment === null) return "—";
  const seconds = Math.max(0, (serverNow() - Date.parse(moment)) / 1000);
  return seconds < 120 ? `${Math.round(seconds)} 秒前` : `${Math.round(seconds / 60)} 分钟前`;
}
