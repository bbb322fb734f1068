# Coursework. `make LAB=NAME run|test|debug|grade|solution-check` does it with one file of the kernel replaced by a
# student's: labs/NAME/FILE.c, or SUBMISSION=FILE. docs/instructor.md.

# The grader wants Debian's own Python, for which its libraries are installed.
LAB_PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
GRADE := $(LAB_PYTHON) tools/labs/grade.py
LAB_PARTS := $(KERNEL) $(USER)/lab $(B)/lab/flags $(B)/lab/layout.s

$(B)/lab/flags: Makefile labs/labs.mk $(B)/sources.list
	@mkdir -p $(@D)
	@printf '%s\n' 'cflags $(subst ','\'',$(filter-out -MMD -MP,$(CFLAGS)))' 'ldflags $(LDFLAGS)' 'objects $(OBJECTS)' > $@

$(B)/lab/layout.s: tools/labs/layout.c Makefile
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(CC) $(filter-out -g,$(CFLAGS)) -MMD -MP -MT $@ -MF $(B)/lab/layout.d -S $< -o $@

-include $(B)/lab/layout.d

# The tests of the labs themselves; T=class: some of them.
lab-test:
	@tools/setup.sh
	+@$(SUBMAKE) lab-parts
	@$(LAB_PYTHON) tests/labs/run.py --build $(B) $(if $(T),--only '$(T)')

# A copy to be handed out, without solutions; LABS: those that are in it.
.PHONY: student-tree
student-tree:
	@tools/setup.sh
	+@$(SUBMAKE) build/release/lab/flags BUILD=release B=build/release
	+@$(SUBMAKE) build/debug/lab/flags BUILD=debug B=build/debug
	@$(LAB_PYTHON) tools/labs/student_tree.py '$(OUT)' $(LABS)

.PHONY: lab-test grade grade-class solution-check lab-parts
lab-parts: $(LAB_PARTS)

ifndef LAB
grade grade-class solution-check:
	@echo 'which lab? make LAB=NAME $@; there are: $(notdir $(patsubst %/lab.toml,%,$(wildcard labs/*/lab.toml)))'; false
endif

ifdef LAB
LAB_NAME := $(LAB)$(if $(BUG),:$(BUG))
LAB_ARGS = $(LAB_NAME) --build $(B) $(if $(SUBMISSION),--submission '$(SUBMISSION)') $(if $(TEST),--test '$(TEST)')

grade solution-check test debug:
	@tools/setup.sh
	+@$(SUBMAKE) lab-parts
	@$(GRADE) $@ $(LAB_ARGS)

# HOSTS: other machines too, as GNU parallel's --sshlogin has them. CLASS_JOBS at a time on each.
grade-class:
	@tools/setup.sh
	+@$(SUBMAKE) lab-parts
	@$(LAB_PYTHON) tools/labs/grade_class.py $(LAB_NAME) '$(DIR)' '$(or $(OUT),results.csv)' --build $(B) \
		$(if $(HOSTS),--hosts '$(HOSTS)') $(if $(CLASS_JOBS),--jobs '$(CLASS_JOBS)')

# What it shows is the lab's to say; APPEND says otherwise.
run:
	@tools/setup.sh
	+@$(SUBMAKE) lab-parts $(INITRAMFS)
	@$(GRADE) build $(LAB_ARGS)
	@$(QEMU) --kernel build/lab-$(LAB)$(if $(BUG),-$(BUG))/kernel.elf --initrd $(INITRAMFS) --memory="$$MEMORY" \
		--append="$${APPEND:-$$($(GRADE) options $(LAB_NAME))}"
endif
