// What is news on this screen: a new case, another passage of a vehicle, a limit that ran out. Each is told once.

import { FINISHED } from "./case_row.js";

function saidBy(view) {
  if (!view.overdue_since) return { key: `${view.case_id}/${view.passages}`, at: Date.parse(view.last_seen_at) };
  return { key: `${view.case_id}/${view.passages}/${view.escalations}`, at: Date.parse(view.changed_at) };
}

export class Alarms {
  constructor() {
    this.isListening = false; // what the first list brings is no news
    this.newest = 0;
    this.told = new Set();
  }

  // Returns the cases that this screen has not told of yet; from now on it has.
  take(views) {
    const news = views.filter((view) => this.isNews(view));
    for (const view of views) this.told.add(saidBy(view).key).add(`${view.case_id}/${view.passages}`);
    return this.isListening ? news : [];
  }

  isNews(view) {
    const { key, at } = saidBy(view);
    return at >= this.newest && !this.told.has(key) && !FINISHED.has(view.state);
  }

  // A whole list was read: whatever is older than its newest was told before, or is none of this shift's.
  settle(views) {
    this.newest = Math.max(this.newest, ...views.map((view) => saidBy(view).at));
    this.isListening = true;
  }
}
