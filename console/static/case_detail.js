// One case: evidence, reasons, timeline, and what can be done now.

import { ask, newKey, toast } from "./ask.js";
import { askAgain } from "./late_picture.js";

const KEYS = { c: "confirm", r: "reject", a: "assign", e: "escalate" };
const CHOICES = new Set(["reject", "assign", "close", "group"]);

// Where the picture will be there is a word as long as it is on its way.
function awaitPicture(image) {
  const word = image.closest("figure").querySelector(".nopic");
  if (!word) return;
  askAgain(image, { found: () => { word.hidden = true; }, missing: () => { word.hidden = false; } });
}

export class CaseDetail {
  constructor(box, { changed, left, opened, closed }) {
    this.box = box;
    this.changed = changed;
    this.left = left;
    this.opened = opened;
    this.closed = closed; // a hand's way back to the list
    this.isBusy = false;
    this.turn = 0;
    this.opening = null; // the case that a hand asked for, until it is there
    box.addEventListener("click", (event) => this.clicked(event));
    box.addEventListener("submit", (event) => this.submitted(event));
    box.addEventListener("keydown", (event) => this.entered(event));
  }

  get article() { return this.box.querySelector(".case"); }
  get isWriting() { return Boolean(this.box.querySelector(".choices:not([hidden])")); }
  get isOpen() { return Boolean(this.article); }
  get caseId() { return Number(this.article?.dataset.case); }

  async open(caseId, isRefresh = false) {
    if (isRefresh && this.opening && this.opening !== caseId) return; // what a hand asked for goes first
    const turn = ++this.turn;
    if (!isRefresh) this.opening = caseId;
    try {
      const markup = await ask(`/screen/cases/${caseId}`);
      // Answers can overtake each other: an older one, of this case or another, must not cover a newer one.
      if (turn !== this.turn || (isRefresh && this.isWriting)) return;
      this.box.innerHTML = markup; // escaped by the console's templates; scripts in it would not run (CSP)
      for (const image of this.box.querySelectorAll(".evidence img")) awaitPicture(image);
      this.key_ = newKey();
      document.getElementById("welcome").hidden = true;
      if (!isRefresh) this.opened(caseId);
      this.closed();
      if (!isRefresh) this.article?.scrollIntoView(); // on a phone the page itself was scrolled
    } catch (refusal) {
      toast(refusal.message);
      if (refusal.status === 404) this.left([caseId]);
    } finally {
      if (turn === this.turn) this.opening = null;
    }
  }

  // Somebody else's step shows at once; a half-written answer is not taken away.
  refresh(views) {
    const view = views.find((item) => item.case_id === this.caseId);
    if (this.isBusy) return; // a step of ours is under way, and shows the newest when it is done
    if (!view || view.version === Number(this.article.dataset.version)) return;
    if (this.isWriting) toast(`事件单刚刚变为“${view.state_name}”。提交时会再核对一次。`);
    else this.open(this.caseId, true);
  }

  // After a gap in the stream: what happened meanwhile was told to nobody.
  catchUp(views) {
    if (!this.isOpen || this.isBusy) return;
    if (views.some((view) => view.case_id === this.caseId)) return this.refresh(views);
    if (!this.isWriting) this.open(this.caseId, true);
  }

  // Returns whether it was one of these cases that is open; then it is closed.
  leave(caseIds) {
    const wasOpen = caseIds.includes(this.caseId);
    if (wasOpen) this.close();
    else if (caseIds.includes(this.opening)) this.forgetAnswers();
    return wasOpen;
  }

  // Returns whether the case is closed: what is being chosen or written is put away first.
  back() {
    const choice = this.box.querySelector(".choices:not([hidden])");
    if (choice) {
      choice.hidden = true;
      this.closed(); // at once: the next key must not go to the field that has just been hidden
      return false;
    }
    this.close();
    return true;
  }

  close() {
    this.forgetAnswers();
    this.box.replaceChildren();
    document.getElementById("welcome").hidden = false;
    this.closed();
  }

  // An answer still under way opens nothing.
  forgetAnswers() {
    this.turn += 1;
    this.opening = null;
  }

  key(key) {
    const digit = this.box.querySelector(`.choices[data-for="reject"]:not([hidden]) button:nth-of-type(${Number(key) || 99})`);
    if (digit) return void digit.click();
    const button = KEYS[key] && this.box.querySelector(`[data-act="${KEYS[key]}"]`);
    if (!button) return false;
    button.click();
  }

  // A list to choose from takes Enter for itself; here it means what the button says.
  entered(event) {
    const form = event.key === "Enter" && event.target.closest("select")?.closest("form.choices");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.act === "back") return this.back();
    if (button.dataset.action) return this.act({ action: button.dataset.action, reason: button.dataset.reason });
    if (button.dataset.choice) return this.choose(button.dataset.choice);
    if (!button.dataset.act) return;
    if (CHOICES.has(button.dataset.act)) return this.choose(button.dataset.act);
    this.act({ action: button.dataset.act });
  }

  choose(action) {
    if (this.isBusy) return;
    for (const choice of this.box.querySelectorAll(".choices")) choice.hidden = choice.dataset.for !== action;
    this.box.querySelector(`.choices[data-for="${action}"] :is(select, input, button)`)?.focus();
  }

  submitted(event) {
    event.preventDefault();
    if (event.target.dataset.for === "group") return this.tellGroup();
    const form = new FormData(event.target);
    if (event.target.dataset.for === "close") return this.act({ action: "close", reason: form.get("outcome"), note: form.get("note") });
    if (event.target.dataset.for === "list-error") return this.act({ action: "reject", reason: "list_error", note: form.get("note") });
    const worker = form.get("worker");
    this.act({ action: "assign", reason: form.get("unit") || null, assignee_id: worker ? Number(worker) : null, note: form.get("note") });
  }

  // Somebody was faster: the case is shown as it is now, and what was written for it is still there.
  async openWithDraft(caseId) {
    const written = this.box.querySelector("form.choices:not([hidden])");
    const fields = written ? [...new FormData(written)] : [];
    await this.open(caseId);
    if (this.caseId !== caseId || !written) return;
    const kind = written.dataset.for;
    const isOffered = this.box.querySelector(`[data-act="${kind === "list-error" ? "reject" : kind}"]`);
    const form = this.box.querySelector(`form.choices[data-for="${kind}"]`);
    if (!form || !isOffered) return this.showUnsent(fields);
    form.hidden = false;
    for (const [name, value] of fields) {
      const field = form.elements[name];
      if (field.type !== "select-one" || [...field.options].some((option) => option.value === value)) field.value = value;
    }
  }

  // The case can no longer take these words; whoever wrote them can.
  showUnsent(fields) {
    const { note } = Object.fromEntries(fields);
    if (!note) return;
    this.article.prepend(Object.assign(document.createElement("p"), { className: "note warn", textContent: `您写的没有提交，可以复制：${note}` }));
  }

  // The group is told once; whether it arrived, the case shows.
  async tellGroup() {
    if (this.isBusy) return;
    const { caseId } = this;
    this.isBusy = true;
    try {
      await ask(`/screen/cases/${caseId}/group`, {});
      toast("已发到群里。");
    } catch (refusal) {
      toast(refusal.message);
    } finally {
      this.isBusy = false;
    }
    if (this.caseId === caseId) await this.open(caseId);
  }

  async act(step) {
    if (this.isBusy) return;
    const { caseId } = this;
    this.isBusy = true;
    try {
      const body = { ...step, version: Number(this.article.dataset.version), key: this.key_ };
      const view = await ask(`/screen/cases/${caseId}/step`, body);
      if (!view) return this.left([caseId]); // the step went well, and handed the case to another area
      this.changed(view);
      if (this.caseId === caseId) await this.open(caseId);
    } catch (refusal) {
      toast(refusal.message);
      if (refusal.status === 404) this.left([caseId]);
      if (refusal.status === 409 && this.caseId === caseId) await this.openWithDraft(caseId);
    } finally {
      this.isBusy = false;
    }
  }
}
