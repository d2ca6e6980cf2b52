/* Controls of a recorded trace that is played: there is one player, and all pages show where it is. */
(function (vizzy) {
  "use strict";

  class Player {
    constructor(bar) {
      this.bar = bar;
      this.position = vizzy.find("[name=position]", bar);
      this.button = vizzy.find("[name=play]", bar);
      this.speed = vizzy.find("[name=speed]", bar);
      this.dragging = false;
      this.state = null;
      this.position.addEventListener("input", () => {
        this.dragging = true;
        this.say(Number(this.position.value));
      });
      this.position.addEventListener("change", () => {
        this.dragging = false;
        vizzy.live.command("seek", Number(this.position.value));
      });
      this.button.addEventListener("click", () => vizzy.live.command(this.plays ? "pause" : "resume"));
      this.speed.addEventListener("change", () => vizzy.live.command("speed", Number(this.speed.value)));
      document.addEventListener("look", ({ detail }) => this.show(detail.player));
    }

    get plays() {
      return !this.state.paused && this.state.position < this.state.duration;
    }

    say(seconds) {
      vizzy.find("output", this.bar).textContent = `${vizzy.units.time(seconds * 1e9)} of ${vizzy.units.time(this.state.duration * 1e9)}`;
    }

    show(state) {
      this.state = state;
      this.bar.hidden = !state;
      if (!state) return;
      this.position.max = state.duration;
      this.button.textContent = this.plays ? "Pause" : "Play";
      if (document.activeElement !== this.speed) this.showSpeed(state.speed);
      if (this.dragging) return;
      this.position.value = state.position;
      this.say(state.position);
    }

    /* A speed from the command line may be none of those in the list. */
    showSpeed(speed) {
      if (![...this.speed.options].some((option) => Number(option.value) === speed)) {
        this.speed.prepend(vizzy.make("option", { value: speed, textContent: `${speed}\u00d7` }));
      }
      this.speed.value = speed;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    vizzy.player = new Player(vizzy.find(".player"));
  });
})(window.vizzy);
