// driver is what the Go side calls in the page. It uses Catapult through the
// names that its own page uses and changes nothing in it.
'use strict';

const driver = {
  ready: false,      // the viewer's elements are registered, tr is complete
  error: undefined,  // why the page can never become ready
  model: undefined,  // the tr.Model of the last load
  view: undefined,   // the tr-ui-timeline-view, made by the first draw
  pageErrors: [],    // uncaught exceptions since the page became ready

  fail(message) { this.error = message; },

  // load imports the text at url as chrome://tracing does, with its default
  // options, and returns a description of the model as JSON. An exception of
  // the importer is part of the description, not of this page.
  async load(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
    const text = await response.text();
    this.model = undefined;
    const model = new tr.Model();
    try {
      new tr.importer.Import(model).importTraces([text]);
    } catch (e) {
      return JSON.stringify({importError: tr.b.normalizeException(e).message});
    }
    this.model = model;
    return JSON.stringify(describe(model));
  },

  // draw shows the loaded model with every flow arrow on. selected is the guid
  // of the slice whose details are shown, or 0. The time range in view is that
  // from fromMs to toMs on the trace's clock, or the whole trace's if toMs is
  // not later. It resolves when the frame is painted, to the height in CSS
  // pixels that the tracks miss to be all visible.
  async draw(selected, fromMs, toMs) {
    if (!this.view) this.view = createView();
    const view = this.view;
    await frame();  // Polymer attaches the container asynchronously
    view.model = this.model;
    await view.builtPromise;
    if (!view.trackView) throw new Error('the model has no events to draw');
    // Every 250 ms until it is laid out, the view looks whether to show its own time range; ours must come after that.
    while (view.trackView.pollIfViewportAttachedInterval_) await frame();

    clickButton(view.$.flow_event_filter_dropdown, 'All');
    Polymer.dom(view.root).querySelector('#polyfill-warning').clearMessages();  // as its Hide button does
    const slice = selected ? findSlice(this.model, selected) : undefined;
    const selection = new tr.model.EventSet(slice ? [slice] : []);
    view.brushingStateController.changeSelectionFromTimeline(selection);
    await frame();
    await frame();

    const shift = this.model.timestampShiftToZeroAmount_;
    if (toMs > fromMs) {
      showRange(view.trackView, fromMs + shift, toMs + shift);
    } else {
      // 2 % of the range stay free on both sides. A range of zero gets a
      // millisecond, so that there is something to draw.
      const {min, max, range} = this.model.bounds;
      const margin = range * 0.02 || 0.5;
      showRange(view.trackView, min - margin, max + margin);
    }
    view.trackView.$.hint_text.style.display = 'none';  // it would be gone a second after the selection changed
    await frame();
    await frame();
    const tracks = view.trackView.viewport.modelTrackContainer;
    return Math.max(0, tracks.scrollHeight - tracks.clientHeight);
  },
};

function createView() {
  const container = document.createElement('track-view-container');
  container.id = 'track_view_container';
  const view = document.createElement('tr-ui-timeline-view');
  view.track_view_container = container;
  Polymer.dom(view).appendChild(container);
  view.id = 'trace-viewer';
  view.globalMode = true;
  Polymer.dom(document.body).appendChild(view);
  return view;
}

// frame resolves after the next animation frame's callbacks have run.
function frame() {
  return new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
}

function clickButton(dropdown, label) {
  const button = [...Polymer.dom(dropdown).children].find(e => e.value === label);
  if (!button) throw new Error(`the viewer has no button "${label}" in its menu`);
  button.click();
}

function showRange(trackView, min, max) {
  const viewport = trackView.viewport;
  const transform = new tr.ui.TimelineDisplayTransform(viewport.currentDisplayTransform);
  transform.xSetWorldBounds(min, max, viewport.modelTrackContainer.canvas.width);
  viewport.setDisplayTransformImmediately(transform);
}

function findSlice(model, guid) {
  for (const event of model.getDescendantEvents()) {
    if (event.guid === guid) return event;
  }
  throw new Error(`no slice with guid ${guid} in the loaded model`);
}

// describe turns a model into plain data. Times are the trace's own: the shift
// to zero that the viewer applies is undone.
function describe(model) {
  const shift = model.timestampShiftToZeroAmount_;
  const slice = (s, depth) => ({
    guid: s.guid,
    parent: s.parentSlice ? s.parentSlice.guid : 0,
    title: s.title,
    category: s.category,
    startMs: s.start - shift,
    durationMs: s.duration,
    selfMs: s.selfTime,
    depth,
    args: s.args,
    didNotFinish: s.didNotFinish,
  });
  const depthOf = s => { let d = 0; for (let p = s.parentSlice; p; p = p.parentSlice) d++; return d; };
  const asyncSlices = (list, depth, parent) => list.flatMap(s => [
    Object.assign(slice(s, depth), {parent, error: s.error}),
    ...asyncSlices(s.subSlices || [], depth + 1, s.guid),
  ]);
  const instant = e => ({title: e.title, category: e.category, startMs: e.start - shift, args: e.args});
  const thread = t => ({
    tid: t.tid,
    name: t.name || '',
    sortIndex: t.sortIndex,
    slices: t.sliceGroup.slices.map(s => slice(s, depthOf(s))),
    async: asyncSlices(t.asyncSliceGroup.slices, 0, 0),
  });
  const counter = c => ({
    name: c.name,
    series: c.series.map(s => ({
      name: s.name,
      samples: s.samples.map(x => ({timeMs: x.timestamp - shift, value: Number(x.value)})),
    })),
  });
  const process = p => ({
    pid: p.pid,
    name: p.name || '',
    threads: Object.values(p.threads).sort(tr.model.Thread.compare).map(thread),
    counters: Object.values(p.counters).map(counter),
    instants: p.instantEvents.map(instant),
  });
  const flow = f => ({
    id: String(f.id), title: f.title, category: f.category,
    startMs: f.start - shift, durationMs: f.duration,
    from: f.startSlice.guid, to: f.endSlice.guid,
  });
  return {
    warnings: model.importWarnings.map(w => ({type: w.type, message: w.message})),
    processes: model.getAllProcesses().sort((x, y) => x.compareTo(y)).map(process),
    instants: model.instantEvents.map(instant),
    flows: model.flowEvents.map(flow),
  };
}

document.addEventListener('WebComponentsReady', () => {
  if (typeof tr === 'undefined' || !tr.importer || !tr.ui) {
    driver.fail('the viewer page loaded without its "tr" object');
    return;
  }
  window.addEventListener('error', e => driver.pageErrors.push(e.message));
  window.addEventListener('unhandledrejection', e => driver.pageErrors.push(String(e.reason)));
  driver.ready = true;
});
