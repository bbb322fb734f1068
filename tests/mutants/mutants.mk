# Whether the host tests would notice: mistakes put into mm/ one at a time, and the lines that no test runs.
#
#   make mutants              every mistake of tests/mutants/ must be noticed; M=flush: those with this name
#   make mutants-slice        a few of them, for make test
#   make coverage             lines and branches of mm/; build/coverage/index.html

M ?=

.PHONY: mutants mutants-slice coverage
mutants:
	@python3 tools/mutants.py $(M)

mutants-slice:
	@python3 tools/mutants.py --slice

coverage:
	@tools/setup.sh
	@python3 tools/coverage.py
