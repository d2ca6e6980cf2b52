/* What is known of one frame of the call tree: all its figures, its call stack, and the stack as text to copy. */
(function (vizzy) {
  "use strict";

  function figures(trees, { tree, node, metric }) {
    const heads = [
      ["", ""],
      ["total", "Of all call stacks through this box"],
      ["share", "Total, of the whole program"],
      ["self", "Of call stacks that end in this box"],
    ];
    const head = heads.map(([text, title]) => vizzy.make("th", { textContent: text, title, className: text ? "number" : "", scope: "col" }));
    const rows = trees.metrics
      .filter(({ name }) => tree.total(name, 0) > 0 && (vizzy.state.get("range") || !name.startsWith("range-")))
      .map(({ name, label }) => {
        const total = tree.total(name, node);
        const cells = [
          trees.format(name, total),
          vizzy.units.share(total, tree.total(name, 0)),
          trees.format(name, tree.self(name, node)),
        ].map((text) => vizzy.make("td", { textContent: text, className: "number" }));
        const title = vizzy.make("th", { textContent: label, scope: "row" });
        if (name !== metric) title.className = "muted";
        return vizzy.make("tr", {}, title, ...cells);
      });
    return vizzy.make("table", {}, vizzy.make("thead", {}, vizzy.make("tr", {}, ...head)), vizzy.make("tbody", {}, ...rows));
  }

  function stack(trees, { tree, node }) {
    const path = trees.path(tree, node);
    if (tree !== trees.upright) path.reverse();
    const items = path.map((at) => {
      const { function: name, place, module, inlined } = trees.describe(tree, at);
      const item = vizzy.make("li", { textContent: name });
      item.append(vizzy.make("span", { className: "where", textContent: place || module }));
      if (inlined) item.append(vizzy.make("span", { className: "inlined", textContent: "inlined" }));
      return item;
    });
    return vizzy.make("ol", { className: "frames" }, ...items);
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page from disk may have no clipboard: the older way still works.
      const area = vizzy.make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    vizzy.copied = text;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy stack"), 1200);
  }

  /* Puts new figures into details that are shown of the same function; what a reader selects or scrolls stays. */
  vizzy.renewFrame = function (holder, trees, chosen) {
    const table = vizzy.find("table", holder);
    if (!table || holder.dataset.stack !== trees.stackText(chosen.tree, chosen.node)) return vizzy.showFrame(holder, trees, chosen);
    table.replaceWith(figures(trees, chosen));
    const view = vizzy.find(".function", holder);
    const frame = trees.functions.indexOf(Number(view.dataset.function));
    if (frame >= 0 && !view.contains(document.activeElement)) vizzy.showFunction(view, trees, { frame, metric: chosen.metric });
  };

  /* Fills an element with the details of a node: {tree, node, metric}. */
  vizzy.showFrame = function (holder, trees, chosen) {
    const { tree, node } = chosen;
    holder.hidden = tree.total(chosen.metric, 0) === 0;
    holder.classList.toggle("nothing", node === 0);
    holder.dataset.stack = node === 0 ? "" : trees.stackText(tree, node);
    if (node === 0) return holder.replaceChildren("Choose a box to zoom into it; its call stack, its figures, its callers and callees then stand here.");
    const { function: name, module, inlined } = trees.describe(tree, node);
    const button = vizzy.make("button", { className: "button", type: "button", textContent: "Copy stack" });
    button.addEventListener("click", () => copy(trees.stackText(tree, node), button));
    const about = [module, inlined ? "inlined into its caller" : ""].filter(Boolean).join(" \u00b7 ");
    const origin = vizzy.make("div", { className: "muted", textContent: about });
    const left = vizzy.make("div", {}, origin, stack(trees, chosen), button);
    const view = vizzy.make("div", { className: "function" });
    vizzy.showFunction(view, trees, { frame: tree.frame(node), metric: chosen.metric });
    holder.replaceChildren(vizzy.make("h3", { textContent: name }), left, figures(trees, chosen), view);
  };
})(window.vizzy);
