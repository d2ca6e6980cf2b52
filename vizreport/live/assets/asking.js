/* Asks the server what there is to see, more than twice a second, and tells the rest of the page by the event "look". What the
 * page wants to see is all here: the server keeps nothing for it. */
(function (vizzy) {
  "use strict";

  const PERIOD_MS = 400;
  const LATE_MS = 1500;
  const RETRY_MS = 1000;

  const live = (vizzy.live = { process: "", paused: false, latest: null, looks: 0 });
  let [answered, lost, wake] = [0, false, () => {}];

  /* Resolves after a time, or when something was chosen. */
  function rest(ms) {
    return new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, Math.max(ms, 20));
    });
  }

  function idle() {
    return live.paused || document.hidden;
  }

  async function ask() {
    const query = new URLSearchParams({ process: live.process, seen: live.latest ? live.latest.version : "" });
    const answer = await fetch(`look?${query}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const look = await answer.json();
    const news = look.shown !== "same";
    return { ...look, news, shown: news ? look.shown : live.latest.shown };
  }

  async function follow() {
    for (;;) {
      while (idle()) await rest(PERIOD_MS);
      const start = performance.now();
      let pause = RETRY_MS;
      try {
        const look = await ask();
        [answered, lost] = [performance.now(), false];
        if (!live.paused) {
          live.latest = look;
          live.looks += 1;
          document.dispatchEvent(new CustomEvent("look", { detail: look }));
        }
        pause = PERIOD_MS - (performance.now() - start);
      } catch {
        lost = true;
      }
      say();
      await rest(pause);
    }
  }

  /* Says how fresh the page is. */
  function describe() {
    const age = performance.now() - answered + 1000 * (live.latest ? live.latest.behind : 0);
    const shown = live.latest && live.latest.shown;
    if (live.paused) return ["paused", "paused"];
    if (lost) return ["lost", "vizreport does not answer"];
    if (!shown) return ["waiting", "waiting for a program"];
    if (age > LATE_MS) return ["late", `showing ${(age / 1000).toFixed(0)} s ago`];
    if (live.latest.player) return ["live", live.latest.player.seeking ? "seeking" : "replay"];
    return shown.ended ? ["ended", "ended"] : ["live", "live"];
  }

  function say() {
    const status = document.getElementById("status");
    const [state, text] = describe();
    status.dataset.state = state;
    if (status.textContent !== text) status.textContent = text;
  }

  live.choose = function (process) {
    live.process = process;
    document.getElementById("save").href = `trace?${new URLSearchParams({ process })}`;
    wake();
  };

  /* Tells the player of a recorded trace what to do. */
  live.command = async function (action, value = 0) {
    try {
      await fetch("player", { method: "POST", body: JSON.stringify({ action, value }) });
    } catch {
      lost = true;
      say();
    }
    wake();
  };

  live.pause = function (paused) {
    live.paused = paused;
    const button = document.getElementById("pause");
    button.setAttribute("aria-pressed", paused);
    button.textContent = paused ? "Go on" : "Pause";
    say();
    wake();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("pause").addEventListener("click", () => live.pause(!live.paused));
    document.addEventListener("visibilitychange", () => wake());
    setInterval(say, PERIOD_MS);
    follow();
  });
})(window.vizzy);
