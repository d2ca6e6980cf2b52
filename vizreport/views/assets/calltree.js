/* The page's call stacks: their figures, also of a chosen range of time, and the tree that they make from the root down.
 * Nothing here knows how they are shown. A tree of either direction has parent(node), frame(node), children(node),
 * hasChildren(node), total(metric, node) and self(metric, node); its node 0 is "all".
 *
 * Call stacks are known by their ends: the nodes at which they end. A node's self figure is what the stacks that end at it
 * account for, its total that of all stacks through it. */
(function (vizzy) {
  "use strict";

  /* Returns running sums: the inverse of storing differences, which pack well. */
  function sumUp(steps) {
    let at = 0;
    return Int32Array.from(steps, (step) => (at += step));
  }

  /* Nodes are numbered depth first: what is below a node are the numbers from its own to `last`. */
  class CallTree {
    constructor(columns, figures) {
      const size = columns.up.length + 1;
      this.size = size;
      this.figures = figures;
      this.ends = sumUp(columns.endSteps);
      this.parents = new Int32Array(size).fill(-1);
      this.frames = new Int32Array(size).fill(-1);
      this.last = new Int32Array(size).fill(size);
      this.sums = new Map();
      const open = [0];
      for (let node = 1; node < size; node++) {
        for (let levels = columns.up[node - 1]; levels > 0; levels--) this.last[open.pop()] = node;
        this.parents[node] = open[open.length - 1];
        this.frames[node] = columns.frame[node - 1];
        open.push(node);
      }
    }

    parent(node) {
      return this.parents[node];
    }

    frame(node) {
      return this.frames[node];
    }

    /* Returns a figure of the stacks that end at each node, and of those through it: typed arrays. */
    sum(metric) {
      const of = this.figures.get(metric);
      if (this.sums.get(metric)?.of !== of) {
        const self = new Float64Array(this.size);
        this.ends.forEach((node, end) => (self[node] += of[end]));
        const total = Float64Array.from(self);
        for (let node = this.size - 1; node > 0; node--) total[this.parents[node]] += total[node];
        this.sums.set(metric, { of, self, total });
      }
      return this.sums.get(metric);
    }

    total(metric, node) {
      return this.sum(metric).total[node];
    }

    self(metric, node) {
      return this.sum(metric).self[node];
    }

    children(node) {
      const found = [];
      for (let child = node + 1; child < this.last[node]; child = this.last[child]) found.push(child);
      return found;
    }

    hasChildren(node) {
      return this.last[node] > node + 1;
    }

    /* Tells of each node whether one above it, or it itself, has one of the frames: Uint8Array of 0 and 1. */
    below(frames) {
      const below = new Uint8Array(this.size);
      for (let node = 1; node < this.size; node++) below[node] = below[this.parents[node]] | frames[this.frames[node]];
      return below;
    }

    /* Tells whether a stack through the node has a mark: Uint8Array, of each end. */
    holds(node, marks) {
      let [low, high] = [0, this.ends.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.ends[middle] < node) low = middle + 1;
        else high = middle;
      }
      for (; low < this.ends.length && this.ends[low] < this.last[node]; low++) if (marks[low]) return true;
      return false;
    }
  }

  /* Returns the bins [from, to) that hold a range of time. */
  function findBins({ startNs, widthNs, bins }, { from, to }) {
    const first = Math.max(Math.min(Math.floor((from - startNs) / widthNs), bins - 1), 0);
    return [first, Math.max(Math.min(Math.ceil((to - startNs) / widthNs), bins), first + 1)];
  }

  /* Numbers for functions, the same in whatever data they come. */
  const identities = new Map();

  function identify({ names, name, modules, module }) {
    return Int32Array.from(name, (text, frame) => {
      const key = `${names[text]} ${module[frame] < 0 ? "" : modules[module[frame]]}`;
      return identities.get(key) ?? identities.set(key, identities.size).get(key);
    });
  }

  /* The page's call stacks, from the root down and inverted, with their metrics. */
  class CallTrees {
    constructor(data) {
      this.frames = data.frames;
      this.metrics = data.metrics;
      this.figures = new Map(Object.entries(data.tree.self).map(([name, self]) => [name, Float64Array.from(self)]));
      this.functions = identify(data.frames);
      this.upright = new CallTree(data.tree, this.figures);
      this.range = data.tree.range && { ...data.tree.range, end: sumUp(data.tree.range.endSteps) };
      for (const { name } of this.metrics) if (!this.figures.has(name)) this.figures.set(name, new Float64Array(this.upright.ends.length));
    }

    get(inverted) {
      return inverted ? (this.inverted ||= new vizzy.InvertedTree(this)) : this.upright;
    }

    get hasRange() {
      return Boolean(this.range);
    }

    /* Sums what was allocated in a range of time, {from, to} in ns, what was live at its end, and what of the first was
     * still live then. Ranges are rounded outwards to bins. */
    chooseRange(range) {
      const { end, alloc, free, bytes, bins } = this.range;
      const [from, to] = range ? findBins(this.range, range) : [0, bins];
      const [allocated, live, kept] = [0, 1, 2].map(() => new Float64Array(this.upright.ends.length));
      for (let row = 0; row < end.length; row++) {
        const inside = alloc[row] >= from && alloc[row] < to;
        const outlives = alloc[row] < to && alloc[row] + free[row] >= to;
        if (inside) allocated[end[row]] += bytes[row];
        if (outlives) live[end[row]] += bytes[row];
        if (inside && outlives) kept[end[row]] += bytes[row];
      }
      this.figures.set("range-allocated", allocated);
      this.figures.set("range-live", live);
      this.figures.set("range-kept", kept);
    }

    metric(name) {
      return this.metrics.find((metric) => metric.name === name);
    }

    format(metric, value) {
      return vizzy.units[this.metric(metric).unit](value);
    }

    /* Returns the nodes from this one to the outermost, without node 0. */
    path(tree, node) {
      const nodes = [];
      for (; node > 0; node = tree.parent(node)) nodes.push(node);
      return nodes;
    }

    /* Returns what is known of a node's frame. */
    describe(tree, node) {
      if (node === 0) return { function: "all", short: "all", module: "", place: "", inlined: false, other: false };
      return this.describeFrame(tree.frame(node));
    }

    describeFrame(frame) {
      const { names, shorts, name, module, modules, file, files, line, inlined } = this.frames;
      const place = file[frame] < 0 ? "" : files[file[frame]] + (line[frame] > 0 ? `:${line[frame]}` : "");
      return {
        function: names[name[frame]],
        short: shorts[name[frame]] ?? names[name[frame]],
        module: module[frame] < 0 ? "" : modules[module[frame]],
        place,
        inlined: Boolean(inlined[frame]),
        other: module[frame] < 0 && file[frame] < 0,
      };
    }

    /* Returns which frames a text matches, by function, file or module, and which stacks have such a frame; or null: no
     * text. {frames: Uint8Array of each frame, below: of each upright node, ends: of each end, functions: how many} */
    match(text) {
      const matches = vizzy.matcher(text.trim());
      if (!matches) return null;
      const frames = Uint8Array.from(this.frames.name, (_, frame) => {
        const { function: name, place, module } = this.describeFrame(frame);
        return matches(name) || matches(place) || matches(module) ? 1 : 0;
      });
      const below = this.upright.below(frames);
      const ends = Uint8Array.from(this.upright.ends, (node) => below[node]);
      const functions = new Set(this.functions.filter((_, frame) => frames[frame])).size;
      return { frames, below, ends, functions };
    }

    /* Returns a call stack as text, leaf first, a frame on each line. */
    stackText(tree, node) {
      const path = this.path(tree, node);
      if (tree !== this.upright) path.reverse();
      return path
        .map((at) => {
          const { function: name, place, module } = this.describe(tree, at);
          return name + (place ? ` (${place})` : module ? ` (${module})` : "");
        })
        .join("\n");
    }
  }

  /* Returns what finds for a node of an earlier tree the node of a later one with the same functions above it, or -1. */
  vizzy.followNodes = function (before, after, inverted) {
    const [earlier, later] = [before.get(inverted), after.get(inverted)];
    const found = new Map([[0, 0]]);
    return function follow(node) {
      if (!found.has(node)) {
        const [parent, wanted] = [follow(earlier.parent(node)), before.functions[earlier.frame(node)]];
        const same = (child) => after.functions[later.frame(child)] === wanted;
        found.set(node, parent < 0 ? -1 : (later.children(parent).find(same) ?? -1));
      }
      return found.get(node);
    };
  };

  /* A report carries its trees; a live page gets them again and again, and says so by the state "trees". */
  let [shown, tell] = [null, null];
  const loading = new Promise((resolve) => (tell = resolve));
  vizzy.callTrees = () => loading.then(() => shown);
  vizzy.renewTrees = function (data) {
    const before = shown;
    shown = data && new CallTrees(data);
    tell();
    if (before) vizzy.state.set({ trees: shown });
  };
  document.addEventListener("DOMContentLoaded", async () => {
    if (!vizzy.live) vizzy.renewTrees(await vizzy.load("calltree"));
  });

  /* Returns a test for a text to search: /.../ is a regular expression, else the text itself in any case. */
  vizzy.matcher = function (text) {
    if (!text) return null;
    const pattern = /^\/(.+)\/?$/.exec(text);
    if (pattern) {
      try {
        const expression = new RegExp(pattern[1].replace(/\/$/, ""), "i");
        return (name) => expression.test(name);
      } catch {
        return () => false;
      }
    }
    const wanted = text.toLowerCase();
    return (name) => name.toLowerCase().includes(wanted);
  };
})(window.vizzy);
