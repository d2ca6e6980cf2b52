/* Bokeh's figures: each is made when it comes near the window, so that a long page opens as fast as a short one. */
(function (vizzy) {
  "use strict";

  const views = new Map();

  /* Bokeh writes 12MiB on axes. */
  function spaceUnits(figure) {
    for (const formatter of figure.references()) {
      if (formatter.type !== "NumeralTickFormatter" || formatter.spaced) continue;
      const write = formatter.doFormat.bind(formatter);
      formatter.doFormat = (...values) => write(...values).map((text) => text.replace(/([0-9])([KMGT]?i?B)$/, "$1 $2"));
      formatter.spaced = true;
      formatter.change.emit();
    }
  }

  /* Makes the figure that stands at an element; resolves to its root model. */
  async function embed(holder) {
    const data = await vizzy.load(holder.id);
    const shown = await Bokeh.embed.embed_item(vizzy.theme.recolourItem(data), holder);
    const model = [...shown].map((view) => view.model)[0];
    spaceUnits(model);
    vizzy.theme.isMade(model);
    views.set(holder.id, model);
    holder.dispatchEvent(new CustomEvent("figure", { detail: model }));
    return model;
  }

  vizzy.figures = {
    /* Figures that have been made, by the id of their element. */
    made: views,
    /* Returns the models of a figure that have a name. */
    find(id, name) {
      const root = views.get(id);
      return root ? [...root.document._all_models.values()].filter((model) => model.name === name) : [];
    },
    /* Shows beside the pointer what describe(x, y), in the figure's own units, returns: elements. */
    onHover(figure, describe) {
      let pointer = null;
      document.addEventListener("mousemove", (event) => (pointer = event), { passive: true });
      figure.on_event("mousemove", ({ x, y }) => pointer && vizzy.showFloat(pointer, ...describe(x, y)));
      figure.on_event("mouseleave", () => pointer && vizzy.showFloat(pointer));
    },
    /* Calls back with a figure's model as soon as it is made. */
    whenMade(id, callback) {
      if (views.has(id)) callback(views.get(id));
      else vizzy.find(`#${id}`)?.addEventListener("figure", (event) => callback(event.detail));
    },
  };

  document.addEventListener("DOMContentLoaded", () => {
    Bokeh.logger.set_level("warn");
    for (const input of vizzy.all("input[data-figure]")) {
      input.addEventListener("change", () => {
        for (const model of vizzy.figures.find(input.dataset.figure, input.dataset.model)) model.visible = input.checked;
      });
    }
    for (const holder of vizzy.all(".figure")) vizzy.whenNear(holder, () => embed(holder));
  });
})(window.vizzy);
