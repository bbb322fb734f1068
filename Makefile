# Realign's build. `make help` lists what can be asked for.
#
# All output goes to build/ (build/debug with BUILD=debug); V=1 shows whole commands.

BUILD ?= release
B := build/$(BUILD)
VERSION := 0.1

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '%-8s%s\n' '$(1)' '$(2)'
endif

# ---- The kernel -----------------------------------------------------------------------------------------------------

CC := gcc
NASM := nasm

CFLAGS := -std=gnu17 -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
          -fcf-protection=none -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls -fno-asynchronous-unwind-tables \
          -fno-strict-aliasing -fno-common -fstack-protector-strong -mstack-protector-guard=global \
          -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla -g -I. \
          -ffile-prefix-map=$(CURDIR)/= -DREALIGN_VERSION='"$(VERSION)"'
ifeq ($(BUILD),debug)
CFLAGS += -Og -DREALIGN_DEBUG=1
else
CFLAGS += -O2 -DREALIGN_DEBUG=0
endif
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none

KERNEL := $(B)/kernel.elf
C_SOURCES := $(filter-out kernel/asm_offsets.c,$(wildcard kernel/*.c)) $(wildcard mm/*.c)
ASM_SOURCES := boot/boot.asm kernel/entry.asm
OBJECTS := $(C_SOURCES:%.c=$(B)/%.o) $(ASM_SOURCES:%.asm=$(B)/%.asm.o)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/%.asm.o: %.asm Makefile
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf64 -g -F dwarf -I$(B)/ -MD $(@:.o=.d) -MP -MT $@ $< -o $@

$(B)/kernel/entry.asm.o: $(B)/asm_offsets.inc

$(B)/asm_offsets.inc: kernel/asm_offsets.c Makefile
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(CC) $(filter-out -g,$(CFLAGS)) -MMD -MP -MT $@ -MF $(B)/asm_offsets.d -S $< -o - | \
		sed -n 's/^#EQU \([A-Z0-9_]*\) \(.*\)/\1 equ \2/p' > $@

# Linked twice: the first link tells where the functions are, the second has the table of their names.
$(B)/symbols0.asm: tools/symbols.py
	@mkdir -p $(@D)
	$(Q)python3 tools/symbols.py < /dev/null > $@

$(B)/symbols1.asm: $(B)/kernel0.elf tools/symbols.py
	$(call say,GEN,$@)
	$(Q)nm -n $< | python3 tools/symbols.py > $@

$(B)/symbols%.o: $(B)/symbols%.asm
	$(Q)$(NASM) -f elf64 $< -o $@

$(B)/kernel0.elf: $(OBJECTS) $(B)/symbols0.o linker.ld
	$(call say,LD,$@)
	$(Q)ld $(LDFLAGS) -T linker.ld $(OBJECTS) $(B)/symbols0.o -o $@

$(KERNEL): $(OBJECTS) $(B)/symbols1.o linker.ld
	$(call say,LD,$@)
	$(Q)ld $(LDFLAGS) -T linker.ld $(OBJECTS) $(B)/symbols1.o -o $@

-include $(OBJECTS:.o=.d) $(B)/asm_offsets.d

.PHONY: kernel
kernel: $(KERNEL)
