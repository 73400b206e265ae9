// The lane strip: a cell for each checkpoint with what passed there last, so that a plate can be read; with the list's
// filter on one checkpoint, the last vehicles of that one.

import { plateOf } from "./plate.js";

const SHOWN_MS = 10_000;
const ALARM_MS = 6_000; // so long a flagged vehicle stands before a clear one takes its place
const OF_ONE_PLACE = 5;
const PERMITS = { valid: "持有效通行证", expired: "通行证已过期", not_yet: "通行证未生效", doubled: "通行证重复", off_route: "通行证路线不符" };
const OUTCOMES = { clear: "✓ 无风险", flagged: "! 预警", unchecked: "? 未核对" };

export class Lanes {
  constructor(filters) {
    this.filters = filters; // { place, level }
    this.box = document.getElementById("lanes");
    this.passed = []; // the latest last, at most SHOWN_MS old
    setInterval(() => this.draw(), 1000);
  }

  show(passage) {
    this.passed.push({ ...passage, at: Date.now() });
    this.draw();
  }

  draw() {
    const now = Date.now();
    this.passed = this.passed.filter((passage) => now - passage.at < SHOWN_MS);
    const cells = this.filters.place ? this.ofOnePlace() : this.perPlace(now);
    const known = new Map([...this.box.children].map((item) => [item.dataset.key, item]));
    const items = cells.map(({ key, ...cell }) => known.get(key) ?? drawCell(key, cell));
    if (items.length !== this.box.children.length || items.some((item, at) => this.box.children[at] !== item)) this.box.replaceChildren(...items);
  }

  get wanted() {
    const { place, level } = this.filters;
    return this.passed.filter((passage) => (!place || passage.checkpoint === place) && (!level || passage.outcome === "flagged"));
  }

  ofOnePlace() {
    return this.wanted.slice(-OF_ONE_PLACE).reverse().map((passage) => ({ key: keyOf(passage), passage, more: 0 }));
  }

  // Flagged ones first, then by name: a cell does not wander with every vehicle.
  perPlace(now) {
    const places = Map.groupBy(this.wanted, (passage) => passage.checkpoint);
    const cells = [...places.values()].map((passages) => {
      const alarm = passages.findLast((passage) => passage.outcome === "flagged" && now - passage.at < ALARM_MS);
      const passage = alarm ?? passages.at(-1);
      return { key: `${keyOf(passage)} ${passages.length}`, passage, more: passages.length - 1 };
    });
    const isAlarm = (cell) => cell.passage.outcome === "flagged";
    return cells.sort((a, b) => isAlarm(b) - isAlarm(a) || a.passage.checkpoint.localeCompare(b.passage.checkpoint, "zh"));
  }
}

const keyOf = (passage) => `${passage.camera_id} ${passage.passed_at} ${passage.text} ${passage.at}`;

function drawCell(key, { passage, more }) {
  const item = make("li", `lane ${passage.outcome}`);
  item.dataset.key = key;
  item.dataset.checkpoint = passage.checkpoint;
  item.append(make("span", "muted", passage.checkpoint), plateOf({ plate_text: passage.text, plate_class: passage.plate_class }), make("b", "", OUTCOMES[passage.outcome]));
  if (PERMITS[passage.permit]) item.append(make("span", passage.permit === "valid" ? "permit" : "permit wrong", PERMITS[passage.permit]));
  if (more) item.append(make("span", "muted", `+${more}`));
  return item;
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}
