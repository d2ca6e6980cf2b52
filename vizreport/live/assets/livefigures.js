/* The head: the choice of process, and figures in large print. */
(function (vizzy) {
  "use strict";

  const { bytes, count, time } = vizzy.units;

  function say(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  /* Lists the processes, and shows which of them is chosen: the newest is followed until somebody chooses another. */
  function list(select, { choices, chosen, followed, processes }) {
    const listed = [{ key: "", label: `newest: ${followed}` }, ...choices];
    const options = listed.map(({ key, label }) => vizzy.make("option", { value: key, textContent: label }));
    if (!choices.length) return;
    const same = options.length === select.options.length && options.every((option, at) => option.isEqualNode(select.options[at]));
    if (!same) select.replaceChildren(...options);
    select.title = processes > choices.length ? `${choices.length} of ${count(processes)} processes: those that run, and those that did most` : "";
    select.disabled = false;
    if (document.activeElement !== select) select.value = chosen;
  }

  function describeMore(figures) {
    const lost = figures["damaged blocks"];
    return {
      "live bytes": `in ${count(figures["live blocks"])} blocks`,
      peak: figures.peak ? `after ${time(figures["peak time"])}` : "",
      allocations: `${bytes(figures.allocated)} in all, ${count(figures.frees)} frees`,
      "events per second": `${bytes(figures["allocated per second"])} allocated per second`,
      "dropped events": lost ? `and ${count(lost)} damaged blocks` : "no damaged blocks",
    };
  }

  function warn(notices) {
    const box = vizzy.find(".head .notice");
    box.hidden = !notices.length;
    vizzy.find("ul", box).replaceChildren(...notices.map((text) => vizzy.make("li", { textContent: text })));
  }

  function show({ process, notices, figures }) {
    warn(notices);
    say(vizzy.find("[data-figure=process]"), process);
    document.title = `${process.split(" (pid ")[0]} - vizzy live`;
    for (const element of vizzy.all("[data-figure][data-unit]")) {
      const value = figures[element.dataset.figure];
      element.dataset.value = value;
      say(element, value || element.dataset.figure !== "resident" ? vizzy.units[element.dataset.unit](value) : "\u2013");
    }
    const more = describeMore(figures);
    for (const element of vizzy.all("[data-more]")) say(element, more[element.dataset.more] ?? "");
    const warned = figures["dropped events"] + figures["damaged blocks"] > 0;
    vizzy.find("[data-figure='dropped events']").closest(".card").classList.toggle("warned", warned);
  }

  document.addEventListener("look", ({ detail }) => {
    list(document.getElementById("process"), detail);
    document.getElementById("save").hidden = !detail.shown || Boolean(detail.player);
    document.getElementById("pause").hidden = Boolean(detail.player); // its own controls stop it
    vizzy.find(".naming").hidden = !detail.naming;
    document.body.classList.toggle("waiting", !detail.shown);
    if (detail.address) vizzy.find(".start code").textContent = `vizzytrace ${detail.address} ./program`;
    if (!detail.shown || !detail.news) return;
    show(detail.shown);
    vizzy.renewTrees(detail.shown.calltree);
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.body.classList.add("waiting");
    const select = document.getElementById("process");
    select.addEventListener("change", () => {
      vizzy.live.choose(select.value);
      select.blur();
    });
  });
})(window.vizzy);
