/* The range of time that a reader chooses in the memory picture: by dragging, or by typing. Others hear of it through
 * the shared state, as {from, to} in ns since start, or null for all. */
(function (vizzy) {
  "use strict";

  class RangeChooser {
    constructor(section) {
      this.bar = vizzy.find(".rangebar", section);
      const { unitNs, startNs, endNs } = this.bar.dataset;
      [this.unit, this.start, this.end] = [unitNs, startNs, endNs].map(Number);
      for (const name of ["from", "to"]) this.field(name).addEventListener("change", () => this.readFields());
      this.field("clear").addEventListener("click", () => this.choose(null));
      this.field("zoom").addEventListener("click", () => this.zoom(vizzy.state.get("range")));
      this.field("all").addEventListener("click", () => this.zoom(null));
      vizzy.figures.whenMade("timeline-figure", () => this.attach());
    }

    field(name) {
      return vizzy.find(`[name=${name}]`, this.bar);
    }

    models(name) {
      return vizzy.figures.find("timeline-figure", name);
    }

    /* Listens to the figure's own range, which changes while the pointer is dragged. */
    attach() {
      const [chosen] = this.models("chosen");
      let waiting = false;
      chosen.change.connect(() => {
        if (waiting || this.setting) return;
        waiting = true;
        requestAnimationFrame(() => {
          waiting = false;
          const [from, to] = [chosen.start, chosen.end].map((side) => side * this.unit);
          this.choose(to > from ? { from, to } : null);
        });
      });
      this.draw();
    }

    readFields() {
      const [from, to] = ["from", "to"].map((name) => vizzy.units.readTime(this.field(name).value));
      const range = { from: Math.max(isNaN(from) ? this.start : from, this.start), to: Math.min(isNaN(to) ? this.end : to, this.end) };
      this.choose(range.to > range.from ? range : null);
    }

    choose(range) {
      vizzy.state.set({ range });
      this.draw();
    }

    /* Shows the chosen range in fields, buttons and figures. */
    draw() {
      const range = vizzy.state.get("range");
      for (const name of ["from", "to"]) this.field(name).value = range ? vizzy.units.time(range[name]) : "";
      this.field("clear").disabled = this.field("zoom").disabled = !range;
      vizzy.find("output", this.bar).textContent = range ? `${vizzy.units.time(range.to - range.from)} chosen` : "";
      this.setting = true;
      for (const shade of this.models("shade")) shade.visible = Boolean(range);
      if (range) for (const chosen of this.models("chosen")) chosen.setv({ start: range.from / this.unit, end: range.to / this.unit });
      this.setting = false;
    }

    zoom(range) {
      const [from, to] = range ? [range.from, range.to] : [this.start, this.end];
      for (const time of this.models("time")) time.setv({ start: from / this.unit, end: to / this.unit });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const section = document.getElementById("timeline");
    if (section) vizzy.chooser = new RangeChooser(section);
  });
})(window.vizzy);
