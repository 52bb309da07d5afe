# SPDX-License-Identifier: GPL-2.0-only
# The verbs of the house. What they do is in series/tools/, one file each.

T := series/tools

# LINUX=/path/to/tree: a 7.3.y tree to use as base, git or plain
# BUILD=/path: where everything is built
# TOPIC=step: only the topics up to this one
# QEMU=new: a QEMU of version 11.1 or later, from Debian's backports if this machine's is older
# FLAVOUR=cloud: which packages; PROFILE=vm is another way to write FLAVOUR=vm
export LINUX BUILD ACCEL QEMU PATCH TOPIC DISCARD PREFIX REROLL KEEP ROUNDS SEED BUDGET

system: FLAVOUR ?= $(or $(PROFILE),vm)
deb: FLAVOUR ?= $(or $(PROFILE),cloud)

.DEFAULT_GOAL := help
.PHONY: help run test check tree back series send-test record rebase-trial htmldocs shell deb system demo fred kunit bisect mutants model sizes bench coverage stress archs boot-archs configs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "LINUX=/path/to/7.3.y-tree uses that base instead of Debian's linux-source-7.3;"
	@echo "TOPIC=step takes the topics of series/patches/ up to that one: tree, run, check, series, bisect."
	@echo "BUILD=/path builds elsewhere. Durations are from nothing, with 2 cores: idle ones that are"
	@echo "quick at emulating a CPU, and slow or busy ones. run and test say what to expect."

run: ## build the kernel, boot it, run the x86 selftests there (8 to 25 min; again: 2 to 5)
	@$(T)/run

test: ## everything: series, builds, selftests against the base's, faults (75 min; BUDGET=minutes, 0: all)
	@$(T)/test

check: ## the rules that a patch series has to keep, patch by patch; builds nothing (2 min)
	@$(T)/packages && { $(T)/tree || :; } && $(T)/check

tree: ## assemble build/tree: the base in git, and one commit per patch (1 min)
	@$(T)/packages && $(T)/tree

back: ## bring edits in build/tree back into this repository (1 s; PATCH=step/0002 for new files)
	@$(T)/back

series: ## write the patches for git am and git send-email to build/series/, by topic (10 s)
	@$(T)/packages && $(T)/tree && $(T)/series

send-test: ## send each topic to a server on loopback, and apply what comes out (1 min)
	@$(T)/packages && $(T)/send-test

record: ## take note of the base's files after looking at what changed in them (1 s)
	@$(T)/record

rebase-trial: ## try the patches on another base, for a report (2 min; SUITE=sid KERNEL=7.4, or LINUX=)
	@$(T)/packages && $(T)/rebase-trial $(or $(SUITE),sid) $(KERNEL)

htmldocs: ## make htmldocs of the directories touched, on the base and on ours (2 min; DIRS="arch/x86")
	@$(T)/packages && $(T)/tree && $(T)/htmldocs $(DIRS)

shell: ## an interactive guest with our kernel and the selftests (10 s, once built; SYSTEM=1: Debian)
	@$(T)/$(if $(SYSTEM),system,run) --shell

deb: ## Debian packages of the kernel (1.5 h; FLAVOUR=amd64 or rt; FLAVOUR=vm: a small one, 20 min)
	@$(T)/packages && $(T)/tree && $(T)/deb $(FLAVOUR)

system: ## a Debian system on the packages, on the base and on ours: debuggers, tracers (1 h; once built: 15 min)
	@$(T)/packages && $(T)/tree && $(T)/deb $(FLAVOUR) base && $(T)/deb $(FLAVOUR) && $(T)/system $(FLAVOUR)

demo: ## single steps on the base and on ours, side by side (8 min, once built: 15 s; UPDATE=1)
	@$(T)/demo $(if $(UPDATE),--update)

fred: ## selftests with FRED and with an IDT, base and ours; KUnit, random work (25 min, the kernels built)
	@$(T)/kernels && $(T)/userland && $(T)/fred

kunit: ## KUnit tests of the entry code, on a kernel with checks (5 min, once built: 30 s)
	@$(T)/kunit

model: ## the way out to user mode as a model, checked by spin in all its states (2 min)
	@$(T)/packages && $(T)/tree && $(T)/model

bisect: ## each patch on its own: two kernels, W=1 and sparse, selftests (1 min a patch, 5 to 15 with headers; FROM=n TO=n)
	@$(T)/bisect $(FROM) $(TO)

mutants: ## small faults in the entry code, a kernel for each: do the tests find them? (2 h)
	@$(T)/mutants

sizes: ## text size of the entry functions, the base's and ours (7 min, once built: 5 s)
	@$(T)/kernels && $(T)/sizes

bench: ## instructions of ways into the kernel, the base's and ours (15 min, once built: 3 min; UPDATE=1)
	@$(T)/kernels && $(T)/kernels guest32 && $(T)/userland && $(T)/bench $(if $(UPDATE),&& $(T)/bench --update)

stress: ## random work on the debug kernel, bounded (20 min; ROUNDS=n, SEED=x)
	@$(T)/stress

coverage: ## lines of the series that the tests run, and why not the others (20 min, once built: 8 min; LIMIT=PERCENT UPDATE=1)
	@$(T)/coverage $(LIMIT) $(if $(UPDATE),&& $(T)/coverage --update)

archs: ## compile the entry code and its users for other architectures (5 min)
	@$(T)/packages && $(T)/tree && $(T)/builds arch

boot-archs: ## boot other architectures on the base and on ours, with the tests that any can run (30 min each; UPDATE=1)
	@$(T)/packages && $(T)/tree && $(T)/boot-archs $(if $(UPDATE),&& $(T)/boot-archs --update)

configs: ## the same for x86 in many configurations, 32-bit too (10 min)
	@$(T)/packages && $(T)/tree && $(T)/builds x86

clean: ## remove build/ (make clean KEEP=cache spares downloads)
	@$(T)/clean
