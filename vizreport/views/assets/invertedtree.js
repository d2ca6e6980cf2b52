/* The call tree inverted: the functions that allocate below node 0, their callers below them. Made of the upright tree, a
 * node's children when they are asked for: whole, it would have millions of nodes.
 *
 * A node is a part of `members`, the ends of the stacks through it; `at` says where each is on its way up to the root. To
 * make a node's children is to sort its part by which function comes next. */
(function (vizzy) {
  "use strict";

  vizzy.InvertedTree = class {
    constructor(trees) {
      const { upright, functions } = trees;
      this.trees = trees;
      const first = upright.ends.findIndex((node) => node > 0); // before it: stacks without frames
      this.nFrameless = first < 0 ? upright.ends.length : first;
      this.at = upright.ends.slice(this.nFrameless);
      this.members = this.at.map((_, place) => this.nFrameless + place);
      this.groups = new Int32Array(this.at.length); // of each member, while a node is opened
      this.groupOf = new Int32Array(functions.reduce((a, b) => Math.max(a, b), 0) + 2).fill(-1); // by function + 1; 0: there is none
      this.nodes = [{ parent: -1, frame: -1, from: 0, to: this.at.length, children: null, own: 0 }];
      this.sums = new Map();
    }

    parent(node) {
      return this.nodes[node].parent;
    }

    frame(node) {
      return this.nodes[node].frame;
    }

    children(node) {
      return (this.nodes[node].children ||= this.open(node));
    }

    hasChildren(node) {
      const { from, to, children } = this.nodes[node];
      if (children) return children.length > 0;
      for (let place = from; place < to; place++) if (node === 0 || this.trees.upright.parents[this.at[place]] > 0) return true;
      return false;
    }

    total(metric, node) {
      const { of, totals } = this.known(metric);
      return (totals[node] ??= this.add(of, node, this.nodes[node].to));
    }

    /* Returns what the stacks account for whose outermost frame is the node's. */
    self(metric, node) {
      this.children(node);
      const { of, selves } = this.known(metric);
      return (selves[node] ??= this.add(of, node, this.nodes[node].own));
    }

    /* Returns the sums of a metric that are known by now; a range of time that was chosen since makes them unknown. */
    known(metric) {
      const of = this.trees.figures.get(metric);
      if (this.sums.get(metric)?.of !== of) this.sums.set(metric, { of, totals: [], selves: [] });
      return this.sums.get(metric);
    }

    add(figures, node, to) {
      let sum = 0;
      for (let place = this.nodes[node].from; place < to; place++) sum += figures[this.members[place]];
      if (node === 0) for (let end = 0; end < this.nFrameless; end++) sum += figures[end];
      return sum;
    }

    /* Sorts a node's members by the function that comes next, those with none first, and makes a node of each function. */
    open(node) {
      const { from, to } = this.nodes[node];
      const made = this.group(node, from, to);
      const starts = [from];
      for (const { size } of made) starts.push(starts[starts.length - 1] + size);
      this.nodes[node].own = starts[1];
      if (made.length > 2 || (made.length === 2 && made[0].size > 0)) this.sort(from, to, starts);
      return made.slice(1).map(({ frame }, k) => {
        this.nodes.push({ parent: node, frame, from: starts[k + 1], to: starts[k + 2], children: null, own: 0 });
        return this.nodes.length - 1;
      });
    }

    /* Takes the members a step up, and returns the groups that they make, first that of those with no further frame. */
    group(node, from, to) {
      const { members, at, groups, groupOf } = this;
      const { upright, functions, figures } = this.trees;
      const { parents, frames } = upright;
      const bytes = figures.get("allocated");
      const made = [{ key: 0, size: 0, frame: -1, most: 0 }];
      groupOf[0] = 0;
      for (let place = from; place < to; place++) {
        const next = node === 0 ? at[place] : parents[at[place]];
        const key = next > 0 ? functions[frames[next]] + 1 : 0;
        if (groupOf[key] < 0) groupOf[key] = made.push({ key, size: 0, frame: frames[next], most: 0 }) - 1;
        const group = made[groupOf[key]];
        group.size += 1;
        // Calls from different lines of a function are one node, which shows the line of the largest.
        if (bytes[members[place]] > group.most) [group.most, group.frame] = [bytes[members[place]], frames[next]];
        groups[place] = groupOf[key];
        at[place] = next;
      }
      for (const { key } of made) groupOf[key] = -1;
      return made;
    }

    sort(from, to, starts) {
      const [members, at] = [this.members.slice(from, to), this.at.slice(from, to)];
      const next = [...starts];
      for (let place = from; place < to; place++) {
        const goal = next[this.groups[place]]++;
        this.members[goal] = members[place - from];
        this.at[goal] = at[place - from];
      }
    }

    /* Tells whether a stack through the node has a mark: Uint8Array, of each end. */
    holds(node, marks) {
      const { from, to } = this.nodes[node];
      for (let place = from; place < to; place++) if (marks[this.members[place]]) return true;
      return false;
    }
  };
})(window.vizzy);
