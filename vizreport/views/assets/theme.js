/* Light and dark: follows the system until someone chooses. Figures are recoloured by exchanging the colours of one
 * palette for those of the other, which views/theme.py gives in pairs. */
(function (vizzy) {
  "use strict";

  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  let palettes = { roles: [], names: [], colours: [], scale: [] };

  function isDark() {
    return root.dataset.theme === "dark";
  }

  /* Returns a table from each colour of the other palette to its partner in this one. */
  function exchange(dark) {
    const pairs = [...palettes.roles, ...palettes.colours, ...palettes.scale];
    return new Map(pairs.map(([light, night]) => (dark ? [light, night] : [night, light])));
  }

  function apply(theme) {
    const dark = theme === "dark" || (theme !== "light" && system.matches);
    const changed = isDark() !== dark;
    root.dataset.theme = dark ? "dark" : "light";
    if (!changed) return;
    for (const [id, figure] of vizzy.figures?.made ?? []) vizzy.whenNear(document.getElementById(id), () => recolour(figure));
    vizzy.state.set({ theme: root.dataset.theme });
  }

  /* Returns the colours of a JSON object (an embedded figure) exchanged, if the page is dark. */
  function recolourItem(item) {
    if (!isDark()) return item;
    const table = exchange(true);
    return JSON.parse(JSON.stringify(item), (key, value) => (table.has(value) ? table.get(value) : value));
  }

  /* Of which theme the colours of a figure are that was made. */
  const darkness = new WeakMap();

  /* A property holds a colour, {value: colour}, or an array of colours. */
  function exchanged(value, table) {
    if (table.has(value)) return table.get(value);
    if (Array.isArray(value) && table.has(value[0])) {
      return value.map((part) => (table.has(part) ? table.get(part) : part));
    }
    if (value && typeof value === "object" && table.has(value.value)) return { ...value, value: table.get(value.value) };
    return undefined;
  }

  function recolour(figure) {
    if (darkness.get(figure) === isDark()) return;
    darkness.set(figure, isDark());
    const table = exchange(isDark());
    for (const model of [...figure.document._all_models.values()]) {
      const changes = {};
      for (const property of model) {
        const value = property.is_unset ? undefined : exchanged(property.get_value(), table);
        if (value !== undefined) changes[property.attr] = value;
      }
      if (Object.keys(changes).length) model.setv(changes);
    }
  }

  function pick(name) {
    return palettes[name].map(([light, night]) => (isDark() ? night : light));
  }

  vizzy.theme = {
    isDark,
    recolourItem,
    /* Remembers that a figure was made of a recoloured item. */
    isMade: (figure) => darkness.set(figure, isDark()),
    /* Colours of the present palette: for things without an order, from little to much, and for what matters least. */
    colours: () => pick("colours"),
    scale: () => pick("scale"),
    role: (name) => pick("roles")[palettes.names.indexOf(name)],
  };

  let chosen = null;
  apply(chosen);
  system.addEventListener("change", () => apply(chosen));
  document.addEventListener("DOMContentLoaded", () => {
    palettes = JSON.parse(document.getElementById("palettes").textContent);
    const button = document.getElementById("theme");
    const say = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    };
    button.addEventListener("click", () => {
      chosen = isDark() ? "light" : "dark";
      apply(chosen);
      say();
    });
    system.addEventListener("change", say);
    say();
  });
})(window.vizzy);
