/* The call tree as a table: rows open and close, columns sort, a text filters. Only rows that are open are in the page,
 * and of those at most a few hundred at a time. */
(function (vizzy) {
  "use strict";

  const ROWS_AT_ONCE = 300;
  const INDENT = 16;
  const MAIN_SHARE = 0.9;
  const DEEPEST_INDENT = 24;

  class TreeTable {
    constructor(section, trees) {
      this.section = section;
      this.trees = trees;
      this.body = vizzy.find("tbody", section);
      this.limit = ROWS_AT_ONCE;
      this.sort = { metric: vizzy.state.get("metric"), self: false, ascending: false };
      this.openMain();
      this.listen();
      this.show();
    }

    /* Opens the rows through which nearly everything goes: they say nothing by themselves. */
    openMain() {
      this.open = new Set([0]);
      const tree = this.trees.get(vizzy.state.get("inverted"));
      const total = tree.total(this.sort.metric);
      for (let at = 0; at !== undefined; ) {
        this.open.add(at);
        at = tree.children(at).find((child) => total[child] > MAIN_SHARE * total[0]);
      }
    }

    show() {
      this.tree = this.trees.get(vizzy.state.get("inverted"));
      this.filter(vizzy.find("input[type=search]", this.section).value);
      this.head();
      this.fill();
    }

    value(node, metric = this.sort.metric) {
      return (this.sort.self ? this.tree.self(metric) : this.tree.total(metric))[node];
    }

    /* With a filter, what matches stays, with all its callers and callees. */
    filter(text) {
      const matches = vizzy.matcher(text.trim());
      this.kept = null;
      this.matched = null;
      if (!matches) return;
      const { tree } = this;
      this.matched = new Uint8Array(tree.size);
      this.kept = new Uint8Array(tree.size);
      const holds = new Uint8Array(tree.size);
      for (let node = 1; node < tree.size; node++) {
        const { function: name, place } = this.trees.describe(tree, node);
        this.matched[node] = matches(name) || matches(place);
        this.kept[node] = this.matched[node] | this.kept[tree.parent[node]];
      }
      for (let node = tree.size - 1; node > 0; node--) {
        this.kept[tree.parent[node]] |= this.kept[node];
        holds[tree.parent[node]] |= this.matched[node] | holds[node];
      }
      holds.forEach((holding, node) => holding && this.open.add(node));
    }

    children(node) {
      const { ascending } = this.sort;
      return this.tree
        .children(node)
        .filter((child) => (!this.kept || this.kept[child]) && this.anything(child))
        .sort((a, b) => (this.value(b) - this.value(a)) * (ascending ? -1 : 1) || a - b);
    }

    anything(node) {
      return this.trees.metrics.some(({ name }) => this.tree.total(name)[node] > 0);
    }

    head() {
      vizzy.find("table", this.section).classList.toggle("ranged", Boolean(vizzy.state.get("range")));
      for (const cell of vizzy.all("th[data-metric]", this.section)) {
        const sorted = cell.dataset.metric === this.sort.metric;
        if (sorted) cell.setAttribute("aria-sort", this.sort.ascending ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      }
    }

    /* Returns the open rows, depth first: [node, level]. */
    visible() {
      const rows = [];
      const stack = this.children(0).reverse().map((node) => [node, 1]);
      while (stack.length) {
        const [node, level] = stack.pop();
        rows.push([node, level]);
        if (this.open.has(node)) for (const child of this.children(node).reverse()) stack.push([child, level + 1]);
      }
      return rows;
    }

    /* Shows other figures of the same program: what is open stays open, and rows that stay are the same elements. */
    renew(trees) {
      const follow = vizzy.followNodes(this.trees, trees, vizzy.state.get("inverted"));
      this.open = new Set([...this.open].map((node) => follow[node]).filter((node) => node >= 0));
      for (const row of vizzy.all("tr", this.body)) row.dataset.node = follow[row.dataset.node];
      this.trees = trees;
      if (!this.touched) this.openMain();
      this.show();
    }

    fill() {
      const focused = this.body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.node : null;
      this.rows = this.visible();
      const before = new Map([...this.body.children].map((row) => [Number(row.dataset.node), row]));
      const rows = this.rows.slice(0, this.limit).map(([node, level]) => this.reuse(before.get(node), this.row(node, level)));
      if (rows.length !== this.body.children.length || rows.some((row, at) => row !== this.body.children[at])) this.body.replaceChildren(...rows);
      const more = vizzy.find(".more", this.section);
      more.hidden = this.rows.length <= this.limit;
      more.textContent = `Show more (${vizzy.units.count(this.rows.length - this.limit)} rows)`;
      if (focused !== null) vizzy.find(`tr[data-node="${focused}"]`, this.body)?.focus();
      else if (this.body.firstElementChild) this.body.firstElementChild.tabIndex = 0;
    }

    /* Gives an element that is there already the contents of a new one, as far as they differ. */
    reuse(there, row) {
      if (!there || there.cells.length !== row.cells.length) return row;
      [...row.cells].forEach((cell, at) => {
        if (!there.cells[at].isEqualNode(cell)) there.replaceChild(cell, there.cells[at]);
      });
      for (const name of ["aria-level", "aria-expanded"]) {
        if (row.hasAttribute(name)) there.setAttribute(name, row.getAttribute(name));
        else there.removeAttribute(name);
      }
      return there;
    }

    row(node, level) {
      const { tree, trees } = this;
      const { function: name, short, place, module } = trees.describe(tree, node);
      const parent = this.children(node).length > 0;
      const open = this.open.has(node);
      const toggle = parent
        ? vizzy.make("button", { className: "toggle", type: "button", tabIndex: -1, textContent: open ? "\u25be" : "\u25b8", "aria-label": open ? "Close" : "Open" })
        : vizzy.make("span", { className: "leaf" });
      const text = vizzy.make(this.matched && this.matched[node] ? "mark" : "span", { textContent: short, title: name });
      const where = vizzy.make("span", { className: "where", textContent: place || module });
      const title = vizzy.make("td", { className: "name" }, toggle, text, where);
      title.style.paddingLeft = `${8 + Math.min(level - 1, DEEPEST_INDENT) * INDENT}px`;
      const heads = vizzy.all("th[data-metric]", this.section).filter((head) => head.offsetParent);
      const cells = heads.map((head) => this.cell(node, head.dataset.metric));
      const row = vizzy.make("tr", { tabIndex: -1, "aria-level": level }, title, ...cells);
      row.dataset.node = node;
      if (parent) row.setAttribute("aria-expanded", open);
      return row;
    }

    cell(node, metric) {
      const value = this.value(node, metric);
      const whole = this.tree.total(metric)[0];
      const share = vizzy.units.share(value, whole);
      const cell = vizzy.make("td", { className: "number share", title: share });
      cell.textContent = value > 0 ? this.trees.format(metric, value) : "\u2013";
      if (metric === this.sort.metric) {
        cell.style.setProperty("--share", `${whole ? (100 * value) / whole : 0}%`);
        if (value > 0) cell.append(vizzy.make("span", { className: "muted", textContent: ` ${share}` }));
      }
      return cell;
    }

    /* Opens or closes a row; what has only one callee opens with it, down to where the ways part. */
    toggle(node) {
      this.touched = true;
      if (this.open.delete(node)) return this.fill();
      for (let at = node; ; ) {
        this.open.add(at);
        const children = this.children(at);
        if (children.length !== 1) break;
        at = children[0];
      }
      this.fill();
    }

    key(event) {
      const row = event.target.closest("tr");
      if (!row || event.target !== row) return;
      const node = Number(row.dataset.node);
      const open = this.open.has(node);
      const focus = (next) => next && next.focus();
      if (event.key === "ArrowDown") focus(row.nextElementSibling);
      else if (event.key === "ArrowUp") focus(row.previousElementSibling);
      else if (event.key === "ArrowRight" && !open) this.toggle(node);
      else if (event.key === "ArrowLeft" && open) this.toggle(node);
      else if (event.key === "ArrowLeft") focus(vizzy.find(`tr[data-node="${this.tree.parent[node]}"]`, this.body));
      else if (event.key === "Enter" || event.key === " ") this.toggle(node);
      else return;
      event.preventDefault();
    }

    sortBy(metric) {
      const same = this.sort.metric === metric;
      this.sort = { ...this.sort, metric, ascending: same && !this.sort.ascending };
      this.head();
      this.fill();
    }

    listen() {
      const { section, body } = this;
      body.addEventListener("click", (event) => {
        const row = event.target.closest("tr");
        if (row && (event.target.closest(".toggle") || row.hasAttribute("aria-expanded"))) this.toggle(Number(row.dataset.node));
      });
      body.addEventListener("keydown", (event) => this.key(event));
      for (const head of vizzy.all("th[data-metric]", section)) {
        vizzy.find("button", head).addEventListener("click", () => this.sortBy(head.dataset.metric));
      }
      vizzy.find("input[type=search]", section).addEventListener("input", () => {
        this.limit = ROWS_AT_ONCE;
        this.show();
      });
      vizzy.all("input[name=figure]", section).forEach((input) =>
        input.addEventListener("change", () => {
          this.sort = { ...this.sort, self: input.value === "self" };
          this.fill();
        }),
      );
      vizzy.find(".more", section).addEventListener("click", () => {
        this.limit += ROWS_AT_ONCE;
        this.fill();
      });
      vizzy.state.on(["trees"], ({ trees }) => this.renew(trees));
      vizzy.state.on(["inverted"], () => this.openMain());
      vizzy.state.on(["inverted", "summed"], () => this.show());
      vizzy.state.on(["metric"], ({ metric }) => {
        this.sort = { ...this.sort, metric, ascending: false };
        this.show();
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const section = document.getElementById("calltree");
    if (!section) return;
    vizzy.whenNear(section, async () => {
      const trees = await vizzy.callTrees();
      if (trees) vizzy.table = new TreeTable(section, trees);
    });
  });
})(window.vizzy);
