"""Tests of moves when memory runs out. All else is tested by scenes."""
from spaces import moved_without_memory

MIB, GIB = 1 << 20, 1 << 30

# A page in each of twenty spans: their entries take one table at the new place, page by page it would be one for each.
memory_out = moved_without_memory([(512 * n + 7, 1) for n in range(20)], 20 * 512, 70 * GIB + 2 * MIB, 1)
