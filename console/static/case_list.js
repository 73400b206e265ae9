// The list of cases: newest on top, updated in place, filters in the address.

import { drawRow, FINISHED } from "./case_row.js";
import { ask, newKey, toast } from "./ask.js";
import { tick } from "./ages.js";

const MAX_ROWS = 300;
const GROUPS = {
  open: (view) => !FINISHED.has(view.state),
  new: (view) => ["new", "reopened", "escalated"].includes(view.state),
  out: (view) => ["assigned", "accepted", "verifying", "escalated"].includes(view.state),
  done: (view) => FINISHED.has(view.state),
};
const EMPTY = {
  open: "没有未办结的事件单。",
  new: "没有待核实的事件单。",
  out: "没有派出的事件单。",
  done: "还没有结束的事件单。",
};

export class CaseList {
  constructor({ opened, news }) {
    this.rows = document.getElementById("rows");
    this.nothing = document.getElementById("nothing");
    this.older = document.getElementById("older");
    this.views = new Map();
    this.opened = opened;
    this.news = news;
    this.newest = 0;
    this.passages = 0;
    this.selected = null;
    this.picked = new Set();
    this.rows.addEventListener("click", (event) => this.clicked(event));
    this.older.addEventListener("click", () => this.loadOlder());
    this.wireFilters();
    this.wireBulk();
  }

  async load() {
    // What comes over the stream while the list is on its way is newer than the list.
    const meanwhile = this.meanwhile = [];
    try {
      const views = await ask(`/screen/cases?group=${this.group}`);
      if (this.meanwhile !== meanwhile) return; // asked again since
      this.views.clear();
      this.rows.replaceChildren();
      this.newest = Math.max(this.newest, ...views.map((view) => view.case_id));
      for (const view of [...views, ...meanwhile]) this.place(view, false);
      this.older.hidden = views.length < 100;
      this.settle();
    } catch (refusal) {
      toast(refusal.message);
    } finally {
      if (this.meanwhile === meanwhile) this.meanwhile = null;
    }
  }

  async loadOlder() {
    const last = Math.min(...this.views.keys());
    const views = await ask(`/screen/cases?group=${this.group}&before=${last}`).catch((refusal) => { toast(refusal.message); return []; });
    for (const view of views) this.place(view, false);
    this.older.hidden = views.length < 100;
    this.settle();
  }

  put(views) {
    this.meanwhile?.push(...views);
    const fresh = views.filter((view) => view.case_id > this.newest);
    this.newest = Math.max(this.newest, ...views.map((view) => view.case_id));
    for (const view of views.sort((a, b) => a.case_id - b.case_id)) this.place(view, fresh.includes(view));
    while (this.rows.children.length > MAX_ROWS) this.remove(Number(this.rows.lastElementChild.dataset.case));
    this.settle();
    if (fresh.length) this.news(fresh);
  }

  place(view, isFresh) {
    const old = this.rows.querySelector(`[data-case="${view.case_id}"]`);
    const staysSelected = old && this.selected === view.case_id;
    if (!this.isShown(view) && !staysSelected) return this.remove(view.case_id);
    this.views.set(view.case_id, view);
    const row = drawRow(view, old);
    row.classList.toggle("selected", view.case_id === this.selected);
    row.classList.toggle("picked", this.picked.has(view.case_id));
    row.querySelector(".pick input").checked = this.picked.has(view.case_id);
    row.classList.toggle("fresh", isFresh);
    if (old) return old.replaceWith(row);
    const below = [...this.rows.children].find((other) => Number(other.dataset.case) < view.case_id);
    this.rows.insertBefore(row, below ?? null);
  }

  remove(caseId) {
    this.views.delete(caseId);
    this.rows.querySelector(`[data-case="${caseId}"]`)?.remove();
    if (this.picked.delete(caseId)) this.showPicked();
  }

  isShown(view) {
    return GROUPS[this.group](view) && (!this.level || view.level === this.level) && (!this.place_ || view.checkpoint === this.place_);
  }

  setPassages(count) {
    this.passages = count;
    this.settle();
  }

  settle() {
    this.nothing.hidden = this.rows.children.length > 0;
    const normal = this.passages ? `今天 ${this.passages.toLocaleString("zh-CN")} 辆通过，一切正常。` : "有车辆预警时会立刻出现在这里。";
    this.nothing.textContent = `${EMPTY[this.group]}${this.group === "done" ? "" : normal}`;
    document.body.classList.toggle("has-case", document.getElementById("detail-body").childElementCount > 0);
    document.body.classList.toggle("no-case", document.getElementById("detail-body").childElementCount === 0);
    tick();
  }

  // --- choosing

  clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const caseId = Number(row.dataset.case);
    if (event.target.closest(".pick")) return this.pick(caseId, row.querySelector(".pick input").checked);
    this.select(caseId);
    this.opened(caseId);
  }

  select(caseId) {
    this.selected = caseId;
    for (const row of this.rows.children) row.classList.toggle("selected", Number(row.dataset.case) === caseId);
    this.rows.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
  }

  move(by) {
    const ids = [...this.rows.children].map((row) => Number(row.dataset.case));
    if (!ids.length) return;
    const at = ids.indexOf(this.selected);
    this.select(ids[Math.min(ids.length - 1, Math.max(0, at + by))]);
  }

  openSelected() {
    if (this.selected) this.opened(this.selected);
  }

  focus() {
    this.rows.focus({ preventScroll: true });
    this.settle();
  }

  // --- filters, kept in the address so that a screen can be bookmarked

  get group() { return new URLSearchParams(location.search).get("group") in GROUPS ? new URLSearchParams(location.search).get("group") : "open"; }
  get level() { return new URLSearchParams(location.search).get("level"); }
  get place_() { return new URLSearchParams(location.search).get("checkpoint"); }

  wireFilters() {
    const box = document.getElementById("filters");
    box.addEventListener("click", (event) => {
      const { group, level } = event.target.dataset;
      if (group) this.filter("group", group);
      if (level) this.filter("level", this.level === level ? "" : level);
    });
    document.getElementById("place").addEventListener("change", (event) => this.filter("checkpoint", event.target.value));
    this.showFilters();
  }

  filter(name, value) {
    const query = new URLSearchParams(location.search);
    if (value) query.set(name, value);
    else query.delete(name);
    history.replaceState(null, "", `?${query}`);
    this.showFilters();
    this.load();
  }

  showFilters() {
    for (const button of document.querySelectorAll("#filters button")) {
      button.setAttribute("aria-pressed", String(button.dataset.group === this.group || (button.dataset.level ?? "-") === this.level));
    }
    document.getElementById("place").value = this.place_ ?? "";
  }

  // --- duplicates

  wireBulk() {
    document.getElementById("bulk-cancel").addEventListener("click", () => this.unpick());
    document.getElementById("bulk-close").addEventListener("click", () => this.closePicked());
  }

  pick(caseId, isPicked) {
    if (isPicked) this.picked.add(caseId);
    else this.picked.delete(caseId);
    this.rows.querySelector(`[data-case="${caseId}"]`)?.classList.toggle("picked", isPicked);
    this.showPicked();
  }

  showPicked() {
    document.getElementById("bulk").hidden = !this.picked.size;
    document.getElementById("bulk-count").textContent = `已选 ${this.picked.size} 个事件单`;
  }

  unpick() {
    for (const caseId of [...this.picked]) {
      this.pick(caseId, false);
      const box = this.rows.querySelector(`[data-case="${caseId}"] .pick input`);
      if (box) box.checked = false;
    }
  }

  async closePicked() {
    try {
      const result = await ask("/screen/duplicates", { case_ids: [...this.picked], key: newKey() });
      const refused = Object.values(result.refused);
      toast(`已按重复排除 ${result.closed.length} 个。${refused.length ? `${refused.length} 个没有排除：${refused[0]}` : ""}`);
      this.unpick();
    } catch (refusal) {
      toast(refusal.message);
    }
  }
}
