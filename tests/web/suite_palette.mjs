/*
 * The colours that mean something, told apart by everybody: as those see them whose eyes lack one kind of cone, and
 * against what they stand on. Simulation: Machado, Oliveira and Fernandes 2009, full strength; differences: CIE 1976.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const EYES = {
    "all cones": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "no red": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    "no green": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    "no blue": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/* {light: {"--old": [r, g, b], ...}, dark: ...}, linear, from 0 to 1. */
function palette(root) {
    const css = readFileSync(join(root, "tools/web/src/base.css"), "utf8");
    const colours = { light: {}, dark: {} };
    for (const [, name, light, dark] of css.matchAll(/(--[\w-]+): light-dark\((#\w+), (#\w+)\)/g)) {
        colours.light[name] = linear(light);
        colours.dark[name] = linear(dark);
    }
    return colours;
}

function linear(hex) {
    const long = hex.length === 4 ? hex.slice(1).replace(/./g, "$&$&") : hex.slice(1);
    return [0, 2, 4].map((i) => {
        const value = parseInt(long.slice(i, i + 2), 16) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
}

const seen = (eye, [r, g, b]) =>
    [0, 3, 6].map((i) => Math.min(1, Math.max(0, eye[i] * r + eye[i + 1] * g + eye[i + 2] * b)));

function lab([r, g, b]) {
    const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
    const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const difference = (a, b) => Math.hypot(...lab(a).map((v, i) => v - lab(b)[i]));
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
function contrast(a, b) {
    const [lo, hi] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (hi + 0.05) / (lo + 0.05);
}

function apart({ root }) {
    for (const [theme, colours] of Object.entries(palette(root)))
        for (const [name, eye] of Object.entries(EYES))
            for (const [a, b] of [
                ["--old", "--new"],
                ["--old", "--free"],
                ["--new", "--free"],
                ["--lit", "--paper"],
            ]) {
                const far = difference(seen(eye, colours[a]), seen(eye, colours[b]));
                assert.ok(far > 20, `${a} and ${b}, ${theme}, ${name}: ${far.toFixed(0)}`);
            }
}

function legible({ root }) {
    for (const [theme, colours] of Object.entries(palette(root))) {
        for (const ink of ["--ink", "--faint", "--old-ink", "--new-ink", "--bad", "--good"])
            for (const ground of ["--paper", "--panel"]) {
                const ratio = contrast(colours[ink], colours[ground]);
                assert.ok(ratio >= 4.5, `${ink} on ${ground}, ${theme}: ${ratio.toFixed(1)}`);
            }
        for (const shape of ["--old", "--new", "--free"]) {
            const ratio = contrast(colours[shape], colours["--paper"]);
            assert.ok(ratio >= 3, `${shape}, ${theme}: ${ratio.toFixed(1)}`);
        }
    }
}

export const tests = [
    ["the colours are told apart, with three kinds of cones or two", async (t) => apart(t)],
    ["text and shapes stand out", async (t) => legible(t)],
];
