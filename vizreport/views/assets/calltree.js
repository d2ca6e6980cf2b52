/* The call tree behind the flame graph and the table: columns, totals, the inverted tree, and figures of a chosen
 * range of time. It knows nothing of how it is shown.
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

    depth(node) {
      return this.path(node).length;
    }
  }

  /* Returns the tree that starts from the functions that allocate and grows towards their callers, and for each node of
   * the given tree the one at which its own stack ends. */
  function invert(tree) {
    const parent = [-1];
    const frame = [-1];
    const known = new Map();
    const ends = new Int32Array(tree.size);
    const used = new Uint8Array(tree.size);
    for (const self of tree.selves.values()) self.forEach((value, node) => (used[node] |= value > 0));
    for (let leaf = 1; leaf < tree.size; leaf++) {
      if (!used[leaf]) continue;
      let at = 0;
      for (let node = leaf; node > 0; node = tree.parent[node]) {
        const key = at * 0x1000000 + tree.frame[node];
        if (!known.has(key)) {
          known.set(key, parent.length);
          parent.push(at);
          frame.push(tree.frame[node]);
        }
        at = known.get(key);
      }
      ends[leaf] = at;
    }
    return { tree: new CallTree(Int32Array.from(parent), Int32Array.from(frame)), ends };
  }

  /* The page's call tree, both ways up, with its metrics. */
  class CallTrees {
    constructor(data) {
      this.frames = data.frames;
      this.metrics = data.metrics;
      this.range = data.range;
      this.upright = new CallTree(Int32Array.from(data.parent), Int32Array.from(data.frame));
      for (const { name } of data.metrics) {
        if (data.self[name]) this.upright.setSelf(name, Float64Array.from(data.self[name]));
      }
      // Every path that a range can count has self figures by now, so the inverted tree holds them all.
      if (data.range) this.chooseRange(null);
      this.inverse = null;
    }

    get(inverted) {
      if (!inverted) return this.upright;
      if (!this.inverse) {
        this.inverse = invert(this.upright);
        for (const metric of this.upright.selves.keys()) this.carry(metric);
      }
      return this.inverse.tree;
    }

    carry(metric) {
      const { tree, ends } = this.inverse;
      const self = new Float64Array(tree.size);
      this.upright.self(metric).forEach((value, node) => (self[ends[node]] += value));
      tree.setSelf(metric, self);
    }

    /* Sums the rows of the range table over the bins [from, to): what was allocated in them, what was live at their
     * end, and what of the first was still live then. Null: all of the trace. */
    chooseRange(bins) {
      const { node, alloc, free, bytes } = this.range;
      const [from, to] = bins || [0, this.range.bins];
      const allocated = new Float64Array(this.upright.size);
      const live = new Float64Array(this.upright.size);
      const kept = new Float64Array(this.upright.size);
      for (let row = 0; row < node.length; row++) {
        const inside = alloc[row] >= from && alloc[row] < to;
        const outlives = alloc[row] < to && free[row] >= to;
        if (inside) allocated[node[row]] += bytes[row];
        if (outlives) live[node[row]] += bytes[row];
        if (inside && outlives) kept[node[row]] += bytes[row];
      }
      for (const [metric, self] of [["range-allocated", allocated], ["range-live", live], ["range-kept", kept]]) {
        this.upright.setSelf(metric, self);
        if (this.inverse) this.carry(metric);
      }
    }

    /* Returns the bins that hold a range of time in ns, [from, to). */
    findBins({ from, to }) {
      const { start_ns: start, width_ns: width, bins } = this.range;
      const first = Math.min(Math.floor((from - start) / width), bins - 1);
      return [Math.max(first, 0), Math.max(Math.min(Math.ceil((to - start) / width), bins), first + 1)];
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

  let loading = null;
  vizzy.callTrees = () => (loading ||= vizzy.load("calltree").then((data) => data && new CallTrees(data)));

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
