// Which cases the list shows: kept in the address, so that a screen can be bookmarked. What is searched for is not:
// addresses end up in logs and histories.

import { FINISHED } from "./case_row.js";

const isUnseen = (view) => ["new", "reopened"].includes(view.state) || (view.state === "escalated" && !view.is_confirmed);
const GROUPS = {
  open: (view) => !FINISHED.has(view.state) && view.state !== "at_booth",
  new: isUnseen,
  out: (view) => ["assigned", "accepted", "verifying", "escalated"].includes(view.state) && !isUnseen(view),
  over: (view) => Boolean(view.overdue_since) && !FINISHED.has(view.state) && view.state !== "at_booth",
  done: (view) => FINISHED.has(view.state),
  booth: (view) => view.state === "at_booth",
};
const NAMES = { open: "未办结", new: "待核实", out: "已派出", over: "超时", done: "已结束", booth: "卡口处置" };
const EMPTY = {
  open: "暂无未办结的事件单。",
  new: "暂无待核实的事件单。",
  out: "暂无派出的事件单。",
  over: "暂无超时的事件单。",
  done: "暂无已结束的事件单。",
  booth: "暂无卡口正在处置的事件单。",
};
const DAY_MS = 86_400_000;

export class ListFilters {
  constructor(changed) {
    this.changed = changed;
    this.words = null; // { text, reason } while somebody searches
    this.form = document.getElementById("search");
    document.getElementById("filters").addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    document.getElementById("place").addEventListener("change", (event) => this.set({ checkpoint: event.target.value }));
    this.form.addEventListener("submit", (event) => this.search(event));
    this.form.addEventListener("reset", () => this.stopSearching());
    for (const name of ["since", "until"]) this.form[name].value = this.query.get(name) ?? "";
    this.form.hidden = !this.isSearching;
    this.show();
  }

  get query() { return new URLSearchParams(location.search); }
  get group() { return Object.hasOwn(GROUPS, this.query.get("group")) ? this.query.get("group") : "open"; }
  get level() { return this.query.get("level"); }
  get place() { return this.query.get("checkpoint"); }
  get isSearching() { return Boolean(this.words || this.query.get("since") || this.query.get("until")); }
  get isSifting() { return Boolean(this.level || this.place || this.isSearching); }

  // What is asked of the console.
  get wanted() {
    const day = (name, shift) => {
      const start = Date.parse(`${this.query.get(name)}T00:00:00+08:00`);
      return Number.isNaN(start) ? undefined : new Date(start + shift).toISOString();
    };
    const wanted = {
      group: this.group, level: this.level || undefined, checkpoint: this.place || undefined,
      since: day("since", 0), until: day("until", DAY_MS),
    };
    return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  }

  // A case that comes over the stream; whether it holds the words that are searched for, only the console knows.
  lets(view, isShown) {
    if (!isShown && (this.words || this.query.get("until"))) return false;
    return GROUPS[this.group](view) && (!this.level || view.level === this.level) && (!this.place || view.checkpoint === this.place);
  }

  // All is well only when nothing was left out and nothing is left to look at.
  emptyWords(hasOlder, passages) {
    if (hasOlder) return "还有更早的事件单，请点下面的按钮查看。";
    if (this.words) return `没有查到。只查了“${NAMES[this.group]}”的事件单；也可以点“${this.group === "done" ? NAMES.open : NAMES.done}”再查。`;
    if (this.isSifting) return `在当前筛选条件下，${EMPTY[this.group]}`;
    if (this.group !== "open") return EMPTY[this.group];
    const normal = passages ? `今天 ${passages.toLocaleString("zh-CN")} 辆通过，没有未办结的预警。` : "有车辆预警时会立刻出现在这里。";
    return `${EMPTY.open}${normal}`;
  }

  clicked(button) {
    if (!button) return;
    const { group, level } = button.dataset;
    if (group) this.set({ group });
    if (level) this.set({ level: this.level === level ? "" : level });
    if (button.id === "find") {
      this.form.hidden = !this.form.hidden;
      if (!this.form.hidden) this.form.text.focus();
      this.show();
    }
  }

  search(event) {
    event.preventDefault();
    const { text, reason, since, until } = Object.fromEntries(new FormData(this.form));
    if (text.trim() && reason.trim().length < 2) return this.form.reason.focus();
    this.words = text.trim() ? { text: text.trim(), reason: reason.trim() } : null;
    this.set({ since, until });
  }

  stopSearching() {
    this.words = null;
    this.form.hidden = true;
    this.set({ since: "", until: "" });
    document.getElementById("find").focus();
  }

  set(values) {
    const query = this.query;
    for (const [name, value] of Object.entries(values)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    history.replaceState(history.state, "", `?${query}`);
    this.show();
    this.changed();
  }

  // The back button may have brought an address with other filters.
  follow() {
    if (this.said === location.search) return;
    this.show();
    this.changed();
  }

  show() {
    this.said = location.search;
    for (const button of document.querySelectorAll("#filters button:not(#find)")) {
      button.setAttribute("aria-pressed", String(button.dataset.group === this.group || (button.dataset.level ?? "-") === this.level));
    }
    document.getElementById("find").setAttribute("aria-expanded", String(!this.form.hidden));
    document.getElementById("place").value = this.place ?? "";
  }
}
