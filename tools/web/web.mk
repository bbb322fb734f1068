# The pages: the playground, and pictures of traces. Packages are installed below build/, as package-lock.json pins them.

WEB := build/web
WEB_MODULES := $(WEB)/node_modules
WEB_SOURCES := $(wildcard tools/web/*.mjs tools/web/src/*)
WEB_BUILD := node tools/web/build.mjs --modules $(WEB_MODULES)

$(WEB)/.installed: tools/web/package.json tools/web/package-lock.json tools/web/.npmrc
	@mkdir -p $(@D)
	$(call say,NPM,tools/web/package-lock.json)
	$(Q)cp tools/web/package.json tools/web/package-lock.json tools/web/.npmrc $(@D)/
	$(Q)cd $(@D) && npm ci --ignore-scripts --loglevel=error --no-progress >npm.log 2>&1 || { cat npm.log; \
		echo "npm could not fetch what the pages are made with, 8 MB, once: is there a network? Then again."; exit 1; }
	$(Q)touch $@

# mm/ as it is, for WebAssembly.
WASM := $(WEB)/realign.wasm
WASM_SOURCES := $(wildcard mm/*.c tools/web/wasm/*.c user/scenes/*.c) kernel/format.c
WASM_OBJECTS := $(WASM_SOURCES:%.c=$(WEB)/wasm/%.o)
WASM_CFLAGS := --target=wasm32 -std=gnu2x -ffreestanding -O2 -mbulk-memory -fno-strict-aliasing -fvisibility=hidden \
               -Wall -Wextra -Werror -I. -ffile-prefix-map=$(CURDIR)/=
WASM_LD := wasm-ld --no-entry --stack-first -z stack-size=1048576 --strip-all

$(WEB)/wasm/%.o: %.c tools/web/web.mk
	@mkdir -p $(@D)
	$(call say,WASM,$<)
	$(Q)clang $(WASM_CFLAGS) -MMD -MP -c $< -o $@

$(WASM): $(WASM_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(WASM_LD) $^ -o $@

-include $(WASM_OBJECTS:.o=.d)

# The same with a mistake in it, for a test: what the page says when an invariant is broken.
MUTANT := tests/mutants/rss_counter.patch
$(WEB)/mutant.wasm: $(WASM) $(MUTANT) tests/web/mutant.py
	$(call say,WASM,$(MUTANT))
	$(Q)python3 tests/web/mutant.py $(MUTANT) $@ --objects $(WEB)/wasm --compile 'clang $(WASM_CFLAGS)' \
		--link '$(WASM_LD)'

# Scenes on the host's simulated machine, whose steps are to be the same.
HOST_SCENES_SOURCES := tests/web/host_scenes.c tools/web/wasm/obey.c user/scenes/scene.c \
                       $(wildcard mm/*.c tests/host/sim*.c)
HOST_SCENES_OBJECTS := $(HOST_SCENES_SOURCES:%.c=$(WEB)/host/%.o)

$(WEB)/host/%.o: %.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(CC) -std=gnu17 -O1 -g -I. -Wall -Wextra -Werror -Wno-unused-parameter -MMD -MP -c $< -o $@

$(WEB)/host-scenes: $(HOST_SCENES_OBJECTS)
	$(Q)$(CC) $^ -lcmocka -o $@

-include $(HOST_SCENES_OBJECTS:.o=.d)

$(WEB)/mutant.html: $(WEB)/mutant.wasm $(WEB)/.installed $(WEB_SOURCES) $(wildcard user/scenes/*.scene)
	$(Q)$(WEB_BUILD) --name play --wasm $< --out $@

.PHONY: playground picture web-test
PLAYGROUND := build/playground.html
playground:
	@tools/setup.sh
	+@$(SUBMAKE) $(PLAYGROUND)
	@echo "$(PLAYGROUND): open it in a browser"

$(PLAYGROUND): $(WASM) $(WEB)/.installed $(WEB_SOURCES) $(wildcard user/scenes/*.scene)
	$(call say,PAGE,$@)
	$(Q)$(WEB_BUILD) --name play --wasm $(WASM) --out $@

# The page of pictures, without a trace: one can be opened in it.
PICTURE := $(WEB)/picture.html
$(PICTURE): $(WEB)/.installed $(WEB_SOURCES) $(wildcard mm/*.c)
	$(call say,PAGE,$@)
	$(Q)$(WEB_BUILD) --name picture --out $@

# A run of PROG, "NAME ARGUMENT...", as a page: OUT. KINDS: of events. TRACE: a trace that is there already.
picture: PROG ?= demo
picture: OUT ?= build/picture.html
picture: export PROG := $(PROG)
picture:
	@tools/setup.sh
	+@$(SUBMAKE) $(PICTURE) $(if $(TRACE),,$(KERNEL) $(INITRAMFS))
	@python3 tools/picture.py --page $(PICTURE) --out '$(OUT)' --program "$$PROG" --append="$$APPEND" \
		$(if $(TRACE),--trace '$(TRACE)',--kernel $(KERNEL) --initrd $(INITRAMFS) --memory="$$MEMORY") \
		$(if $(KINDS),--kinds '$(KINDS)')

# What tools/bench.py measured, as plots.
build/bench.html: build/bench-page.json $(WEB)/.installed $(WEB_SOURCES)
	$(call say,PAGE,$@)
	$(Q)$(WEB_BUILD) --name bench --data $< --out $@

# The same from the recorded numbers, for a test.
$(WEB)/bench.html: tests/golden/bench.json tools/bench_rows.py $(WEB)/.installed $(WEB_SOURCES)
	$(call say,PAGE,$@)
	$(Q)python3 tools/bench.py --page $(WEB)/bench.json
	$(Q)$(WEB_BUILD) --name bench --data $(WEB)/bench.json --out $@

# tests/web/suite_*.mjs, in node and in headless Chromium; T=play: some of them.
web-test: $(KERNEL) $(INITRAMFS) $(PLAYGROUND) $(PICTURE) $(WEB)/bench.html $(WEB)/mutant.html $(WEB)/host-scenes
	@node tests/web/run.mjs --modules $(WEB_MODULES) --build build $(if $(T),--only '$(T)')
