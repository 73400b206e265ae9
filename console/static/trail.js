// The browser's back button closes the case that is open, and forward opens it again; the address stays the list's.

export class Trail {
  constructor({ open, leave, moved }) {
    this.open = open;
    this.leave = leave; // returns false where something half written was put away first
    this.moved = moved;
    this.caseId = null;
    this.isReturning = false;
    addEventListener("popstate", () => this.popped());
  }

  // The case that stood open when the page was left or loaded anew.
  get kept() { return history.state?.case ?? null; }

  opened(caseId) {
    this.caseId = caseId;
    if (this.isReturning) return; // noted once that is done
    if (this.kept) history.replaceState({ case: caseId }, "");
    else history.pushState({ case: caseId }, "");
  }

  closed() {
    this.caseId = null;
    if (!this.kept || this.isReturning) return;
    this.isReturning = true;
    history.back();
  }

  popped() {
    if (this.isReturning) {
      this.isReturning = false;
      if (this.caseId) history.pushState({ case: this.caseId }, "");
    } else if (this.kept) this.open(this.kept);
    else if (this.caseId && !this.leave()) history.pushState({ case: this.caseId }, "");
    this.moved();
  }
}
