/* Colours of the flame graph: a hue for each of the modules with most frames, a lightness that varies with the function
 * so that neighbours can be told apart. The colours keep their distance for every kind of colour-blind eyes. */
(function (vizzy) {
  "use strict";

  const LIGHT = ["#e7b765", "#9bcce8", "#a2cb98", "#d7aaba", "#d6d089", "#a7a0c0"];
  const DARK = ["#8a581d", "#2f648a", "#386436", "#7a4267", "#434400", "#23427f"];
  const cache = new WeakMap();
  const places = new Map();

  function hash(text) {
    let value = 2166136261;
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16777619);
    return value >>> 0;
  }

  function shade(colour, amount) {
    const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return `rgb(${parts.map((part) => Math.round(Math.min(255, Math.max(0, part * amount)))).join(" ")})`;
  }

  /* Returns the modules in order of how many frames they have, those that get a colour of their own first. */
  function rank(frames) {
    const counts = new Array(frames.modules.length).fill(0);
    for (const module of frames.module) if (module >= 0) counts[module] += 1;
    return counts.map((_, module) => module).sort((a, b) => counts[b] - counts[a]);
  }

  /* Gives the modules with most frames a place in the palette. Who has one keeps it, also when other frames come. */
  function choosePlaces(frames) {
    for (const module of rank(frames)) {
      if (places.size >= LIGHT.length) break;
      const name = frames.modules[module];
      if (!places.has(name)) places.set(name, places.size);
    }
  }

  vizzy.flameColours = function (frames) {
    const dark = vizzy.theme.isDark();
    const styles = cache.get(frames) ?? cache.set(frames, new Map()).get(frames);
    if (styles.has(dark)) return styles.get(dark);
    choosePlaces(frames);
    const palette = dark ? DARK : LIGHT;
    const plain = dark ? "#343c46" : "#dde1e5";
    const colours = frames.modules.map((name) => palette[places.get(name)] ?? plain);
    const fills = frames.name.map((name, frame) => {
      const base = colours[frames.module[frame]] ?? plain;
      return shade(base, 0.93 + (hash(frames.names[name]) % 100) / 700);
    });
    const style = {
      fill: (frame) => (frame < 0 ? plain : fills[frame]),
      ink: dark ? "#eef1f4" : "#1b1f24",
      mark: "#c2267e",
      markInk: "#ffffff",
      legend: [...places].filter(([name]) => frames.modules.includes(name)).map(([name, place]) => [name, palette[place]]),
    };
    styles.set(dark, style);
    return style;
  };
})(window.vizzy);
