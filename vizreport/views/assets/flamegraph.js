/* The flame graph: rows of boxes on a canvas, a box's width being its share of the metric. Click zooms, search marks,
 * the arrow keys walk, and the chosen frame's details stand below. */
(function (vizzy) {
  "use strict";

  const ROW = 21;
  const LEAST_WIDTH = 0.6;
  const LEAST_WIDTH_WITH_TEXT = 26;
  const ZOOM_MS = 160;

  class FlameGraph {
    constructor(section, trees) {
      this.section = section;
      this.trees = trees;
      this.canvas = vizzy.find("canvas", section);
      this.details = vizzy.find(".details", section);
      this.matches = null;
      this.hovered = -1;
      this.chosen = 0;
      this.view = [0, 1];
      this.listen();
      this.nameColours();
      this.show();
    }

    nameColours() {
      const items = vizzy.flameColours(this.trees.frames).legend.map(([module, colour]) => {
        const swatch = vizzy.make("i");
        swatch.style.background = colour;
        return vizzy.make("li", {}, swatch, module);
      });
      vizzy.find(".modules", this.section).replaceChildren(...items);
    }

    get inverted() {
      return vizzy.state.get("inverted");
    }

    get upsideDown() {
      return vizzy.state.get("flames") === true;
    }

    get metric() {
      return vizzy.state.get("metric");
    }

    /* Lays out the tree of the chosen metric: each node's left and right edge as fractions of the whole. */
    layOut() {
      const tree = (this.tree = this.trees.get(this.inverted));
      const total = (this.total = tree.total(this.metric));
      this.left = new Float64Array(tree.size).fill(-1);
      this.right = new Float64Array(tree.size);
      this.depth = new Int32Array(tree.size);
      this.order = [];
      const whole = total[0] || 1;
      const stack = total[0] > 0 ? [[0, 0]] : [];
      while (stack.length) {
        const [node, left] = stack.pop();
        this.left[node] = left;
        this.right[node] = left + total[node] / whole;
        this.order.push(node);
        let edge = left;
        const children = tree.children(node).filter((child) => total[child] > 0);
        for (const child of children.sort((a, b) => total[b] - total[a])) {
          this.depth[child] = this.depth[node] + 1;
          stack.push([child, edge]);
          edge += total[child] / whole;
        }
      }
      this.search(vizzy.find("input[type=search]", this.section).value);
      vizzy.find(".empty", this.section).hidden = total[0] > 0;
    }

    show() {
      this.layOut();
      this.focus = 0;
      this.view = [0, 1];
      vizzy.find(".reset", this.section).disabled = true;
      this.choose(0);
      this.resize();
    }

    /* Shows other figures of the same program: zoom, search and choice stay, or go to the nearest caller that is there. */
    renew(trees) {
      const follow = vizzy.followNodes(this.trees, trees, this.inverted);
      const stay = (node) => {
        while (node > 0 && follow[node] < 0) node = this.tree.parent[node];
        return Math.max(follow[node], 0);
      };
      [this.chosen, this.focus] = [stay(this.chosen), stay(this.focus)];
      this.hovered = this.hovered < 0 ? -1 : follow[this.hovered];
      this.trees = trees;
      this.layOut();
      [this.chosen, this.focus] = [this.chosen, this.focus].map((node) => this.nearestShown(node));
      this.view = this.focus > 0 ? [this.left[this.focus], this.right[this.focus]] : [0, 1];
      vizzy.find(".reset", this.section).disabled = this.focus === 0;
      vizzy.renewFrame(this.details, trees, this.describeChoice(this.chosen));
      this.nameColours();
      this.resize();
    }

    nearestShown(node) {
      while (node > 0 && this.left[node] < 0) node = this.tree.parent[node];
      return node;
    }

    resize() {
      const width = this.canvas.parentElement.clientWidth;
      const density = window.devicePixelRatio || 1;
      const rows = Math.max(this.visibleRows(), 1);
      this.width = width;
      this.canvas.style.height = `${rows * ROW}px`;
      this.canvas.width = Math.round(width * density);
      this.canvas.height = Math.round(rows * ROW * density);
      this.drawnRows = rows;
      this.paint();
    }

    /* Returns how many rows have a box that is wide enough to be drawn in the present view. */
    visibleRows() {
      const width = this.canvas.parentElement.clientWidth;
      const scale = width / (this.view[1] - this.view[0]);
      let rows = 0;
      for (const node of this.order) {
        if (this.depth[node] < rows || (this.right[node] - this.left[node]) * scale < LEAST_WIDTH) continue;
        if (this.right[node] > this.view[0] && this.left[node] < this.view[1]) rows = this.depth[node] + 1;
      }
      return rows;
    }

    paint() {
      const density = window.devicePixelRatio || 1;
      const pen = this.canvas.getContext("2d");
      pen.setTransform(density, 0, 0, density, 0, 0);
      pen.clearRect(0, 0, this.width, this.drawnRows * ROW);
      pen.font = `12px ${getComputedStyle(document.body).getPropertyValue("--sans")}`;
      pen.textBaseline = "middle";
      const style = vizzy.flameColours(this.trees.frames);
      this.letter = pen.measureText("abcdefghij_:mnopst").width / 18;
      for (const node of this.order) this.paintBox(pen, node, style);
    }

    box(node) {
      const [from, to] = this.view;
      const scale = this.width / (to - from);
      const left = Math.max((this.left[node] - from) * scale, 0);
      const right = Math.min((this.right[node] - from) * scale, this.width);
      const row = this.upsideDown ? this.drawnRows - 1 - this.depth[node] : this.depth[node];
      return { left, width: right - left, top: row * ROW };
    }

    paintBox(pen, node, style) {
      const { left, width, top } = this.box(node);
      if (width < LEAST_WIDTH) return;
      const marked = this.matches && this.matches[node];
      pen.globalAlpha = this.matches && !marked ? 0.35 : 1;
      pen.fillStyle = marked ? style.mark : style.fill(this.tree.frame[node]);
      pen.fillRect(left, top, Math.max(width - 0.8, LEAST_WIDTH), ROW - 1);
      if (node === this.chosen || node === this.hovered) {
        pen.strokeStyle = style.ink;
        pen.lineWidth = node === this.chosen ? 2 : 1;
        pen.strokeRect(left + 1, top + 1, Math.max(width - 2.8, 1), ROW - 3);
      }
      if (width > LEAST_WIDTH_WITH_TEXT) {
        pen.fillStyle = marked ? style.markInk : style.ink;
        pen.fillText(this.fit(pen, this.label(node), width - 10), left + 5, top + ROW / 2);
      }
      pen.globalAlpha = 1;
    }

    label(node) {
      if (node > 0) return this.trees.describe(this.tree, node).short;
      return `all: ${this.trees.format(this.metric, this.total[0])}`;
    }

    /* Returns the text cut to a width in pixels. */
    fit(pen, text, width) {
      let length = Math.min(text.length, Math.floor(width / this.letter) + 4);
      if (length === text.length && pen.measureText(text).width <= width) return text;
      while (length > 1 && pen.measureText(`${text.slice(0, length)}\u2026`).width > width) length--;
      return length > 1 ? `${text.slice(0, length)}\u2026` : "";
    }

    /* Returns the node at a point of the canvas, or -1. */
    nodeAt(event) {
      const bounds = this.canvas.getBoundingClientRect();
      const row = Math.floor((event.clientY - bounds.top) / ROW);
      const depth = this.upsideDown ? this.drawnRows - 1 - row : row;
      const place = this.view[0] + ((event.clientX - bounds.left) / this.width) * (this.view[1] - this.view[0]);
      return this.order.find((node) => this.depth[node] === depth && this.left[node] <= place && place < this.right[node]) ?? -1;
    }

    zoom(node) {
      const from = [...this.view];
      const to = [this.left[node], this.right[node]];
      const start = performance.now();
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.focus = node;
      this.choose(node);
      vizzy.find(".reset", this.section).disabled = node === 0;
      const step = (now) => {
        if (this.focus !== node) return;
        const done = still ? 1 : Math.min(Math.max((now - start) / ZOOM_MS, 0), 1);
        const eased = done * (2 - done);
        this.view = done === 1 ? to : [0, 1].map((side) => from[side] + (to[side] - from[side]) * eased);
        if (done < 1) {
          this.paint();
          requestAnimationFrame(step);
        } else this.resize();
      };
      requestAnimationFrame(step);
    }

    /* Marks the frames whose function, file or module matches, and says how much of the whole is under them. */
    search(text) {
      const matches = vizzy.matcher(text.trim());
      const output = vizzy.find(".matched", this.section);
      this.matches = matches && new Uint8Array(this.tree.size);
      output.textContent = "";
      if (!matches) return;
      const covered = new Uint8Array(this.tree.size);
      let [frames, sum] = [0, 0];
      for (let node = 1; node < this.tree.size; node++) {
        const { function: name, place, module } = this.trees.describe(this.tree, node);
        if (this.total[node] > 0 && (matches(name) || matches(place) || matches(module))) {
          this.matches[node] = 1;
          frames += 1;
          if (!covered[this.tree.parent[node]]) sum += this.total[node];
        }
        covered[node] = this.matches[node] | covered[this.tree.parent[node]];
      }
      this.matchedShare = this.total[0] ? sum / this.total[0] : 0;
      const amount = this.trees.format(this.metric, sum);
      output.textContent = `${vizzy.units.share(sum, this.total[0])} matched: ${amount} in ${vizzy.units.count(frames)} frames`;
    }

    choose(node) {
      this.chosen = node;
      vizzy.showFrame(this.details, this.trees, this.describeChoice(node));
    }

    describeChoice(node) {
      return { tree: this.tree, node, inverted: this.inverted, metric: this.metric };
    }

    hover(event) {
      const node = this.nodeAt(event);
      if (node !== this.hovered) {
        this.hovered = node;
        this.paint();
      }
      if (node < 0) return vizzy.showFloat(event);
      const { function: name, place, module, inlined } = this.trees.describe(this.tree, node);
      const value = this.trees.format(this.metric, this.total[node]);
      const share = vizzy.units.share(this.total[node], this.total[0]);
      const where = [place, module, inlined ? "inlined" : ""].filter(Boolean).join(" \u00b7 ");
      vizzy.showFloat(
        event,
        vizzy.make("b", { textContent: name }),
        vizzy.make("div", { textContent: `${value}, ${share}` }),
        vizzy.make("div", { className: "muted", textContent: where }),
      );
    }

    /* Arrow keys choose the caller, the widest callee, or a neighbour; Enter zooms; Escape shows all. */
    walk(event) {
      const { tree, total, chosen } = this;
      const byTotal = (nodes) => nodes.filter((node) => total[node] > 0).sort((a, b) => total[b] - total[a]);
      const siblings = chosen > 0 ? byTotal([...tree.children(tree.parent[chosen])]) : [0];
      const at = siblings.indexOf(chosen);
      const [up, down] = this.upsideDown ? ["ArrowDown", "ArrowUp"] : ["ArrowUp", "ArrowDown"];
      const next = {
        [up]: chosen > 0 ? tree.parent[chosen] : 0,
        [down]: byTotal([...tree.children(chosen)])[0],
        ArrowLeft: siblings[at - 1],
        ArrowRight: siblings[at + 1],
      }[event.key];
      if (event.key === "Enter") this.zoom(chosen);
      else if (event.key === "Escape") this.zoom(0);
      else if (!event.key.startsWith("Arrow")) return;
      else if (next !== undefined) this.choose(next);
      event.preventDefault();
      this.paint();
    }

    listen() {
      const { canvas, section } = this;
      canvas.addEventListener("mousemove", (event) => this.hover(event));
      canvas.addEventListener("mouseleave", (event) => {
        this.hovered = -1;
        vizzy.showFloat(event);
        this.paint();
      });
      canvas.addEventListener("click", (event) => {
        const node = this.nodeAt(event);
        if (node >= 0) this.zoom(node);
      });
      canvas.addEventListener("keydown", (event) => this.walk(event));
      vizzy.find("input[type=search]", section).addEventListener("input", (event) => {
        this.search(event.target.value);
        this.paint();
      });
      vizzy.find(".reset", section).addEventListener("click", () => this.zoom(0));
      vizzy.all("input[name=direction]", section).forEach((input) =>
        input.addEventListener("change", () =>
          vizzy.state.set({ inverted: input.value === "inverted", flames: input.value === "flames" }),
        ),
      );
      vizzy.state.on(["metric", "inverted", "summed", "flames"], () => this.show());
      vizzy.state.on(["trees"], ({ trees }) => this.renew(trees));
      vizzy.state.on(["theme"], () => {
        this.nameColours();
        this.paint();
      });
      new ResizeObserver(() => {
        if (this.canvas.parentElement.clientWidth !== this.width) this.resize();
      }).observe(canvas.parentElement);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const section = document.getElementById("flamegraph");
    if (!section) return;
    vizzy.whenNear(section, async () => {
      const trees = await vizzy.callTrees();
      if (trees) vizzy.flame = new FlameGraph(section, trees);
    });
  });
})(window.vizzy);
