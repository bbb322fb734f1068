/* The viewer's parts as HTML, before anything is shown in them. */
import { HELP } from "./viewer-help.js";

const ICONS = {
    First: "M3 3h2v10H3zM14 3v10L6 8z",
    Back: "M12 3v10L4 8z",
    Play: "M4 2v12l10-6z",
    Pause: "M3 3h4v10H3zM9 3h4v10H9z",
    On: "M4 3v10l8-5z",
    Last: "M11 3h2v10h-2zM2 3v10l8-5z",
};

export const icon = (name) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;

const LEGEND = [
    ["v-key-old", "yet to move"],
    ["v-key-new", "has moved"],
    ["v-key-free", "stays"],
    ["v-key-table", "entry that points to a table"],
    ["v-key-gone", "was here"],
    ["v-key-lit", "this step"],
];

const button = (action, name, face, title = name) =>
    `<button data-do="${action}" aria-label="${name}" title="${title}">${face}</button>`;
const key = ([name, words]) => `<li><span class="${name}"></span>${words}</li>`;
const panel = (name, title, content) =>
    `<section class="${name}" aria-label="${title}"><h2>${title}</h2>${content}</section>`;

const STEPS = `
${button("first", "First step", icon("First"), "First step (Home)")}
${button("back", "One step back", icon("Back"), "One step back (←)")}
${button("play", "Play", "", "Play (space)")}
${button("on", "One step on", icon("On"), "One step on (→)")}
${button("last", "Last step", icon("Last"), "Last step (End)")}
<div class="v-slide">
  <input type="range" min="0" value="0" step="1" aria-label="Step">
  <canvas height="8" aria-hidden="true"></canvas>
</div>
<output class="v-count"></output>
<label class="v-spaces" hidden>Address space <select></select></label>
<label class="v-moves" hidden>Move <select aria-label="Go to a move"></select></label>
${button("help", "Help", "?", "Help (?)")}`;

const PANELS = [
    panel("v-trace", "Trace", `<div class="v-list" tabindex="0" role="group" aria-label="Lines of the trace"></div>`),
    panel(
        "v-step",
        "This step",
        `<p class="v-line"></p><dl class="v-entry"></dl><h3 class="v-place"></h3><pre class="v-source" tabindex="0"></pre>`,
    ),
    panel(
        "v-sums",
        "Entries moved",
        `<table class="v-table"><thead><tr><td></td><th scope="col">so far</th><th scope="col">whole move</th></tr></thead>
        <tbody></tbody></table><div class="v-bars" aria-hidden="true"></div><p class="v-verdict"></p>`,
    ),
];

export const TEMPLATE = `
<div class="v-bar" role="group" aria-label="Steps">${STEPS}</div>
<p class="v-words" aria-live="polite"></p>
<figure class="v-stage"><svg xmlns="http://www.w3.org/2000/svg"></svg></figure>
<div class="v-foot">
  <ul class="v-legend" aria-label="Legend">${LEGEND.map(key).join("")}</ul>
  <div class="v-export" role="group" aria-label="Export">
    <span class="v-busy" role="status"></span>
    ${button("svg", "SVG", "SVG", "This step as a vector picture")}
    ${button("png", "PNG", "PNG", "This step as a picture of pixels")}
    ${button("gif", "GIF", "GIF", "The whole run, animated")}
  </div>
</div>
<div class="v-panels">${PANELS.join("")}</div>
<dialog class="v-help" aria-label="Help">
  <form method="dialog"><button aria-label="Close the help">Close</button></form>
  ${HELP}
</dialog>`;
