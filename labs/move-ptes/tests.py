"""Tests of moves when memory runs out. All else is tested by scenes."""
from memory import PAGE
from spaces import moved_without_memory

GIB = 1 << 30

# A table of PMD entries and three of PTE entries are missing.
memory_out = moved_without_memory([(0, 3), (500, 30), (1030, 1)], 1200, 70 * GIB + 3 * PAGE, 4)
