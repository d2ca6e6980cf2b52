/* The call stacks that grow, fastest first. What is open stays open as long as its stack is in the list. */
(function (vizzy) {
  "use strict";

  const { make, units } = vizzy;

  function frames(entry) {
    const items = entry.frames.map(([name, place, inlined]) => {
      const item = make("li", { textContent: name });
      item.append(make("span", { className: "where", textContent: place }));
      if (inlined) item.append(make("span", { className: "inlined", textContent: "inlined" }));
      return item;
    });
    return make("ol", { className: "frames" }, ...items);
  }

  function row(entry) {
    const head = make(
      "summary",
      {},
      make("span", { className: "size" }),
      make("span", { className: "many" }),
      make("code", { className: "site", textContent: entry.site }),
    );
    return make("details", { className: "stack" }, head, frames(entry));
  }

  const key = (entry) => JSON.stringify(entry.frames);
  let rows = new Map();

  function show(section, entries) {
    const before = rows;
    rows = new Map(entries.map((entry) => [key(entry), before.get(key(entry)) ?? row(entry)]));
    for (const entry of entries) {
      const element = rows.get(key(entry));
      vizzy.find(".size", element).textContent = units.growth(entry.rate);
      vizzy.find(".many", element).textContent = `${units.bytes(entry.live)} now`;
    }
    const list = vizzy.find(".stacks", section);
    const order = [...rows.values()];
    if (order.length !== list.children.length || order.some((element, at) => element !== list.children[at])) {
      const focused = list.contains(document.activeElement) ? document.activeElement : null;
      list.replaceChildren(...order);
      focused?.focus();
    }
    list.hidden = !order.length;
    vizzy.find(".empty", section).hidden = Boolean(order.length);
  }

  document.addEventListener("look", ({ detail }) => {
    if (detail.shown && detail.news) show(document.getElementById("growing"), detail.shown.growing);
  });
})(window.vizzy);
