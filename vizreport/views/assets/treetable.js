/* The call tree as a table: rows open and close, columns sort, a text filters. Only rows that are open are in the page,
 * and of those at most a hundred at a time. */
(function (vizzy) {
  "use strict";

  const ROWS_AT_ONCE = 100;
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
      this.closed = new Set();
      const tree = this.trees.get(vizzy.state.get("inverted"));
      const least = MAIN_SHARE * tree.total(this.sort.metric, 0);
      for (let at = 0; at !== undefined; ) {
        this.open.add(at);
        at = tree.children(at).find((child) => tree.total(this.sort.metric, child) > least);
      }
    }

    show() {
      this.tree = this.trees.get(vizzy.state.get("inverted"));
      this.match = this.trees.match(vizzy.find("input[type=search]", this.section).value);
      this.head();
      this.fill();
    }

    value(node, metric = this.sort.metric) {
      return this.sort.self ? this.tree.self(metric, node) : this.tree.total(metric, node);
    }

    /* Returns the rows below a node, of those that a filter leaves: what matches, its callers and its callees. A row that
     * leads to what matches is open unless it was closed. */
    below({ node, level, inside }) {
      const sign = this.sort.ascending ? -1 : 1;
      const rows = this.tree.children(node).map((child) => ({ node: child, level: level + 1, value: this.value(child), ...this.place(child, inside) }));
      return rows.filter(({ kept }) => kept).sort((a, b) => (b.value - a.value) * sign || a.node - b.node);
    }

    place(node, inside) {
      const matched = Boolean(this.match && this.match.frames[this.tree.frame(node)]);
      const leads = Boolean(this.match) && !inside && !matched && this.tree.holds(node, this.match.ends);
      const open = this.open.has(node) || (leads && !this.closed.has(node));
      return { matched, open, inside: inside || matched, kept: !this.match || inside || matched || leads };
    }

    head() {
      vizzy.find("table", this.section).classList.toggle("ranged", Boolean(vizzy.state.get("range")));
      for (const cell of vizzy.all("th[data-metric]", this.section)) {
        const sorted = cell.dataset.metric === this.sort.metric;
        if (sorted) cell.setAttribute("aria-sort", this.sort.ascending ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      }
    }

    /* Returns the open rows, depth first, and one more than are shown if there are more. */
    visible() {
      const rows = [];
      const waiting = this.below({ node: 0, level: 0, inside: false }).reverse();
      while (waiting.length && rows.length <= this.limit) {
        const row = waiting.pop();
        rows.push(row);
        if (row.open) waiting.push(...this.below(row).reverse());
      }
      return rows;
    }

    /* Shows other figures of the same program: what is open stays open, and rows that stay are the same elements. */
    renew(trees) {
      const follow = vizzy.followNodes(this.trees, trees, vizzy.state.get("inverted"));
      const stay = (nodes) => new Set([...nodes].map(follow).filter((node) => node >= 0));
      [this.open, this.closed] = [stay(this.open), stay(this.closed)];
      for (const row of vizzy.all("tr", this.body)) row.dataset.node = follow(Number(row.dataset.node));
      this.trees = trees;
      if (!this.touched) this.openMain();
      this.show();
    }

    fill() {
      const focused = this.body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.node : null;
      this.rows = this.visible();
      this.heads = vizzy.all("th[data-metric]", this.section).filter((head) => head.offsetParent);
      const before = new Map([...this.body.children].map((row) => [Number(row.dataset.node), row]));
      const rows = this.rows.slice(0, this.limit).map((row) => this.reuse(before.get(row.node), this.row(row)));
      if (rows.length !== this.body.children.length || rows.some((row, at) => row !== this.body.children[at])) this.body.replaceChildren(...rows);
      vizzy.find(".more", this.section).hidden = this.rows.length <= this.limit;
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

    row({ node, level, matched, open }) {
      const { tree, trees } = this;
      const { function: name, short, place, module } = trees.describe(tree, node);
      const parent = tree.hasChildren(node);
      const toggle = parent
        ? vizzy.make("button", { className: "toggle", type: "button", tabIndex: -1, textContent: open ? "\u25be" : "\u25b8", "aria-label": open ? "Close" : "Open" })
        : vizzy.make("span", { className: "leaf" });
      const text = vizzy.make(matched ? "mark" : "span", { textContent: short, title: name });
      const where = vizzy.make("span", { className: "where", textContent: place || module });
      const title = vizzy.make("td", { className: "name" }, toggle, text, where);
      title.style.paddingLeft = `${8 + Math.min(level - 1, DEEPEST_INDENT) * INDENT}px`;
      const cells = this.heads.map((head) => this.cell(node, head.dataset.metric));
      const row = vizzy.make("tr", { tabIndex: -1, "aria-level": level }, title, ...cells);
      row.dataset.node = node;
      if (parent) row.setAttribute("aria-expanded", open);
      return row;
    }

    cell(node, metric) {
      const value = this.value(node, metric);
      const whole = this.tree.total(metric, 0);
      const share = vizzy.units.share(value, whole);
      const cell = vizzy.make("td", { className: "number share", title: share });
      cell.textContent = value > 0 ? this.trees.format(metric, value) : "\u2013";
      if (metric === this.sort.metric) {
        cell.style.setProperty("--share", `${whole ? (100 * value) / whole : 0}%`);
        if (value > 0) cell.append(vizzy.make("span", { className: "muted", textContent: ` ${share}` }));
      }
      return cell;
    }

    isOpen(node) {
      return this.rows.find((row) => row.node === node).open;
    }

    /* Opens or closes a row; what has only one callee opens with it, down to where the ways part. */
    toggle(node) {
      this.touched = true;
      if (this.isOpen(node)) {
        this.open.delete(node);
        this.closed.add(node);
        return this.fill();
      }
      for (let at = node; ; ) {
        this.open.add(at);
        this.closed.delete(at);
        const children = this.tree.children(at);
        if (children.length !== 1) break;
        at = children[0];
      }
      this.fill();
    }

    key(event) {
      const row = event.target.closest("tr");
      if (!row || event.target !== row) return;
      const node = Number(row.dataset.node);
      const open = this.isOpen(node);
      const focus = (next) => next && next.focus();
      if (event.key === "ArrowDown") focus(row.nextElementSibling);
      else if (event.key === "ArrowUp") focus(row.previousElementSibling);
      else if (event.key === "ArrowRight" && !open) this.toggle(node);
      else if (event.key === "ArrowLeft" && open) this.toggle(node);
      else if (event.key === "ArrowLeft") focus(vizzy.find(`tr[data-node="${this.tree.parent(node)}"]`, this.body));
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
        this.closed.clear();
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
