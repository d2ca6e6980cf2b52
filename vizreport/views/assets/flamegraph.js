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
      this.match = null;
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

    /* Takes the tree of the chosen metric. */
    take() {
      this.tree = this.trees.get(this.inverted);
      this.whole = this.tree.total(this.metric, 0);
      this.sorted = new Map();
      vizzy.find(".empty", this.section).hidden = this.whole > 0;
      this.search(vizzy.find("input[type=search]", this.section).value);
    }

    show() {
      this.take();
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
        while (follow(node) < 0) node = this.tree.parent(node);
        return follow(node);
      };
      const [chosen, focus] = [stay(this.chosen), stay(this.focus)];
      this.hovered = this.hovered < 0 ? -1 : follow(this.hovered);
      this.trees = trees;
      this.take();
      [this.chosen, this.focus] = [chosen, focus].map((node) => this.nearestShown(node));
      this.view = this.edges(this.focus);
      vizzy.find(".reset", this.section).disabled = this.focus === 0;
      vizzy.renewFrame(this.details, trees, this.describeChoice(this.chosen));
      this.nameColours();
      this.resize();
    }

    nearestShown(node) {
      while (node > 0 && this.total(node) === 0) node = this.tree.parent(node);
      return node;
    }

    total(node) {
      return this.tree.total(this.metric, node);
    }

    /* Returns the children that have something of the metric, the largest first. */
    children(node) {
      if (!this.sorted.has(node)) {
        const found = this.tree.children(node).filter((child) => this.total(child) > 0);
        this.sorted.set(node, found.sort((a, b) => this.total(b) - this.total(a)));
      }
      return this.sorted.get(node);
    }

    /* Places the boxes that can be seen in the present view, and no others, of hundreds of thousands: each one's left and
     * right edge as fractions of the whole. */
    layOut() {
      this.width = this.canvas.parentElement.clientWidth;
      const [from, to] = this.view;
      const least = (LEAST_WIDTH / this.width) * (to - from) * this.whole;
      this.boxes = new Map();
      this.rows = 1;
      const open = this.whole > 0 ? [{ node: 0, left: 0, right: 1, depth: 0 }] : [];
      while (open.length) {
        const box = open.pop();
        this.boxes.set(box.node, box);
        this.rows = Math.max(this.rows, box.depth + 1);
        let edge = box.left;
        for (const node of this.children(box.node)) {
          const total = this.total(node);
          if (total < least || edge > to) break; // so are all that follow
          const left = edge;
          edge += total / this.whole;
          if (edge >= from) open.push({ node, left, right: edge, depth: box.depth + 1 });
        }
      }
    }

    /* Returns the left and the right edge of a node, seen or not. */
    edges(node) {
      let [left, right] = [0, 1];
      for (const at of this.trees.path(this.tree, node).reverse()) {
        for (const sibling of this.children(this.tree.parent(at))) {
          if (sibling === at) break;
          left += this.total(sibling) / this.whole;
        }
        right = left + this.total(at) / this.whole;
      }
      return [left, right];
    }

    resize() {
      this.layOut();
      this.drawnRows = this.rows;
      this.canvas.parentElement.style.height = `${this.rows * ROW}px`;
      // The canvas is as high as what can be seen: browsers draw nothing on one of thousands of rows.
      this.height = Math.min(this.rows * ROW, this.scroller.clientHeight);
      const density = window.devicePixelRatio || 1;
      this.canvas.style.height = `${this.height}px`;
      this.canvas.width = Math.round(this.width * density);
      this.canvas.height = Math.round(this.height * density);
      this.paint();
    }

    get scroller() {
      return vizzy.find(".view", this.section);
    }

    rowOf(depth) {
      return this.upsideDown ? this.drawnRows - 1 - depth : depth;
    }

    /* Scrolls so that a box can be seen. */
    reveal(depth) {
      const top = this.rowOf(depth) * ROW;
      const { scrollTop } = this.scroller;
      if (top < scrollTop || top + ROW > scrollTop + this.height) this.scroller.scrollTop = top - this.height / 2;
    }

    paint() {
      const density = window.devicePixelRatio || 1;
      const pen = this.canvas.getContext("2d");
      pen.setTransform(density, 0, 0, density, 0, 0);
      this.scrolled = this.scroller.scrollTop;
      pen.clearRect(0, 0, this.width, this.height);
      pen.font = `12px ${getComputedStyle(document.body).getPropertyValue("--sans")}`;
      pen.textBaseline = "middle";
      const style = vizzy.flameColours(this.trees.frames);
      this.letter = pen.measureText("abcdefghij_:mnopst").width / 18;
      for (const node of this.boxes.keys()) this.paintBox(pen, node, style);
    }

    /* Returns where a box is drawn, in pixels. */
    box(node) {
      const { left, right, depth } = this.boxes.get(node);
      const [from, to] = this.view;
      const scale = this.width / (to - from);
      const start = Math.max((left - from) * scale, 0);
      const top = this.rowOf(depth) * ROW - this.scrolled;
      return { left: start, width: Math.min((right - from) * scale, this.width) - start, top };
    }

    paintBox(pen, node, style) {
      const { left, width, top } = this.box(node);
      if (width < LEAST_WIDTH || top + ROW < 0 || top > this.height) return;
      const frame = this.tree.frame(node);
      const marked = this.match && node > 0 && this.match.frames[frame];
      pen.globalAlpha = this.match && !marked ? 0.35 : 1;
      pen.fillStyle = marked ? style.mark : style.fill(frame);
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
      return `all: ${this.trees.format(this.metric, this.whole)}`;
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
      const depth = this.rowOf(Math.floor((event.clientY - bounds.top + this.scroller.scrollTop) / ROW));
      const place = this.view[0] + ((event.clientX - bounds.left) / this.width) * (this.view[1] - this.view[0]);
      for (const box of this.boxes.values()) {
        if (box.depth === depth && box.left <= place && place < box.right) return box.node;
      }
      return -1;
    }

    zoom(node) {
      const from = [...this.view];
      const to = this.edges(node);
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
          this.layOut();
          this.paint();
          requestAnimationFrame(step);
        } else this.resize();
      };
      requestAnimationFrame(step);
    }

    /* Marks the frames whose function, file or module matches, and says how much of the whole is under them. */
    search(text) {
      const output = vizzy.find(".matched", this.section);
      this.match = this.trees.match(text);
      output.textContent = "";
      if (!this.match) return;
      const { ends, functions } = this.match;
      const figures = this.trees.figures.get(this.metric);
      const sum = figures.reduce((total, figure, end) => total + figure * ends[end], 0);
      this.matchedShare = this.whole ? sum / this.whole : 0;
      const [share, amount] = [vizzy.units.share(sum, this.whole), this.trees.format(this.metric, sum)];
      output.textContent = `${share} matched: ${amount} under ${vizzy.units.count(functions)} function${functions === 1 ? "" : "s"}`;
    }

    choose(node) {
      this.chosen = node;
      vizzy.showFrame(this.details, this.trees, this.describeChoice(node));
    }

    describeChoice(node) {
      return { tree: this.tree, node, metric: this.metric };
    }

    hover(event) {
      const node = this.nodeAt(event);
      if (node !== this.hovered) {
        this.hovered = node;
        this.paint();
      }
      if (node < 0) return vizzy.showFloat(event);
      const { function: name, place, module, inlined } = this.trees.describe(this.tree, node);
      const value = this.trees.format(this.metric, this.total(node));
      const share = vizzy.units.share(this.total(node), this.whole);
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
      const { tree, chosen } = this;
      const siblings = chosen > 0 ? this.children(tree.parent(chosen)) : [0];
      const at = siblings.indexOf(chosen);
      const [up, down] = this.upsideDown ? ["ArrowDown", "ArrowUp"] : ["ArrowUp", "ArrowDown"];
      const next = {
        [up]: chosen > 0 ? tree.parent(chosen) : 0,
        [down]: this.children(chosen)[0],
        ArrowLeft: siblings[at - 1],
        ArrowRight: siblings[at + 1],
      }[event.key];
      if (event.key === "Enter") this.zoom(chosen);
      else if (event.key === "Escape") this.zoom(0);
      else if (!event.key.startsWith("Arrow")) return;
      else if (next !== undefined) this.choose(next);
      this.reveal(this.trees.path(tree, this.chosen).length);
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
      this.scroller.addEventListener("scroll", () => this.paint(), { passive: true });
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
