/* Runs of entries, cut into the pieces that a row is drawn of. */

/* What of @ranges is not in @holes; both sorted. */
export function without(ranges, holes) {
    const out = [];
    for (const { start, end } of ranges) {
        let at = start;
        for (const hole of holes) {
            if (hole.end <= at) continue;
            if (hole.start >= end) break;
            if (hole.start > at) out.push({ start: at, end: hole.start });
            at = hole.end;
        }
        if (at < end) out.push({ start: at, end });
    }
    return out;
}

/* Runs cut where the colour changes, so that each part has one; neighbours closer than @apart become one. */
export function paintedRuns(runs, level, paint, move, apart) {
    const out = [];
    const cuts = move ? [move.src.start, move.src.end] : [];
    for (const run of runs) {
        const edges = [run.start, ...cuts.filter((cut) => cut > run.start && cut < run.end), run.end];
        for (let i = 0; i + 1 < edges.length; i++) {
            const part = { ...run, start: edges[i], end: edges[i + 1], side: paint(edges[i], level, run.move) };
            const last = out.at(-1);
            if (last && last.kind === part.kind && last.side === part.side && part.start - last.end <= apart)
                last.end = part.end;
            else out.push(part);
        }
    }
    return out;
}

/* Entries one by one, for levels whose entries are wide enough to be seen. */
export function blocksOf(runs, level, span, paint) {
    return runs.flatMap((run) =>
        Array.from({ length: run.count }, (_, i) => {
            const start = run.start + i * span;
            return { ...run, start, end: start + span, side: paint(start, level, run.move) };
        }),
    );
}
