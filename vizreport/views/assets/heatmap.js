/* Says what the cell under the pointer is: addresses, time, and how full it was. */
(function (vizzy) {
  "use strict";

  const OCTAVES = 16;

  /* Returns the address at which a row begins. */
  function findAddress({ starts, offsets, rowBytes }, row) {
    const folded = row * rowBytes;
    let region = 0;
    while (region + 1 < starts.length && offsets[region + 1] <= folded) region++;
    return BigInt(starts[region]) + BigInt(folded - offsets[region]);
  }

  /* Returns the mean share of the row that was live, of which the level is a logarithm. */
  function findShare(level) {
    return level === 0 ? 0 : 2 ** ((level - 255) * (OCTAVES / 254));
  }

  function describe(rows, image, x, y) {
    const [height, width] = image.shape;
    const row = Math.floor(y);
    const column = Math.floor((x * rows.unitNs - rows.startNs) / rows.widthNs);
    if (row < 0 || row >= height || column < 0 || column >= width) return null;
    const level = image[row * width + column];
    const address = findAddress(rows, row);
    const share = findShare(level);
    return {
      from: address,
      to: address + BigInt(rows.rowBytes),
      time: rows.startNs + column * rows.widthNs,
      share,
      level,
      bytes: share * rows.rowBytes,
    };
  }

  document.addEventListener("DOMContentLoaded", () => {
    vizzy.figures.whenMade("heatmap-figure", async (figure) => {
      if (!vizzy.live) vizzy.heatmapRows = await vizzy.load("heatmap-rows"); // a live page is told, and goes on being told
      const [source] = vizzy.figures.find("heatmap-figure", "heatmap");
      vizzy.heatmap = (x, y) => vizzy.heatmapRows && describe(vizzy.heatmapRows, source.data.levels[0], x, y);
      vizzy.figures.onHover(figure, (x, y) => {
        const cell = vizzy.heatmap(x, y);
        if (!cell) return [];
        const about = cell.level ? `${vizzy.units.bytes(cell.bytes)} live on average, ${vizzy.units.share(cell.share, 1)}` : "nothing live";
        return [
          vizzy.make("b", { textContent: `${vizzy.units.address(cell.from)} \u2013 ${vizzy.units.address(cell.to)}` }),
          vizzy.make("div", { textContent: about }),
          vizzy.make("div", { className: "muted", textContent: `from ${vizzy.units.time(cell.time)} for ${vizzy.units.time(vizzy.heatmapRows.widthNs)}` }),
        ];
      });
    });
  });
})(window.vizzy);
