// The list of cases: the latest passage on top, updated in place, read page by page.

import { drawRow } from "./case_row.js";
import { Alarms } from "./alarms.js";
import { ListFilters } from "./list_filters.js";
import { Picks } from "./picks.js";
import { ask, toast } from "./ask.js";
import { tick } from "./ages.js";

const MAX_ROWS = 300;
const PAGE_ROWS = 100; // as many as the console sends at once

const seen = new WeakMap(); // of a view, when its vehicle passed last

function seenAt(view) {
  if (!seen.has(view)) seen.set(view, Date.parse(view.last_seen_at));
  return seen.get(view);
}

// Whether a stands above b.
function isAbove(a, b) {
  return seenAt(a) === seenAt(b) ? a.case_id > b.case_id : seenAt(a) > seenAt(b);
}

export class CaseList {
  constructor({ opened, news, settled }) {
    this.rows = document.getElementById("rows");
    this.nothing = document.getElementById("nothing");
    this.older = document.getElementById("older");
    this.views = new Map(); // of the rows that are shown
    this.opened = opened;
    this.news = news;
    this.settled = settled;
    this.isLoaded = false;
    this.last = null; // the console was asked for all cases down to this one
    this.limit = MAX_ROWS;
    this.passages = 0;
    this.selected = null;
    this.isPaging = false;
    this.wantsOlder = false;
    this.alarms = new Alarms();
    this.picks = new Picks(this.rows);
    this.filters = new ListFilters(() => this.load());
    this.rows.addEventListener("click", (event) => this.clicked(event));
    this.older.addEventListener("click", () => this.loadOlder());
  }

  // --- reading

  // Returns whether the list is now as the console has it.
  load() {
    return this.reading(async (meanwhile) => {
      // A new case is news whatever is on the screen: where the stream had a gap, only the open cases tell of it.
      const [views, open] = await Promise.all([this.page(), this.isPlain ? [] : ask("/screen/cases")]);
      if (this.meanwhile !== meanwhile) return;
      const news = this.alarms.take([...views, ...open]);
      this.alarms.settle([...views, ...open]);
      this.isLoaded = true;
      this.views.clear();
      this.rows.replaceChildren();
      this.addPage(views, news);
      if (news.length) this.news(news);
    });
  }

  get isPlain() { return this.filters.group === "open" && !this.filters.isSifting; }

  // Pressed while the list itself is on its way, it is done after that.
  async loadOlder() {
    if (this.isPaging) return;
    if (this.meanwhile) {
      this.wantsOlder = true;
      return;
    }
    this.isPaging = true;
    const isRead = await this.reading(async (meanwhile) => {
      this.settle();
      const shown = this.rows.children.length;
      // The stream may have brought the whole page already: then the one after it is wanted.
      do {
        const views = await this.page(this.last);
        if (this.meanwhile !== meanwhile) return;
        this.addPage(views);
      } while (!this.older.hidden && this.rows.children.length === shown);
    });
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
    this.trim();
    this.settle();
    if (this.wantsOlder) setTimeout(() => this.loadOlder());
    this.wantsOlder = false;
    return isRead;
  }

  page(last) {
    const { wanted, words } = this.filters;
    if (last) Object.assign(wanted, { seen_before: last.last_seen_at, before: last.case_id });
    return words ? ask("/screen/search", { ...wanted, ...words }) : ask(`/screen/cases?${new URLSearchParams(wanted)}`);
  }

  addPage(views, news = []) {
    this.placeAll(views, news, true);
    this.last = views.at(-1) ?? null;
    this.older.hidden = views.length < PAGE_ROWS;
    this.limit = Math.max(MAX_ROWS, this.views.size + PAGE_ROWS); // what somebody paged down to stays
    for (const again of this.meanwhile.splice(0)) again();
  }

  // --- what the stream brings

  put(views) {
    const news = this.alarms.take(views);
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

  // Cut at the old end, and to be read on from there.
  trim() {
    if (this.meanwhile || this.rows.children.length <= this.limit) return;
    while (this.rows.children.length > this.limit) this.remove(Number(this.rows.lastElementChild.dataset.case));
    const lowest = this.views.get(Number(this.rows.lastElementChild.dataset.case));
    // An old case that came over the stream stands below the last page, and those between are still to come.
    if (!this.last || isAbove(lowest, this.last)) this.last = lowest;
    this.older.hidden = false;
  }

  placeAll(views, news, isPage = false) {
    const fresh = new Set(news.map((view) => view.case_id));
    for (const view of views) this.place(view, fresh.has(view.case_id), isPage);
  }

  place(view, isFresh, isPage) {
    const old = this.rows.querySelector(`[data-case="${view.case_id}"]`);
    const staysSelected = old && this.selected === view.case_id;
    if (!isPage && !this.filters.lets(view, Boolean(old)) && !staysSelected) return this.remove(view.case_id);
    const before = this.views.get(view.case_id);
    this.views.set(view.case_id, view);
    const row = drawRow(view, old);
    row.classList.toggle("selected", view.case_id === this.selected);
    row.classList.toggle("fresh", isFresh);
    this.picks.show(row, view.case_id);
    if (old && before?.last_seen_at === view.last_seen_at) return old.replaceWith(row);
    const hadFocus = old?.contains(document.activeElement);
    old?.remove();
    this.rows.insertBefore(row, this.firstBelow(view));
    if (hadFocus) this.rows.focus({ preventScroll: true });
  }

  // Null: it is the lowest, as each row of a page is when it comes.
  firstBelow(view) {
    const stands = (row) => isAbove(view, this.views.get(Number(row.dataset.case)));
    const { lastElementChild: lowest } = this.rows;
    return lowest && stands(lowest) ? [...this.rows.children].find(stands) : null;
  }

  remove(caseId) {
    this.views.delete(caseId);
    this.rows.querySelector(`[data-case="${caseId}"]`)?.remove();
    this.picks.forget(caseId);
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
    this.settled([...this.views.values()]);
    tick();
  }

  // --- choosing

  clicked(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const caseId = Number(row.dataset.case);
    if (event.target.closest(".pick")) return this.picks.set(caseId, row.querySelector(".pick input").checked);
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

  // Ticks the row that the arrows stand on.
  pickSelected() {
    if (!this.selected) return false;
    this.picks.set(this.selected, !this.picks.picked.has(this.selected));
    return undefined;
  }

  openSelected() {
    if (this.selected) this.opened(this.selected);
  }

  focus() {
    this.rows.focus({ preventScroll: true });
    this.settle();
    this.rows.querySelector(".selected")?.scrollIntoView({ block: "nearest" }); // on a phone the list was away meanwhile
  }
}
