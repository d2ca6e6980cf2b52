/* Memory over time: puts what came into the figures that the page carries. Who zooms in stays there. */
(function (vizzy) {
  "use strict";

  const FIGURE = "timeline-figure";

  class Usage {
    constructor(section) {
      this.section = section;
      this.end = 1;
      const resident = vizzy.find("[name=resident]", section);
      resident.addEventListener("change", () => {
        for (const line of this.models("resident")) line.visible = resident.checked;
      });
      vizzy.find("[name=follow]", section).addEventListener("click", () => this.showAll());
      document.addEventListener("look", ({ detail }) => detail.shown && detail.news && this.show(detail.shown));
      vizzy.figures.whenMade(FIGURE, () => {
        const shown = vizzy.live.latest && vizzy.live.latest.shown;
        if (shown) this.show(shown);
        const [time] = this.models("time");
        time.change.connect(() => this.offer());
      });
    }

    models(name) {
      return vizzy.figures.find(FIGURE, name);
    }

    /* Tells whether all of the time is shown. */
    get follows() {
      const [time] = this.models("time");
      return time.start === 0 && time.end === this.end;
    }

    offer() {
      vizzy.find(".follow", this.section).hidden = this.setting || this.follows;
    }

    showAll() {
      for (const time of this.models("time")) time.setv({ start: 0, end: this.end });
      this.offer();
    }

    show({ usage, resident, losses, titles, peak: [time, bytes] }) {
      const figure = vizzy.figures.made.get(FIGURE);
      if (!figure) return;
      this.models("timeline")[0].data = usage;
      this.models("rss")[0].data = resident;
      this.models("losses")[0].data = losses;
      vizzy.find(".losses", this.section).hidden = !losses.start.length;
      figure.children.forEach((drawn, at) => (drawn.title.text = titles[at]));
      this.markPeak(time, bytes);
      const follows = this.follows;
      this.setting = true;
      this.end = Math.max(usage.time.at(-1), 1e-3);
      for (const span of this.models("time")) span.setv({ bounds: [0, this.end], ...(follows ? { start: 0, end: this.end } : {}) });
      this.setting = false;
    }

    markPeak(time, bytes) {
      const right = time < this.end / 2;
      const text = bytes ? `peak ${vizzy.units.bytes(bytes)}` : "";
      for (const mark of this.models("peak")) mark.data_source.data = { x: [time], y: [bytes] };
      for (const label of this.models("peak label")) {
        label.setv({ x: time, y: bytes, text, text_align: right ? "left" : "right", x_offset: right ? 9 : -9 });
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    vizzy.usage = new Usage(document.getElementById("usage"));
  });
})(window.vizzy);
