/* Printing: pictures are made when they come near the window, so those that never did are made first. */
(function (vizzy) {
  "use strict";

  async function print() {
    await vizzy.startAll();
    // Figures paint in the next frames.
    await new Promise((resolve) => setTimeout(resolve, 300));
    window.print();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("print").addEventListener("click", print);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      print();
    });
    // From the browser's menu there is no time to wait; what is begun now is there when one prints again.
    window.addEventListener("beforeprint", () => vizzy.startAll());
  });
})(window.vizzy);
