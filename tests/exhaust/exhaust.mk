# Every small case of a move, of mremap and of exec's stack, in address spaces of 8 to 256 pages.
#
#   make exhaust             all of them; progress and remaining time; stopped, it goes on where it was
#   make exhaust-slice       a part of each class, in make test
#   make exhaust-case CASE='2x3 engine mode=full old=5 ...'
#                            one case, as a failure names it, with a picture and each step

EXHAUST := build/exhaust
EXHAUST_FLAGS := -std=gnu17 -O2 -g -I. -Wall -Wextra -Werror -Wshadow -Wno-unused-parameter
# The smallest are cheap enough for sanitizers.
EXHAUST_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
EXHAUST_SAN_2x2 := $(EXHAUST_SAN)
EXHAUST_SAN_1x4 := $(EXHAUST_SAN)
EXHAUST_GEOMETRIES := 2x2 1x4 3x2 2x3 2x4 3x3
EXHAUST_SOURCES := $(wildcard tests/exhaust/*.c) $(wildcard mm/*.c)

define EXHAUST_GEOMETRY
$$(EXHAUST)/$1/%.o: %.c tests/exhaust/exhaust.mk
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(EXHAUST_FLAGS) $$(EXHAUST_SAN_$1) $(patsubst %,-DPT_BITS=%,$(firstword $(subst x, ,$1))) \
		$(patsubst %,-DPT_LEVELS=%,$(lastword $(subst x, ,$1))) -MMD -MP -c $$< -o $$@

$$(EXHAUST)/exhaust-$1: $$(EXHAUST_SOURCES:%.c=$$(EXHAUST)/$1/%.o)
	@echo '  EXHAUST $$@'
	$$(Q)$$(CC) $$(EXHAUST_SAN_$1) $$^ -o $$@

-include $$(EXHAUST_SOURCES:%.c=$$(EXHAUST)/$1/%.d)
endef
$(foreach g,$(EXHAUST_GEOMETRIES),$(eval $(call EXHAUST_GEOMETRY,$g)))

.PHONY: exhaust exhaust-build exhaust-slice exhaust-case
exhaust-build: $(EXHAUST_GEOMETRIES:%=$(EXHAUST)/exhaust-%)

exhaust:
	+@$(SUBMAKE) exhaust-build
	@python3 tests/exhaust/run.py all

exhaust-slice:
	+@$(SUBMAKE) exhaust-build
	@python3 tests/exhaust/run.py slice

exhaust-case:
	+@$(SUBMAKE) exhaust-build
	@python3 tests/exhaust/run.py case "$(CASE)"
