// A sound for each outcome, told apart without looking: one short note, two, an alternating alarm, a low pair.

const TUNES = {
  clear: [[1046, 0, 0.09]],
  possible: [[620, 0, 0.3], [620, 0.4, 0.3]],
  hit: [[880, 0, 0.22], [587, 0.25, 0.22], [880, 0.5, 0.22], [587, 0.75, 0.22]],
  unchecked: [[330, 0, 0.25], [294, 0.3, 0.35]],
};

export class BoothSound {
  constructor(button) {
    this.button = button;
    this.isMuted = localStorage.getItem("kakou-booth-muted") === "yes";
    this.context = new AudioContext();
    this.context.addEventListener("statechange", () => this.label());
    button.addEventListener("click", () => this.toggle());
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.wake(), { capture: true });
    this.label();
  }

  wake() {
    this.wasAsleep = this.context.state !== "running";
    if (this.wasAsleep) this.context.resume();
  }

  toggle() {
    if (this.wasAsleep && !this.isMuted) return; // this very tap gave the sound
    this.isMuted = !this.isMuted;
    localStorage.setItem("kakou-booth-muted", this.isMuted ? "yes" : "no");
    this.label();
  }

  label() {
    const isSilent = !this.isMuted && this.context.state !== "running";
    this.button.textContent = this.isMuted ? "声音关" : isSilent ? "点击开启声音" : "声音开";
    this.button.setAttribute("aria-pressed", String(this.isMuted));
  }

  play(outcome) {
    if (this.isMuted || this.context.state !== "running") return;
    for (const [frequency, delay, length] of TUNES[outcome]) this.note(frequency, this.context.currentTime + delay, length);
  }

  note(frequency, start, length) {
    const oscillator = new OscillatorNode(this.context, { frequency, type: "square" });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.2, start + 0.01);
    gain.gain.setValueAtTime(0.2, start + length - 0.03);
    gain.gain.linearRampToValueAtTime(0, start + length);
    oscillator.connect(gain).connect(this.context.destination);
    oscillator.start(start);
    oscillator.stop(start + length);
  }
}
