/* Bokeh's figures without a mouse: a figure takes the focus, the arrow keys move a pointer over it (with Shift: in large
 * steps), and what stands beside a mouse stands beside it, and is read aloud. Escape takes the pointer away. */
(function (vizzy) {
  "use strict";

  const STEP = 0.01;
  const LARGE_STEP = 0.1;
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /* Returns the innermost element at a place of the window, in whatever shadow it stands. */
  function elementAt(x, y) {
    let [element, inner] = [null, document.elementFromPoint(x, y)];
    while (inner && inner !== element) [element, inner] = [inner, inner.shadowRoot?.elementFromPoint(x, y)];
    return element;
  }

  /* Tells what stands at a place of the window that a mouse is there, or is no longer. */
  function tell(here, [clientX, clientY]) {
    const options = { clientX, clientY, bubbles: true, composed: true, pointerType: "mouse", isPrimary: true };
    const pointer = new PointerEvent(here ? "pointermove" : "pointerout", options);
    // Bokeh reads these, which Chromium leaves without the scrolled part in events that a script makes.
    Object.defineProperties(pointer, { pageX: { value: clientX + window.scrollX }, pageY: { value: clientY + window.scrollY } });
    const element = elementAt(clientX, clientY);
    element?.dispatchEvent(new MouseEvent(here ? "mousemove" : "mouseout", options));
    element?.dispatchEvent(pointer);
  }

  /* Bokeh's own elements take the focus without showing it, and do nothing with it. */
  function skipInside(root) {
    for (const element of root.querySelectorAll("*")) {
      if (root instanceof ShadowRoot && element.tabIndex >= 0) element.tabIndex = -1;
      if (element.shadowRoot) skipInside(element.shadowRoot);
    }
  }

  /* Returns the text in an element and in the shadows in it. */
  function read(root) {
    const parts = [...root.childNodes].map((node) => {
      if (node instanceof Text) return node.data;
      return node.tagName === "STYLE" ? "" : read(node) + (node.shadowRoot ? read(node.shadowRoot) : "");
    });
    return parts.join(" ").replace(/\s+/g, " ").trim();
  }

  /* Returns what stands beside the pointer: in the page's own box, or in Bokeh's. */
  function readBox() {
    const float = vizzy.find(".float:not([hidden])");
    if (float) return float.innerText;
    return vizzy.all(".bk-Tooltip").map((box) => (box.shadowRoot ? read(box.shadowRoot) : "")).join("; ");
  }

  function attach(holder, voice) {
    const mark = vizzy.make("div", { className: "pointer", hidden: true });
    let place = null;

    function point() {
      const { left, top, width, height } = holder.getBoundingClientRect();
      const at = [left + place[0] * width, top + place[1] * height];
      mark.style.left = `${place[0] * 100}%`;
      mark.style.top = `${place[1] * 100}%`;
      tell(true, at);
      setTimeout(() => (voice.textContent = readBox()), 150);
    }

    function leave() {
      if (!place) return;
      const { left, top, width, height } = holder.getBoundingClientRect();
      tell(false, [left + place[0] * width, top + place[1] * height]);
      vizzy.showFloat(null);
      mark.hidden = true;
      place = null;
    }

    skipInside(holder);
    holder.append(mark);
    holder.addEventListener("keydown", (event) => {
      if (event.target !== holder) return;
      if (event.key === "Escape") return leave();
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      holder.scrollIntoView({ block: "nearest", behavior: "instant" });
      place ||= [0.5, 0.35];
      mark.hidden = false;
      const size = event.shiftKey ? LARGE_STEP : STEP;
      place = place.map((at, side) => Math.min(Math.max(at + step[side] * size, 0), 0.999));
      point();
    });
    holder.addEventListener("blur", leave);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const voice = vizzy.make("div", { className: "voice", "aria-live": "polite" });
    document.body.append(voice);
    for (const holder of vizzy.all(".figure")) vizzy.figures.whenMade(holder.id, () => attach(holder, voice));
  });
})(window.vizzy);
