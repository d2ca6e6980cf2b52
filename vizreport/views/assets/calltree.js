/* The call trees behind the flame graph and the table: columns, totals, and figures of a chosen range of time. They know
 * nothing of how they are shown.
 *
 * Nodes are numbered so that a parent comes before its children; node 0 is "all". A node's self figure is what its own
 * call stacks account for, its total that of all stacks through it. */
(function (vizzy) {
  "use strict";

  class CallTree {
    constructor(parent, frame) {
      this.parent = parent;
      this.frame = frame;
      this.selves = new Map();
      this.totals = new Map();
      this.lists = null;
    }

    get size() {
      return this.parent.length;
    }

    setSelf(metric, self) {
      this.selves.set(metric, self);
      this.totals.delete(metric);
    }

    self(metric) {
      return this.selves.get(metric) || this.selves.set(metric, new Float64Array(this.size)).get(metric);
    }

    total(metric) {
      if (!this.totals.has(metric)) {
        const total = Float64Array.from(this.self(metric));
        for (let node = this.size - 1; node > 0; node--) total[this.parent[node]] += total[node];
        this.totals.set(metric, total);
      }
      return this.totals.get(metric);
    }

    /* Returns the children of a node, in the order of their numbers. */
    children(node) {
      if (!this.lists) {
        this.lists = Array.from({ length: this.size }, () => []);
        for (let child = 1; child < this.size; child++) this.lists[this.parent[child]].push(child);
      }
      return this.lists[node];
    }

    /* Returns the nodes from this one to the outermost, without node 0. */
    path(node) {
      const nodes = [];
      for (; node > 0; node = this.parent[node]) nodes.push(node);
      return nodes;
    }
  }

  /* Returns running sums: the inverse of storing differences, which pack well. */
  function sumUp(steps) {
    let at = 0;
    return Int32Array.from(steps, (step) => (at += step));
  }

  /* Returns the bins [from, to) that hold a range of time. */
  function findBins({ startNs, widthNs, bins }, { from, to }) {
    const first = Math.max(Math.min(Math.floor((from - startNs) / widthNs), bins - 1), 0);
    return [first, Math.max(Math.min(Math.ceil((to - startNs) / widthNs), bins), first + 1)];
  }

  function sumRange(tree, from, to) {
    const { node, alloc, free, bytes } = tree.range;
    const [allocated, live, kept] = [0, 1, 2].map(() => new Float64Array(tree.size));
    for (let row = 0; row < node.length; row++) {
      const inside = alloc[row] >= from && alloc[row] < to;
      const outlives = alloc[row] < to && free[row] >= to;
      if (inside) allocated[node[row]] += bytes[row];
      if (outlives) live[node[row]] += bytes[row];
      if (inside && outlives) kept[node[row]] += bytes[row];
    }
    tree.setSelf("range-allocated", allocated);
    tree.setSelf("range-live", live);
    tree.setSelf("range-kept", kept);
  }

  /* The page's call stacks, from the root down and inverted, with their metrics. */
  class CallTrees {
    constructor(data) {
      this.frames = data.frames;
      this.metrics = data.metrics;
      this.trees = [data.upright, data.inverted].map((columns) => {
        const tree = new CallTree(Int32Array.from(columns.parent), Int32Array.from(columns.frame));
        for (const [name, self] of Object.entries(columns.self)) tree.setSelf(name, Float64Array.from(self));
        tree.range = columns.range && { ...columns.range, node: sumUp(columns.range.nodeSteps) };
        return tree;
      });
    }

    get(inverted) {
      return this.trees[inverted ? 1 : 0];
    }

    get hasRange() {
      return Boolean(this.trees[0].range);
    }

    /* Sums what was allocated in a range of time, {from, to} in ns, what was live at its end, and what of the first was
     * still live then. Ranges are rounded outwards to bins. */
    chooseRange(range) {
      for (const tree of this.trees) {
        const [from, to] = range ? findBins(tree.range, range) : [0, tree.range.bins];
        sumRange(tree, from, to);
      }
    }

    metric(name) {
      return this.metrics.find((metric) => metric.name === name);
    }

    format(metric, value) {
      return vizzy.units[this.metric(metric).unit](value);
    }

    /* Returns what is known of a node's frame. */
    describe(tree, node) {
      if (node === 0) return { function: "all", short: "all", module: "", place: "", inlined: false, other: false };
      const { names, shorts, name, module, modules, file, files, line, inlined } = this.frames;
      const frame = tree.frame[node];
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

    /* Returns a call stack as text, leaf first, a frame on each line. */
    stackText(tree, node, inverted) {
      const path = tree.path(node);
      if (inverted) path.reverse();
      return path
        .map((at) => {
          const { function: name, place, module } = this.describe(tree, at);
          return name + (place ? ` (${place})` : module ? ` (${module})` : "");
        })
        .join("\n");
    }
  }

  /* Numbers for functions, the same in whatever data they come. */
  const identities = new Map();

  function identify(frames) {
    const { names, name, modules, module } = frames;
    return (frames.identities ||= name.map((text, frame) => {
      const key = `${names[text]} ${module[frame] < 0 ? "" : modules[module[frame]]}`;
      return identities.get(key) ?? identities.set(key, identities.size).get(key);
    }));
  }

  /* Returns for each node of an earlier tree the node of a later one with the same functions above it, or -1. */
  vizzy.followNodes = function (before, after, inverted) {
    const [earlier, later] = [before.get(inverted), after.get(inverted)];
    const [earlierIds, laterIds] = [identify(before.frames), identify(after.frames)];
    const places = new Map();
    const key = (parent, frame, ids) => parent * 2 ** 26 + (frame < 0 ? 0 : ids[frame] + 1);
    for (let node = 1; node < later.size; node++) places.set(key(later.parent[node], later.frame[node], laterIds), node);
    const found = new Int32Array(earlier.size).fill(-1);
    found[0] = 0;
    for (let node = 1; node < earlier.size; node++) {
      const parent = found[earlier.parent[node]];
      if (parent >= 0) found[node] = places.get(key(parent, earlier.frame[node], earlierIds)) ?? -1;
    }
    return found;
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
