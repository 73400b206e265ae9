// The list of cases: newest on top, updated in place, read page by page.

import { drawRow, FINISHED } from "./case_row.js";
import { ListFilters } from "./list_filters.js";
import { ask, newKey, toast } from "./ask.js";
import { tick } from "./ages.js";

const MAX_ROWS = 300;
const PAGE_ROWS = 100; // as many as the console sends at once

export class CaseList {
  constructor({ opened, news }) {
    this.rows = document.getElementById("rows");
    this.nothing = document.getElementById("nothing");
    this.older = document.getElementById("older");
    this.views = new Map(); // of the rows that are shown
    this.opened = opened;
    this.news = news;
    this.isLoaded = false;
    this.newest = 0; // the newest case of the last list
    this.told = new Set(); // newer ones that were news already
    this.oldest = Infinity; // the console was asked for all cases down to this one
    this.limit = MAX_ROWS;
    this.passages = 0;
    this.selected = null;
    this.picked = new Set();
    this.isPaging = false;
    this.wantsOlder = false;
    this.filters = new ListFilters(() => this.load());
    this.rows.addEventListener("click", (event) => this.clicked(event));
    this.older.addEventListener("click", () => this.loadOlder());
    this.wireBulk();
  }

  // --- reading

  // Returns whether the list is now as the console has it.
  load() {
    this.oldest = Infinity;
    return this.reading(async (meanwhile) => {
      // A new case is news whatever is on the screen: where the stream had a gap, only the open cases tell of it.
      const { group } = this.filters;
      const [views, open] = await Promise.all([this.page(group), group === "open" ? [] : this.page("open")]);
      if (this.meanwhile !== meanwhile) return;
      const news = this.isLoaded ? this.takeNews([...views, ...open]) : [];
      this.newest = Math.max(this.newest, ...[...views, ...open].map((view) => view.case_id));
      this.isLoaded = true;
      this.views.clear();
      this.rows.replaceChildren();
      this.addPage(views, news);
      if (news.length) this.news(news);
      if (!this.views.size) await this.addOlder(meanwhile);
    });
  }

  // Pressed while the list itself is on its way, it is done after that.
  async loadOlder() {
    if (this.isPaging) return;
    if (this.meanwhile) {
      this.wantsOlder = true;
      return;
    }
    this.isPaging = true;
    const isRead = await this.reading((meanwhile) => this.addOlder(meanwhile));
    this.isPaging = false;
    this.wantsOlder = !isRead && Boolean(this.meanwhile); // a new list is on its way
  }

  // What comes over the stream while the list is on its way is newer than the list, and happens again after it.
  // A list that is asked for later takes `meanwhile` over: then the earlier answer counts no more.
  async reading(read) {
    const meanwhile = this.meanwhile = [];
    let isRead = true;
    try {
      await read(meanwhile);
    } catch (refusal) {
      toast(refusal.message);
      isRead = false;
    }
    if (this.meanwhile !== meanwhile) return false;
    this.meanwhile = null;
    this.settle();
    if (this.wantsOlder) setTimeout(() => this.loadOlder());
    this.wantsOlder = false;
    return isRead;
  }

  page(group, before) {
    return ask(`/screen/cases?group=${group}${Number.isFinite(before) ? `&before=${before}` : ""}`);
  }

  // Level and checkpoint are sifted here, so a page may show nothing: then the next is asked for.
  async addOlder(meanwhile) {
    let shown = 0;
    while (!shown && !this.older.hidden) {
      this.settle();
      const views = await this.page(this.filters.group, this.oldest);
      if (this.meanwhile !== meanwhile) return;
      shown = this.addPage(views);
    }
  }

  addPage(views, news = []) {
    const before = this.views.size;
    this.placeAll(views, news);
    const shown = this.views.size - before;
    // Paging goes by what the console sent, not by what is shown of it.
    this.oldest = Math.min(this.oldest, ...views.map((view) => view.case_id));
    this.older.hidden = views.length < PAGE_ROWS;
    this.limit = Math.max(MAX_ROWS, this.views.size + PAGE_ROWS); // what somebody paged down to stays
    for (const again of this.meanwhile.splice(0)) again();
    return shown;
  }

  // --- what the stream brings

  put(views) {
    const news = this.takeNews(views);
    this.placeAll(views, news);
    this.meanwhile?.push(() => this.placeAll(views, news));
    this.trim();
    this.settle();
    if (news.length) this.news(news);
  }

  // These cases went to another area.
  leave(caseIds) {
    const removeAll = () => caseIds.forEach((caseId) => this.remove(caseId));
    removeAll();
    this.meanwhile?.push(removeAll);
    if (caseIds.includes(this.selected)) this.selected = null;
    this.settle();
  }

  // Returns the cases that this screen has not told of yet; from now on it has.
  takeNews(views) {
    const news = views.filter((view) => view.case_id > this.newest && !this.told.has(view.case_id) && !FINISHED.has(view.state));
    for (const view of news) this.told.add(view.case_id);
    return news;
  }

  // Cut at the old end, and to be read on from there.
  trim() {
    if (this.meanwhile || this.rows.children.length <= this.limit) return;
    while (this.rows.children.length > this.limit) this.remove(Number(this.rows.lastElementChild.dataset.case));
    const lowest = Math.min(...this.views.keys());
    // An old case that came over the stream stands below the last page, and those between are still to come.
    this.oldest = Number.isFinite(this.oldest) ? Math.max(this.oldest, lowest) : lowest;
    this.older.hidden = false;
  }

  placeAll(views, news) {
    const fresh = new Set(news.map((view) => view.case_id));
    for (const view of views) this.place(view, fresh.has(view.case_id));
  }

  place(view, isFresh) {
    const old = this.rows.querySelector(`[data-case="${view.case_id}"]`);
    const staysSelected = old && this.selected === view.case_id;
    if (!this.filters.lets(view) && !staysSelected) return this.remove(view.case_id);
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

  setPassages(count) {
    this.passages = count;
    this.settle();
  }

  settle() {
    this.older.textContent = this.meanwhile && !this.older.hidden ? "正在查找更早的事件单…" : "更早的事件单";
    this.nothing.hidden = !this.isLoaded || this.rows.children.length > 0;
    this.nothing.textContent = this.filters.emptyWords(!this.older.hidden, this.passages);
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
