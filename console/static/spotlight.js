// While no case is open, the newest hit that nobody has looked at stands in the middle, large: a wall needs no click.

import { plateOf } from "./plate.js";
import { exactTime } from "./ages.js";
import { askAgain } from "./late_picture.js";

const LEVELS = { hit: "! 命中", possible: "≈ 疑似" };
const UNSEEN = new Set(["new", "reopened"]);

const isUnseen = (view) => UNSEEN.has(view.state) || (view.state === "escalated" && !view.is_confirmed);

// Hits before possibles, the latest passage first.
function newest(views) {
  const rank = (view) => [view.level === "hit" ? 1 : 0, Date.parse(view.last_seen_at)];
  return views.filter(isUnseen).reduce((best, view) => {
    if (!best) return view;
    const [a, b] = [rank(view), rank(best)];
    return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]) ? view : best;
  }, null);
}

export class Spotlight {
  constructor(open) {
    this.box = document.getElementById("spotlight");
    this.box.addEventListener("click", () => this.view && open(this.view.case_id));
    this.view = null;
  }

  draw(views) {
    const view = newest(views);
    this.box.hidden = !view;
    document.getElementById("choose").hidden = Boolean(view);
    const key = view && `${view.case_id} ${view.version} ${view.event_id}`;
    if (this.key === key) return;
    [this.key, this.view] = [key, view];
    if (!view) return this.box.replaceChildren();
    const badge = make("span", `badge ${view.level}`, LEVELS[view.level]);
    const time = Object.assign(make("time", "", ""), { title: exactTime(view.passed_at) });
    time.dataset.since = view.passed_at;
    const head = make("p", "head", "");
    head.append(badge, time);
    const where = make("p", "where", view.checkpoint);
    const why = make("p", "why", view.areas.length ? `到过 ${view.areas.join("、")}` : view.why);
    this.box.replaceChildren(head, ...this.picture(view), plateOf(view), why, where, make("p", "muted", "待核实，最新一辆尚未人工确认"));
    this.box.querySelector("kk-plate").classList.add("huge");
    return undefined;
  }

  picture(view) {
    if (!view.has_plate_picture) return [];
    const image = Object.assign(document.createElement("img"), { alt: "车辆照片", src: `/cases/${view.case_id}/events/${view.event_id}/vehicle` });
    askAgain(image);
    return [image];
  }
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
