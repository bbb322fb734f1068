/*
 * The whole address space on one line. It is mostly nothing, so long gaps are folded: what lies close together is a
 * cluster, linear in itself, and between two clusters stands a break with the length of the gap.
 */
import { scaleLinear } from "d3-scale";

const GAP = 46; /* pixels of a break */
const MIN = 96; /* of a cluster: room for its first address */

function mergeCloser(ranges, gap) {
    const out = [];
    for (const { start, end } of ranges) {
        const last = out.at(-1);
        if (last && start - last.end <= gap) last.end = Math.max(last.end, end);
        else out.push({ start, end });
    }
    return out;
}

/* Clusters of @ranges, no more than @most. */
function findClusters(ranges, most) {
    const sorted = [...ranges].sort((a, b) => a.start - b.start);
    let gap = 2 ** 20;
    let clusters = mergeCloser(sorted, gap);
    while (clusters.length > most) clusters = mergeCloser(sorted, (gap *= 4));
    return clusters;
}

/*
 * {scale, clusters, gaps}: scale from addresses to pixels between @left and @right; clusters {start, end, x0, x1}; gaps
 * {bytes, x0, x1}. How wide a cluster is goes by the logarithm of its size.
 */
export function foldedAxis(ranges, left, right) {
    const clusters = findClusters(ranges, Math.max(2, Math.floor((right - left) / (MIN + GAP))));
    const room = right - left - GAP * (clusters.length - 1) - MIN * clusters.length;
    const weights = clusters.map(({ start, end }) => Math.max(0.5, Math.log2((end - start) / 2 ** 14)));
    const all = weights.reduce((a, b) => a + b, 0);
    const gaps = [];
    let x = left;

    clusters.forEach((cluster, i) => {
        cluster.x0 = x;
        x += MIN + (room * weights[i]) / all;
        cluster.x1 = x;
        const next = clusters[i + 1];
        if (next) gaps.push({ bytes: next.start - cluster.end, x0: x, x1: x + GAP });
        x += GAP;
    });
    const scale = scaleLinear()
        .domain(clusters.flatMap(({ start, end }) => [start, end]))
        .range(clusters.flatMap(({ x0, x1 }) => [x0, x1]))
        .clamp(true);
    return { scale, clusters, gaps };
}
