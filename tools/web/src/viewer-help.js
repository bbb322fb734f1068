/* What `?` opens: page tables in a few sentences, how to read the picture, keys. */

export const HELP = `
<h2>What is shown here</h2>
<p>A program uses <b>virtual addresses</b>. The processor turns each into a place in memory by looking it up in
<b>page tables</b>: arrays of 512 entries, in four levels. An entry points to a table of the next level, or to memory.
What one entry stands for is its <b>span</b>:</p>
<table>
<tr><th>PGD</th><td>512 GiB</td><td>points to a table of PUDs</td></tr>
<tr><th>PUD</th><td>1 GiB</td><td>points to a table of PMDs, or to a huge page of 1 GiB</td></tr>
<tr><th>PMD</th><td>2 MiB</td><td>points to a table of PTEs, or to a huge page of 2 MiB</td></tr>
<tr><th>PTE</th><td>4 KiB</td><td>points to one page of memory</td></tr>
</table>
<p><b>mremap</b> moves an area to other addresses. No memory is copied: entries are. Where both places sit at the same
offset in an entry's span, one entry of a higher level can go, and takes all that is below it along: 512 pages by one
write. The kernel <b>widens</b> a move to the entry's edge when nobody else lives in the part added.</p>
<p>So an address is five numbers in a row, here with their bits: which entry at each level, and which byte of the page.</p>
<div class="v-bits">${["PGD", "PUD", "PMD", "PTE"].map((name) => `<span>${name}<small>9</small></span>`).join("")}
<span class="v-bits-wide">byte<small>12</small></span></div>
<h2>How to read it</h2>
<ul>
<li>On top the whole address space, long gaps folded. Below it, to scale, the part things come from and the part they go to.</li>
<li>An entry stands right over what it translates: go down from an area through the rows to its pages.</li>
<li>A filled block is memory, a framed one is a table. <span class="v-key-old">Plain</span>: yet to move. <span
class="v-key-new">Hatched</span>: has moved. Grey: stays where it is. Dashed: was here.</li>
<li>The heavy frame with the arrow is the entry of this step, and the close-up shows it in its table. Dotted, with a
cross at the arrow's end: it could not go, and the kernel warns.</li>
</ul>
<h2>Keys</h2>
<dl class="v-keys">
<dt><kbd>→</kbd> <kbd>←</kbd></dt><dd>one step on, one step back</dd>
<dt><kbd>Page Down</kbd> <kbd>Page Up</kbd></dt><dd>over a run of like steps</dd>
<dt><kbd>Home</kbd> <kbd>End</kbd></dt><dd>the first step, the last one</dd>
<dt><kbd>Space</kbd></dt><dd>play, pause</dd>
<dt><kbd>?</kbd></dt><dd>this help</dd>
</dl>`;
