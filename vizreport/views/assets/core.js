/* What every script of the page uses: data, units, elements, and the state that the sections share. No names from a
 * trace become markup here or elsewhere: text is set as text. */
(function () {
  "use strict";

  const vizzy = (window.vizzy = { sections: {} });

  /* Returns the data that the page carries under a name, or null: gzipped JSON in base64. */
  vizzy.load = async function (name) {
    const holder = document.getElementById(`data-${name}`);
    if (!holder) return null;
    const bytes = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(unpacked).json();
  };

  /* Returns an element; properties that the element does not have become attributes, children may be text. */
  vizzy.make = function (tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };

  vizzy.find = (selector, within = document) => within.querySelector(selector);
  vizzy.all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const STEPS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const numbers = new Intl.NumberFormat("en");

  vizzy.units = {
    bytes(value) {
      let step = 0;
      for (; Math.abs(value) >= 1024 && step < STEPS.length - 1; step++) value /= 1024;
      return `${step ? value.toFixed(1) : Math.round(value)} ${step || Math.round(value) !== 1 ? STEPS[step] : "byte"}`;
    },
    growth: (value) => `${vizzy.units.bytes(value)}/min`,
    count: (value) => numbers.format(Math.round(value)),
    time(ns) {
      for (const [unit, name] of [[1e9, "s"], [1e6, "ms"], [1e3, "us"]]) {
        if (ns >= unit) return `${(ns / unit).toFixed(3)} ${name}`;
      }
      return `${Math.round(ns)} ns`;
    },
    address: (value) => value.toString(16).replace(/\B(?=([0-9a-f]{4})+$)/g, "_"),
    share: (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(part / whole < 0.0995 ? 2 : 1)} %` : "0 %"),
  };

  /* Reads "1.5", "1.5s", "350 ms", "20us" as ns since start, or NaN. */
  vizzy.units.readTime = function (text) {
    const found = /^\s*([0-9.]+)\s*(s|ms|us|\u00b5s|ns)?\s*$/.exec(text);
    return found ? Number(found[1]) * { s: 1e9, ms: 1e6, us: 1e3, "\u00b5s": 1e3, ns: 1 }[found[2] || "s"] : NaN;
  };

  /* The state that sections share: metric, range, inverted, ... Listeners hear of the keys that they name. */
  const values = { metric: null, range: null, inverted: false };
  const listeners = [];
  vizzy.state = {
    get: (key) => values[key],
    set(changes) {
      const changed = Object.keys(changes).filter((key) => values[key] !== changes[key]);
      Object.assign(values, changes);
      for (const [keys, listener] of listeners) {
        if (keys.some((key) => changed.includes(key))) listener(values);
      }
    },
    on: (keys, listener) => listeners.push([keys, listener]),
  };

  const waiting = new Set();

  /* Calls back once, when the element comes near the window, or when all that waits is started. */
  vizzy.whenNear = function (element, start) {
    const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && begin(), {
      rootMargin: "600px 0px",
    });
    function begin() {
      watcher.disconnect();
      waiting.delete(begin);
      return start();
    }
    waiting.add(begin);
    watcher.observe(element);
  };

  vizzy.startAll = () => Promise.all([...waiting].map((begin) => begin()));

  /* Shows a box of text beside the pointer, or hides it. */
  const float = vizzy.make("div", { className: "float", hidden: true });
  vizzy.showFloat = function (event, ...children) {
    if (!float.isConnected) document.body.append(float);
    float.replaceChildren(...children);
    float.hidden = children.length === 0;
    if (float.hidden) return;
    const { width, height } = float.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 8);
    const top = event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 12 : event.clientY + 18;
    float.style.left = `${Math.max(left, 4)}px`;
    float.style.top = `${Math.max(top, 4)}px`;
  };
})();
