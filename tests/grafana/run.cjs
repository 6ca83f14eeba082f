/** Runs `out.cjs` with a document around it: a question as JSON on stdin, the answer as JSON on stdout. */
const { JSDOM } = require('jsdom');

const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://127.0.0.1/', pretendToBeVisual: true });
class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}
Object.assign(window, { IntersectionObserver: Observer, ResizeObserver: Observer }); // nothing is laid out here
window.matchMedia = () => Object.assign(new window.EventTarget(), { matches: false });
window.document.queryCommandSupported = () => false;
window.HTMLCanvasElement.prototype.getContext = () => null;
for (const name of Object.getOwnPropertyNames(window)) {
  if (!(name in globalThis)) {
    globalThis[name] = window[name];
  }
}
Object.assign(globalThis, { window, self: window, Event: window.Event, CustomEvent: window.CustomEvent, EventTarget: window.EventTarget });
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true });
console.log = console.info = console.debug = console.warn = console.error; // stdout is the answer's
require('./out.cjs');
