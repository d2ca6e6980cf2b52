/* One function, wherever it is in the call tree: what all call stacks through it account for, who called it, and what it
 * called. A stack counts once, however often the function is in it: for the caller of the outermost call. */
(function (vizzy) {
  "use strict";

  const MOST_ROWS = 8;

  function add(sums, key, frame, value) {
    const sum = sums.get(key) || sums.set(key, { frame, value: 0 }).get(key);
    sum.value += value;
  }

  /* Tells whether the call from a node's parent to it, of these functions, stands above it once more. */
  function isRepeated({ parents }, functionOf, node) {
    const [caller, callee] = [functionOf(parents[node]), functionOf(node)];
    for (let at = parents[node]; at > 0; at = parents[at]) {
      if (functionOf(at) === callee && functionOf(parents[at]) === caller) return true;
    }
    return false;
  }

  /* Returns {total, self, callers, callees} of a frame's function: the last two as [{frame, value}], the largest first;
   * frame -1: nobody. */
  vizzy.lookAtFunction = function ({ upright, functions }, frame, metric) {
    const wanted = functions[frame];
    const { parents, frames } = upright;
    const { total, self } = upright.sum(metric);
    const functionOf = (node) => (node > 0 ? functions[frames[node]] : -1);
    const inside = new Uint8Array(upright.size);
    const found = { total: 0, self: 0, callers: new Map(), callees: new Map() };
    for (let node = 1; node < upright.size; node++) {
      const parent = parents[node];
      const here = functionOf(node) === wanted;
      inside[node] = inside[parent] || here ? 1 : 0;
      if (!inside[node] || total[node] === 0) continue;
      if (here) found.self += self[node];
      if (here && !inside[parent]) {
        found.total += total[node];
        add(found.callers, functionOf(parent), frames[parent], total[node]);
      }
      if (functionOf(parent) === wanted && !isRepeated(upright, functionOf, node)) add(found.callees, functionOf(node), frames[node], total[node]);
    }
    const sort = (sums) => [...sums.values()].filter(({ value }) => value > 0).sort((a, b) => b.value - a.value);
    return { ...found, callers: sort(found.callers), callees: sort(found.callees) };
  };

  function list(title, entries, { trees, metric, total, choose }) {
    const rows = entries.slice(0, MOST_ROWS).map(({ frame, value }) => {
      const { short, function: name } = frame < 0 ? { short: "(nobody: the outermost frame)", function: "" } : trees.describeFrame(frame);
      const link = vizzy.make("button", { className: "link", type: "button", textContent: short, title: name, disabled: frame < 0 });
      link.addEventListener("click", () => choose(frame));
      const figures = [trees.format(metric, value), vizzy.units.share(value, total)];
      const cells = figures.map((text) => vizzy.make("td", { className: "number", textContent: text }));
      return vizzy.make("tr", {}, vizzy.make("td", { className: "name" }, link), ...cells);
    });
    if (entries.length > MOST_ROWS) {
      const rest = entries.slice(MOST_ROWS).reduce((sum, { value }) => sum + value, 0);
      const cells = [`${vizzy.units.count(entries.length - MOST_ROWS)} others`, trees.format(metric, rest), vizzy.units.share(rest, total)];
      rows.push(vizzy.make("tr", { className: "muted" }, ...cells.map((text, at) => vizzy.make("td", { className: at ? "number" : "", textContent: text }))));
    }
    if (rows.length === 0) rows.push(vizzy.make("tr", {}, vizzy.make("td", { className: "muted", textContent: "nothing that allocates" })));
    return vizzy.make("table", { "aria-label": title }, vizzy.make("caption", { textContent: title }), vizzy.make("tbody", {}, ...rows));
  }

  /* Shows a frame's function in an element; who calls or is called there can be chosen in its place. */
  vizzy.showFunction = function (holder, trees, { frame, metric }) {
    const seen = vizzy.lookAtFunction(trees, frame, metric);
    const choose = (other) => {
      vizzy.showFunction(holder, trees, { frame: other, metric });
      vizzy.find("h4", holder).focus();
    };
    const whole = trees.upright.total(metric, 0);
    const name = vizzy.make("h4", { textContent: trees.describeFrame(frame).short, tabIndex: -1 });
    const share = `${trees.format(metric, seen.total)}, ${vizzy.units.share(seen.total, whole)}`;
    const about = `In all call stacks: ${share}; ${trees.format(metric, seen.self)} of it itself.`;
    const lists = { trees, metric, total: seen.total, choose };
    holder.dataset.function = trees.functions[frame];
    holder.replaceChildren(
      vizzy.make("div", { className: "title" }, name, vizzy.make("span", { textContent: about })),
      list("Called by", seen.callers, lists),
      list("Calls", seen.callees, lists),
    );
  };
})(window.vizzy);
