/* The heap layout: a slider chooses the moment, colours tell call sites, sizes or ages apart. */
(function (vizzy) {
  "use strict";

  const STEPS = 10;

  /* Undoes the packing of columns: differences, widths. */
  function unpack(moment) {
    let [top, piece] = [0, 0];
    const tops = moment.tops.map((step) => (top += step));
    return {
      ...moment,
      tops,
      pieces: moment.pieces.map((step) => (piece += step)),
      rights: moment.left.map((left, at) => left + moment.widths[at]),
      bottoms: moment.heights.map((height, at) => tops[at] + height),
    };
  }

  class Layout {
    constructor(section, { rows, moments, trees, figure }) {
      this.section = section;
      this.rows = rows;
      this.trees = trees;
      this.moments = moments.map(unpack);
      this.source = vizzy.figures.find("layout-figure", "blocks")[0];
      this.siteNames = new Map();
      this.sites = this.rankSites();
      const slider = vizzy.find("input[name=moment]", section);
      const names = vizzy.all("datalist option", section).map((option) => option.label);
      slider.addEventListener("input", () => {
        vizzy.find("output", section).textContent = names[slider.value];
        this.show(Number(slider.value));
      });
      for (const input of vizzy.all("input[name=paint]", section)) input.addEventListener("change", () => this.show(this.at));
      vizzy.state.on(["theme"], () => this.show(this.at));
      vizzy.figures.onHover(figure, (x, y) => this.describe(x, y));
      this.show(Number(slider.value));
    }

    /* Returns a text that names a node's call site and its caller, or nothing. A node of smaller call paths stands for
     * its caller. */
    siteOf(node) {
      if (!this.siteNames.has(node)) {
        const tree = this.trees.upright;
        const at = node > 0 && this.trees.describe(tree, node).other ? tree.parent(node) : node;
        const names = this.trees.path(tree, at).slice(0, 2).map((each) => this.trees.describe(tree, each).short);
        this.siteNames.set(node, names.join(" \u2190 "));
      }
      return this.siteNames.get(node);
    }

    /* Returns the names of the call sites that hold most over all moments, in order. */
    rankSites() {
      const bytes = new Map();
      for (const { pieceNodes, pieceBytes } of this.moments) {
        pieceNodes.forEach((node, at) => {
          const site = this.siteOf(node);
          bytes.set(site, (bytes.get(site) || 0) + pieceBytes[at]);
        });
      }
      return [...bytes.keys()].filter((site) => site).sort((a, b) => bytes.get(b) - bytes.get(a)).slice(0, vizzy.theme.colours().length);
    }

    get paint() {
      return vizzy.find("input[name=paint]:checked", this.section).value;
    }

    colours(moment) {
      if (this.paint === "site") {
        const palette = vizzy.theme.colours();
        const ranks = new Map(this.sites.map((site, rank) => [site, palette[rank]]));
        const quiet = vizzy.theme.role("quiet");
        return moment.pieceNodes.map((node) => ranks.get(this.siteOf(node)) || quiet);
      }
      const values = this.paint === "size" ? moment.pieceBytes.map((bytes, at) => bytes / moment.pieceBlocks[at]) : moment.pieceAges;
      const scale = vizzy.theme.scale();
      const most = Math.log1p(values.reduce((a, b) => Math.max(a, b), 1));
      return values.map((value) => scale[1 + Math.min(STEPS - 2, Math.floor((Math.log1p(value) / most) * (STEPS - 1)))]);
    }

    show(at) {
      this.at = at;
      const moment = this.moments[at];
      const colours = this.colours(moment);
      this.source.data = {
        left: moment.left,
        right: moment.rights,
        top: moment.tops,
        bottom: moment.bottoms,
        colour: moment.pieces.map((piece) => colours[piece]),
        piece: moment.pieces,
      };
      this.legend(moment);
    }

    legend(moment) {
      const { bytes, count } = vizzy.units;
      const items = [];
      if (this.paint === "site") {
        const palette = vizzy.theme.colours();
        this.sites.forEach((site, rank) => {
          items.push([palette[rank], site]);
        });
        items.push([vizzy.theme.role("quiet"), "others"]);
      } else {
        const scale = vizzy.theme.scale();
        items.push([scale[1], this.paint === "size" ? "small" : "new"], [scale[STEPS - 1], this.paint === "size" ? "large" : "old"]);
      }
      items.push([vizzy.theme.role("hole"), "hole: free, between live blocks"]);
      const list = items.map(([colour, text]) => {
        const swatch = vizzy.make("i");
        swatch.style.background = colour;
        return vizzy.make("li", {}, swatch, text);
      });
      const about = `${bytes(moment.liveBytes)} in ${count(moment.blocks)} blocks; ${count(moment.holes)} holes of ${bytes(moment.holeBytes)} in all, the largest ${bytes(moment.largestHole)}`;
      vizzy.find(".sites", this.section).replaceChildren(...list, vizzy.make("li", { textContent: about }));
    }

    address(row, offset) {
      const { rowStarts, rowBytes, addresses } = this.rows;
      let region = 0;
      while (region + 1 < addresses.length && rowStarts[region + 1] <= row) region++;
      return BigInt(addresses[region]) + BigInt((row - rowStarts[region]) * rowBytes + offset);
    }

    /* Returns what lies at a place: lines for the box beside the pointer. */
    describe(x, y) {
      const moment = this.moments[this.at];
      const row = Math.floor(y);
      const at = moment.left.findIndex((left, k) => moment.tops[k] <= row && row < moment.bottoms[k] && left <= x && x < moment.rights[k]);
      if (at < 0) return [];
      const piece = moment.pieces[at];
      const first = moment.pieces.indexOf(piece);
      const node = moment.pieceNodes[piece];
      const blocks = moment.pieceBlocks[piece];
      const tree = this.trees.upright;
      const path = this.trees.path(tree, node).slice(0, 4).map((each) => this.trees.describe(tree, each).short);
      const size = blocks === 1 ? vizzy.units.bytes(moment.pieceBytes[piece]) : `${vizzy.units.count(blocks)} blocks, ${vizzy.units.bytes(moment.pieceBytes[piece])}`;
      const address = vizzy.units.address(this.address(moment.tops[first], moment.left[first]));
      return [
        vizzy.make("b", { textContent: `${size} at ${address}` }),
        vizzy.make("div", { textContent: path[0] || "no call stack" }),
        ...path.slice(1).map((name) => vizzy.make("div", { className: "muted", textContent: `called by ${name}` })),
        vizzy.make("div", { className: "muted", textContent: `allocated ${vizzy.units.time(moment.pieceAges[piece] * 1000)} before` }),
      ];
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const section = document.getElementById("layout");
    if (!section) return;
    vizzy.figures.whenMade("layout-figure", async (figure) => {
      const [rows, moments, trees] = await Promise.all([vizzy.load("layout-rows"), vizzy.load("layout-moments"), vizzy.callTrees()]);
      vizzy.layout = new Layout(section, { rows, moments, trees, figure });
    });
  });
})(window.vizzy);
