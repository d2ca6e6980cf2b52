/* The heatmap: puts what came into the figure that the page carries. */
(function (vizzy) {
  "use strict";

  const FIGURE = "heatmap-figure";

  /* Returns an image that came as base64, in Bokeh's own kind of array: that of the image that is there. */
  function unpack({ levels, shape }, { data }) {
    const bytes = Uint8Array.from(atob(levels), (c) => c.charCodeAt(0));
    return new data.levels[0].constructor(bytes, shape);
  }

  function show(map) {
    const figure = vizzy.figures.made.get(FIGURE);
    if (!figure || !map) return;
    const [start, end] = map.time;
    const height = map.shape[0];
    const find = (name) => vizzy.figures.find(FIGURE, name)[0];
    const image = { levels: [unpack(map, find("heatmap"))], x: [start], y: [0], dw: [end - start], dh: [height] };
    find("time").setv({ bounds: [start, end], start, end });
    find("rows").setv({ bounds: [0, height], start: 0, end: height });
    find("heatmap").data = image;
    find("region lines").data_source.data = { y: map.lines };
    const [axis] = figure.left;
    axis.ticker.ticks = map.labels.map(([row]) => row);
    axis.major_label_overrides = new Map(map.labels);
    vizzy.heatmapRows = map.rows;
  }

  document.addEventListener("look", ({ detail }) => {
    if (!detail.shown || !detail.news) return;
    const section = document.getElementById("heatmap");
    vizzy.find(".empty", section).hidden = Boolean(detail.shown.heatmap);
    show(detail.shown.heatmap);
  });

  document.addEventListener("DOMContentLoaded", () => {
    vizzy.figures.whenMade(FIGURE, () => {
      const { latest } = vizzy.live;
      if (latest && latest.shown) show(latest.shown.heatmap);
    });
  });
})(window.vizzy);
