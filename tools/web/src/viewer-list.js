/*
 * The trace as a list, a run of like steps folded into one line. Only the lines in sight are in the page, however many
 * there are.
 */
import { LEVELS } from "./viewer-trace.js";
import { number } from "./viewer-words.js";

const ROW = 24; /* pixels, as in viewer.css */
const SPARE = 6;

function folded(player, { first, last }) {
    const names = new Set();
    for (let i = first; i <= last; i++) {
        const { event, level } = player.events[player.stops[i].event];
        names.add(level === undefined ? event : `${event} ${LEVELS[level]}`);
    }
    return `${number(last - first + 1)} × ${[...names].join(", ")}`;
}

export class TraceList {
    /* @element scrolls; @onGo(stop) is called when a line is chosen. */
    constructor(element, onGo) {
        this.element = element;
        this.inner = element.appendChild(document.createElement("div"));
        this.inner.className = "v-list-inner";
        element.addEventListener("scroll", () => this.#fill());
        this.resized = new ResizeObserver(() => this.#fill());
        this.resized.observe(element);
        element.addEventListener("click", ({ target }) => {
            const row = target.closest("[data-stop]");
            if (row) onGo(Number(row.dataset.stop));
        });
    }

    destroy() {
        this.resized.disconnect();
    }

    /* Lines: one for each group, and below a folded group that is current the line of its step. */
    show(player) {
        this.player = player;
        const current = player.stop.group;
        this.open = player.groups[current].last > player.groups[current].first;
        this.current = current + (this.open ? 1 : 0);
        this.count = player.groups.length + (this.open ? 1 : 0);
        this.inner.style.height = `${this.count * ROW}px`;
        const top = this.current * ROW;
        const { scrollTop, clientHeight } = this.element;
        if (top < scrollTop + ROW || top + 2 * ROW > scrollTop + clientHeight)
            this.element.scrollTop = Math.round((top - clientHeight / 2) / ROW) * ROW;
        this.#fill();
    }

    #row(line) {
        const { player, open, current } = this;
        if (open && line === current)
            return { stop: player.at, text: player.textOf(player.at), kind: "v-inside", lit: true };
        const n = open && line > current ? line - 1 : line;
        const group = player.groups[n];
        const lit = !open && line === current;
        const warns = player.events[player.stops[group.first].event].event === "warning";
        if (group.last === group.first)
            return { stop: group.first, text: player.textOf(group.first), kind: warns ? "v-warns" : "", lit };
        const at = open && line === current - 1 ? `, this is the ${number(player.at - group.first + 1)}.` : "";
        return { stop: group.first, text: folded(player, group) + at, kind: "v-folded", lit };
    }

    #fill() {
        if (!this.player) return;
        const { scrollTop, clientHeight } = this.element;
        const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
        const last = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
        const rows = [];
        for (let line = first; line < last; line++) {
            const { stop, text, kind = "", lit } = this.#row(line);
            const row = document.createElement("div");
            row.className = `v-row ${kind}`;
            row.style.top = `${line * ROW}px`;
            row.dataset.stop = stop;
            row.textContent = text;
            row.title = text;
            if (lit) row.setAttribute("aria-current", "step");
            rows.push(row);
        }
        this.inner.replaceChildren(...rows);
    }
}
