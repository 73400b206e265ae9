// Steps on their way to the console. Each has a key of its own: sent twice, it happens once. In order, none lost.

import { ANSWER_MS, amiss, reasonOf, newKey } from "./ask.js";

const PHOTO_MS = 60000;

// The console's trouble, or a log-in that ended or was another one: not the fault of what was sent, which is kept.
function isForLater(answer) {
  return answer.status === 401 || answer.status === 403 || answer.status >= 500;
}

const toIso = (milliseconds) => new Date(milliseconds).toISOString();

export class StepQueue {
  constructor(store, { session, changed, done }) {
    this.store = store;
    this.session = session;
    this.changed = changed;
    this.done = done;
    this.steps = [];
    this.sending = null;
    this.trouble = ""; // what the console says is amiss with itself; "" where it is the line, or nothing
  }

  async open() {
    this.steps = (await this.store.read("queue")).sort((a, b) => a.number - b.number);
    return this;
  }

  async add(caseId, body, photo, about) {
    if (body.action !== "contact" && this.waitingFor(caseId)) return; // a double tap is one tap
    const step = {
      case_id: caseId, body: { ...body, key: newKey() }, number: this.nextNumber(), done_at: Date.now(), photo: photo ?? null, refused: "", about,
      account_id: this.session.account_id,
    };
    this.steps.push(step);
    await this.store.save("queue", step.body.key, step);
    this.changed();
    return this.send();
  }

  // In the order of the hand, also where the phone's clock was put back meanwhile.
  nextNumber() {
    return Math.max(Date.now(), ...this.steps.map((step) => step.number + 1));
  }

  // That somebody was spoken to is sent by the way: the form for the result stays open meanwhile.
  waitingFor(caseId) {
    return this.own().find((step) => step.case_id === caseId && !step.refused && step.body.action !== "contact");
  }

  // Of whoever is logged in on this phone now. Steps of an older page know their owner by name alone.
  own() {
    const { account_id: account, name } = this.session;
    return this.steps.filter((step) => (step.account_id === undefined ? step.owner === name : step.account_id === account));
  }

  async drop(step) {
    this.steps = this.steps.filter((other) => other !== step);
    await this.store.remove("queue", step.body.key);
    this.changed();
  }

  // What is added while others are on their way goes right behind them.
  send() {
    this.isAsked = true;
    this.sending ??= this.sendWhileAsked().finally(() => { this.sending = null; this.changed(); });
    return this.sending;
  }

  async sendWhileAsked() {
    while (this.isAsked) {
      this.isAsked = false;
      await this.sendAll();
    }
  }

  async sendAll() {
    if (!this.session.csrf) return; // the page was opened without a line: nothing would be accepted yet
    for (const step of this.own()) {
      if (step.refused) continue;
      if (!(await this.sendOne(step))) return;
    }
  }

  // Returns false when there is no point in trying the next one now.
  async sendOne(step) {
    let answer;
    let views;
    try {
      answer = step.photo && !step.photoSent ? await this.sendPhoto(step) : null;
      if (answer && !answer.ok && !isForLater(answer)) return this.refuse(step, answer, true);
      if (!answer || answer.ok) {
        if (answer && !step.photoSent) await this.store.save("queue", step.body.key, Object.assign(step, { photoSent: true }));
        const times = { done_at: toIso(step.done_at ?? step.number), sent_at: toIso(Date.now()) }; // one clock, right or wrong
        answer = await this.post(`/m/tasks/${step.case_id}/step`, JSON.stringify({ ...step.body, ...times }), { "content-type": "application/json" });
        if (answer.ok) views = await answer.json();
      }
    } catch {
      this.trouble = "";
      return false; // no line: keep it and wait
    }
    this.trouble = answer.status >= 500 ? await amiss(answer) : "";
    if (answer.ok) {
      await this.drop(step);
      this.done(step, views);
      return true;
    }
    if (isForLater(answer)) {
      if (answer.status === 401) this.session.expired();
      return false;
    }
    return this.refuse(step, answer, false);
  }

  // A refused photo does not hold up the words: the step stays, without it.
  async refuse(step, answer, isPhoto) {
    const reason = await reasonOf(answer);
    if (isPhoto) {
      step.photo = null;
      this.session.say(reason);
      await this.store.save("queue", step.body.key, step);
      return this.sendOne(step);
    }
    Object.assign(step, { refused: reason, isKept: answer.status === 409 }); // the console has the words, for the record
    await this.store.save("queue", step.body.key, step);
    return true;
  }

  sendPhoto(step) {
    const bytes = Uint8Array.from(atob(step.photo.data), (character) => character.charCodeAt(0));
    const form = new FormData();
    form.append("photo", new Blob([bytes], { type: "image/jpeg" }), step.photo.name);
    return this.post(`/m/tasks/${step.case_id}/photo`, form, {});
  }

  post(path, body, headers) {
    const signal = AbortSignal.timeout?.(body instanceof FormData ? PHOTO_MS : ANSWER_MS); // browsers of before 2022 lack it
    return fetch(path, { method: "POST", body, signal, headers: { accept: "application/json", "x-csrf-token": this.session.csrf, ...headers } });
  }
}
