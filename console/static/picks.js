// Several rows at once: those that are ticked, and what is done with them.

import { ask, newKey, toast } from "./ask.js";

export class Picks {
  constructor(rows) {
    this.rows = rows;
    this.picked = new Set();
    document.getElementById("bulk-cancel").addEventListener("click", () => this.clear());
    document.getElementById("bulk-close").addEventListener("click", () => this.closeAll());
  }

  show(row, caseId) {
    row.classList.toggle("picked", this.picked.has(caseId));
    row.querySelector(".pick input").checked = this.picked.has(caseId);
  }

  set(caseId, isPicked) {
    if (isPicked) this.picked.add(caseId);
    else this.picked.delete(caseId);
    this.changed(caseId);
  }

  forget(caseId) {
    if (this.picked.delete(caseId)) this.changed(caseId);
  }

  clear() {
    for (const caseId of [...this.picked]) this.set(caseId, false);
  }

  changed(caseId) {
    const row = this.rows.querySelector(`[data-case="${caseId}"]`);
    if (row) this.show(row, caseId);
    document.getElementById("bulk").hidden = !this.picked.size;
    document.getElementById("bulk-count").textContent = `已选 ${this.picked.size} 个事件单`;
  }

  async closeAll() {
    try {
      const result = await ask("/screen/duplicates", { case_ids: [...this.picked], key: newKey() });
      const refused = Object.values(result.refused);
      toast(`已标为重复 ${result.closed.length} 个。${refused.length ? `${refused.length} 个没有标记：${refused[0]}` : ""}`);
      this.clear();
    } catch (refusal) {
      toast(refusal.message);
    }
  }
}
