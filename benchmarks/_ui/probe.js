// What the page measures of itself. All times are the browser's own clock, in ms: an event's
// timeStamp is taken by the browser process before the page hears of it.
window.labkitProbe = (() => {
  const $ = (selector) => document.querySelector(selector);

  /** Runs once what was drawn before the next frame has been painted. */
  const afterFrame = (then) =>
    requestAnimationFrame((frame) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => then(performance.now(), frame);
      port2.postMessage(0);
    });

  const when = (element, attribute, test, then) => {
    const observer = new MutationObserver(() => {
      if (!test()) return;
      observer.disconnect();
      then(performance.now());
    });
    observer.observe(element, { attributes: true, attributeFilter: [attribute] });
  };

  /** The next press of a key, and what comes of it: painted, committed, and seen below the glass. */
  const verdict = () => new Promise((done) => {
    const stage = $(".lk-stage");
    const light = $(".lk-light");
    const before = stage.dataset.painted;
    const out = {};
    let start = 0;
    const note = (name, at) => {
      out[name] = at - start;
      if (Object.keys(out).length === 3) done(out);
    };
    addEventListener("keydown", (event) => {
      start = event.timeStamp;
      when(stage, "data-painted", () => stage.dataset.painted !== before, () =>
        afterFrame((at) => {
          note("painted", at);
          when(stage, "data-cover", () => stage.dataset.cover === "off", (off) => note("below", off));
        }));
      when(light, "data-light", () => light.dataset.light === "saved", (at) => note("committed", at));
    }, { capture: true, once: true });
  });

  /** Each move of a drag until the button is let go: its event to its paint, and the frames painted. */
  const drag = () => new Promise((done) => {
    const waits = [];
    const frames = new Set();
    let first = 0;
    const move = (event) => {
      // of several moves that were put together the oldest has waited longest
      const start = event.getCoalescedEvents?.()[0]?.timeStamp ?? event.timeStamp;
      first ||= start;
      afterFrame((at, frame) => {
        waits.push(at - start);
        frames.add(frame);
      });
    };
    addEventListener("pointermove", move, true);
    addEventListener("pointerup", (event) => {
      removeEventListener("pointermove", move, true);
      const seconds = (event.timeStamp - first) / 1000;
      afterFrame(() => done({ waits, paints: frames.size / seconds, seconds }));
    }, { capture: true, once: true });
  });

  /** The next click, and the mask that comes of it. */
  const click = () => new Promise((done) => {
    const state = $(".lk-pointstate");
    addEventListener("pointerup", (event) => {
      const start = event.timeStamp;
      const observer = new MutationObserver(() => {
        const text = state.textContent;
        if (!/^(quality|There is nothing)/.test(text)) return;
        observer.disconnect();
        // the words are written in the frame in which the mask is painted
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done({ painted: performance.now() - start, text });
        port2.postMessage(0);
      });
      observer.observe(state, { childList: true, characterData: true, subtree: true });
    }, { capture: true, once: true });
  });

  /** The next press of a key in jupyter-bbox-widget, and the next image. */
  const peer = () => new Promise((done) => {
    addEventListener("keydown", (event) => {
      const image = $(".image-measure img");
      image.addEventListener("load", async () => {
        await image.decode();
        afterFrame((at) => done({ painted: at - event.timeStamp }));
      }, { once: true });
    }, { capture: true, once: true });
  });

  /** How long Chromium says that a key's event took until the frame was presented, in steps of 8. */
  const presented = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (entry.name === "keydown") presented.push(entry.duration);
  }).observe({ type: "event", durationThreshold: 16 });

  /** Many verdicts as fast as the bench takes them, with synthetic keys; nothing is timed. After
   * each `rest` of them the canvas below is waited for, which is painted only when all is still. */
  const many = async (verdicts, rest) => {
    const stage = $(".lk-stage");
    const light = $(".lk-light");
    for (let k = 0; k < verdicts; k++) {
      const before = stage.dataset.painted;
      const shown = new Promise((done) =>
        when(stage, "data-painted", () => stage.dataset.painted !== before, done));
      stage.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
      await shown;
      await new Promise(requestAnimationFrame);
      if ((k + 1) % rest && k + 1 < verdicts) continue;
      while (light.dataset.light !== "saved" || stage.dataset.cover !== "off")
        await new Promise((done) => setTimeout(done, 10));
    }
  };

  // ---- the kernel

  let comm = null;
  let asked = 0;
  const waiting = new Map();
  const ask = (what) => new Promise((done) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    if (comm?.kernel !== kernel) {
      const made = kernel.createComm("labkit-benchmark");
      made.onMsg = ({ content: { data } }) => {
        waiting.get(data.id)?.(data);
        waiting.delete(data.id);
      };
      made.open();
      comm = { kernel, send: (data) => made.send(data) };
    }
    const id = ++asked;
    waiting.set(id, done);
    comm.send({ id, ask: what });
  });
  const echo = async () => {
    const start = performance.now();
    await ask("echo");
    return performance.now() - start;
  };

  const armed = { verdict, drag, click, peer };
  let result = null;
  return {
    arm: (name) => void (result = armed[name]()),
    result: () => result,
    many, ask, echo, presented,
  };
})();
