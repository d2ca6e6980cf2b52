/* Marks in the bar at the top which section is being read. */
(function (vizzy) {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    const links = new Map(vizzy.all(".bar nav a").map((link) => [link.hash.slice(1), link]));
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          const link = links.get(target.id);
          if (isIntersecting) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      },
      // A section is being read when it crosses a line in the upper third of the window.
      { rootMargin: "-30% 0px -69% 0px" },
    );
    for (const section of vizzy.all("section.panel")) watcher.observe(section);
  });
})(window.vizzy);
