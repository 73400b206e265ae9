// Which cases the list shows: kept in the address, so that a screen can be bookmarked.

import { FINISHED } from "./case_row.js";

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

export class ListFilters {
  constructor(changed) {
    this.changed = changed;
    document.getElementById("filters").addEventListener("click", (event) => {
      const { group, level } = event.target.dataset;
      if (group) this.set("group", group);
      if (level) this.set("level", this.level === level ? "" : level);
    });
    document.getElementById("place").addEventListener("change", (event) => this.set("checkpoint", event.target.value));
    this.show();
  }

  get query() { return new URLSearchParams(location.search); }
  get group() { return Object.hasOwn(GROUPS, this.query.get("group")) ? this.query.get("group") : "open"; }
  get level() { return this.query.get("level"); }
  get place() { return this.query.get("checkpoint"); }

  // The console knows the group; level and checkpoint are sifted here.
  get isSifting() { return Boolean(this.level || this.place); }

  lets(view) {
    return GROUPS[this.group](view) && (!this.level || view.level === this.level) && (!this.place || view.checkpoint === this.place);
  }

  // All is well only when nothing was left out and nothing is left to look at.
  emptyWords(hasOlder, passages) {
    if (hasOlder) return `${this.isSifting ? "较新的事件单都不符合筛选条件。" : ""}还有更早的事件单，请点下面的按钮查看。`;
    if (this.isSifting) return `在当前筛选条件下，${EMPTY[this.group]}`;
    if (this.group !== "open") return EMPTY[this.group];
    const normal = passages ? `今天 ${passages.toLocaleString("zh-CN")} 辆通过，一切正常。` : "有车辆预警时会立刻出现在这里。";
    return `${EMPTY.open}${normal}`;
  }

  set(name, value) {
    const query = this.query;
    if (value) query.set(name, value);
    else query.delete(name);
    history.replaceState(null, "", `?${query}`);
    this.show();
    this.changed();
  }

  show() {
    for (const button of document.querySelectorAll("#filters button")) {
      button.setAttribute("aria-pressed", String(button.dataset.group === this.group || (button.dataset.level ?? "-") === this.level));
    }
    document.getElementById("place").value = this.place ?? "";
  }
}
