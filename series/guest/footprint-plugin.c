// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's TCG. It watches what the kernel executes from a SYSCALL after the
 * marker of series/guest/footprint.c to the SYSRET, and writes the figures of one round
 * to a file. It is one with the fewest instructions, so that no interrupt has come into
 * it, and among them the one with the least use of the stack, where the kernel adds a
 * random offset.
 *
 *	name value			figures
 *	insn ADDRESS BYTES		all in hexadecimal, in the order of execution
 *	load|store ADDRESS SIZE		what the instruction above it has accessed
 *
 * The SYSCALL does not count, the SYSRET does. Addresses are virtual ones. Walks of the
 * page tables are not seen.
 *
 * usage: qemu-system-x86_64 -plugin file=footprint.so,out=FILE
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define LINE		64
#define THREAD_SIZE	(16 << 10)
/* A round with more events was interrupted */
#define MAX_EVENTS	16384

struct insn {
	uint64_t addr;
	uint8_t size;
	uint8_t bytes[15];
};

enum { INSN, LOAD, STORE };

struct event {
	int type;
	uint64_t addr;
	uint64_t size;
	const struct insn *insn;
};

struct round {
	int n, insns, stack;
	struct event events[MAX_EVENTS];
};

static struct round now, best;
static int rounds;
/* Where a SYSCALL would be the one to look at */
static uint64_t armed;
static bool running;
static const char *out;

static bool is(const struct insn *insn, const char *bytes, size_t size)
{
	return insn->size >= size && !memcmp(insn->bytes, bytes, size);
}

static bool is_marker(const struct insn *insn)
{
	return is(insn, "\x0f\x1f\x80\x07\xf0\x57\x7e", 7);
}

/* Of a register, an immediate value, or from memory */
static bool is_push(const struct insn *insn)
{
	const uint8_t *op = insn->bytes;

	if ((*op & 0xf0) == 0x40)
		op++;
	return (*op & 0xf8) == 0x50 || *op == 0x68 || *op == 0x6a ||
	       (*op == 0xff && (op[1] & 0x38) == 0x30);
}

static void record(int type, uint64_t addr, uint64_t size, const struct insn *insn)
{
	if (now.n == MAX_EVENTS) {
		running = false;
		return;
	}
	now.events[now.n++] = (struct event){ type, addr, size, insn };
	now.insns += type == INSN;
}

/*
 * The first thing pushed is at the top of the task's stack. From there to the lowest
 * address that is accessed.
 */
static int stack_use(const struct round *round)
{
	uint64_t top = 0, low = 0;
	int i;

	for (i = 0; i < round->n; i++) {
		const struct event *event = &round->events[i];

		if (event->type == INSN)
			continue;
		if (!top && event->type == STORE && is_push(event->insn))
			low = top = event->addr + event->size;
		if (event->addr < low && event->addr >= top - THREAD_SIZE)
			low = event->addr;
	}
	return top - low;
}

static void round_ended(void)
{
	running = false;
	now.stack = stack_use(&now);
	if (!rounds++ || now.insns < best.insns ||
	    (now.insns == best.insns && now.stack < best.stack))
		best = now;
}

static void executed(unsigned int vcpu, void *data)
{
	const struct insn *insn = data;

	if (!(insn->addr >> 63)) {
		/* User mode. If a round is running, it did not end with a SYSRET. */
		running = false;
		if (insn->addr == armed && is(insn, "\x0f\x05", 2)) {
			running = true;
			now.n = now.insns = 0;
		}
		armed = is_marker(insn) ? insn->addr + insn->size : 0;
	} else if (running) {
		record(INSN, insn->addr, insn->size, insn);
		if (is(insn, "\x48\x0f\x07", 3))
			round_ended();
	}
}

static void accessed(unsigned int vcpu, uint32_t info, uint64_t addr, void *data)
{
	if (running)
		record(qemu_plugin_mem_is_store(info) ? STORE : LOAD, addr,
		       1 << qemu_plugin_mem_size_shift(info), data);
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	size_t i;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *handle = qemu_plugin_tb_get_insn(tb, i);
		/* Translated code refers to it, and nobody says when that is gone */
		struct insn *insn = calloc(1, sizeof(*insn));

		insn->addr = qemu_plugin_insn_vaddr(handle);
		insn->size = qemu_plugin_insn_size(handle);
		qemu_plugin_insn_data(handle, insn->bytes, insn->size);
		qemu_plugin_register_vcpu_insn_exec_cb(handle, executed, CB_NO_REGS, insn);
		if (insn->addr >> 63)
			qemu_plugin_register_vcpu_mem_cb(handle, accessed, CB_NO_REGS, MEM_RW, insn);
	}
}

static int count(const struct round *round, int type)
{
	int i, n = 0;

	for (i = 0; i < round->n; i++)
		n += round->events[i].type == type;
	return n;
}

/* How many lines do the events of these types touch? */
static int lines(const struct round *round, unsigned int types)
{
	static uint64_t seen[2 * MAX_EVENTS];
	int i, j, n = 0;

	for (i = 0; i < round->n; i++) {
		const struct event *event = &round->events[i];
		uint64_t line = event->addr / LINE;

		if (!(types & 1 << event->type))
			continue;
		for (; line <= (event->addr + event->size - 1) / LINE; line++) {
			for (j = 0; j < n && seen[j] != line; j++)
				;
			seen[j] = line;
			n += j == n;
		}
	}
	return n;
}

static void finish(void *data)
{
	FILE *f = fopen(out, "w");
	int i, j;

	if (!f) {
		perror(out);
		return;
	}
	fprintf(f, "rounds %d\n", rounds);
	fprintf(f, "instructions %d\n", best.insns);
	fprintf(f, "code-lines %d\n", lines(&best, 1 << INSN));
	fprintf(f, "data-lines %d\n", lines(&best, 1 << LOAD | 1 << STORE));
	fprintf(f, "data-lines-written %d\n", lines(&best, 1 << STORE));
	fprintf(f, "loads %d\n", count(&best, LOAD));
	fprintf(f, "stores %d\n", count(&best, STORE));
	fprintf(f, "stack %d\n", best.stack);
	for (i = 0; i < best.n; i++) {
		const struct event *event = &best.events[i];

		if (event->type != INSN) {
			fprintf(f, "%s %" PRIx64 " %" PRIx64 "\n", event->type == LOAD ? "load" : "store",
				event->addr, event->size);
			continue;
		}
		fprintf(f, "insn %" PRIx64 " ", event->addr);
		for (j = 0; j < event->insn->size; j++)
			fprintf(f, "%02x", event->insn->bytes[j]);
		fputc('\n', f);
	}
	fclose(f);
}

EXPORTED int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv)
{
	out = plugin_argument("out", argc, argv);
	if (!plugin_fits(info) || !out || argc != 1) {
		fprintf(stderr, "footprint: wants x86_64, version %d of plugins, and out=FILE\n",
			qemu_plugin_version);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
