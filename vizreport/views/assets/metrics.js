/* Which figure the flame graph and the table show: the choice of metrics, those of a chosen range among them. */
(function (vizzy) {
  "use strict";

  document.addEventListener("DOMContentLoaded", async () => {
    const inputs = vizzy.all("input[name=metric]");
    const ofRange = inputs.filter((input) => input.value.startsWith("range-"));

    function select(metric) {
      for (const input of inputs) input.checked = input.value === metric;
      vizzy.state.set({ metric });
    }

    for (const input of inputs) input.addEventListener("change", () => select(input.value));
    const hint = document.getElementById("range-hint");

    /* Figures of a range can be chosen once there is one; before, a hint says where. */
    function offerRange(range) {
      for (const input of ofRange) {
        input.disabled = !range;
        input.closest("label").hidden = !range;
      }
      if (hint) hint.hidden = Boolean(range) || ofRange.length === 0 || !document.getElementById("timeline");
    }

    offerRange(null);
    select(document.documentElement.dataset.metric);
    // A finding may say with which metric the picture shows it.
    for (const link of vizzy.all("a[data-metric]")) {
      link.addEventListener("click", () => {
        select(link.dataset.metric);
        const search = vizzy.find("#flamegraph input[type=search]");
        search.value = link.dataset.search || "";
        search.dispatchEvent(new Event("input"));
      });
    }

    let before = vizzy.state.get("metric");
    vizzy.state.on(["range"], async ({ range, metric }) => {
      const trees = await vizzy.callTrees();
      if (!trees || !trees.hasRange) return;
      trees.chooseRange(range);
      offerRange(range);
      if (range && !metric.startsWith("range-")) {
        before = metric;
        select("range-allocated");
      } else if (!range && metric.startsWith("range-")) select(before);
      vizzy.state.set({ summed: range });
    });
  });
})(window.vizzy);
