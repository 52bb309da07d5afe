// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's TCG. It counts how often the guest executes the instructions at
 * given addresses. Nothing in the guest is changed for it, so that it works for code
 * which must not be instrumented.
 *
 * The addresses are in hexadecimal, one a line, sorted. The same come out, each with a
 * count. An address inside an instruction, as the kernel patches some, is that one's.
 *
 * usage: qemu-system-x86_64 -plugin file=coverage.so,points=FILE,out=FILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin.h"

struct point {
	uint64_t addr;
	uint64_t count;
};

/* Translated code refers to the counts: these stay where they are */
static struct point *points;
static size_t n_points;
static const char *out;

static int read_points(const char *path)
{
	FILE *f = fopen(path, "r");
	uint64_t addr;
	size_t room = 0;

	if (!f)
		return -1;
	while (fscanf(f, "%" SCNx64, &addr) == 1) {
		if (n_points && addr <= points[n_points - 1].addr)
			break;
		if (n_points == room) {
			room = room ? 2 * room : 1024;
			points = realloc(points, room * sizeof(*points));
			if (!points)
				abort();
		}
		points[n_points++] = (struct point){ addr, 0 };
	}
	/* Sorted, to the end, and some */
	if (!feof(f) || !n_points)
		n_points = 0;
	fclose(f);
	return n_points ? 0 : -1;
}

/* The first point at @addr or after it */
static size_t find(uint64_t addr)
{
	size_t low = 0, high = n_points;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (points[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* QEMU's own counters are one a CPU. With these the second CPU of QEMU 11.1.3 crashes. */
static void executed(unsigned int vcpu, void *point)
{
	((struct point *)point)->count++;
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	size_t i, j;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t addr = qemu_plugin_insn_vaddr(insn);
		uint64_t end = addr + qemu_plugin_insn_size(insn);

		for (j = find(addr); j < n_points && points[j].addr < end; j++)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CB_NO_REGS,
							       &points[j]);
	}
}

static void finish(void *data)
{
	FILE *f = fopen(out, "w");
	size_t i;

	if (!f) {
		perror(out);
		return;
	}
	for (i = 0; i < n_points; i++)
		fprintf(f, "%" PRIx64 " %" PRIu64 "\n", points[i].addr, points[i].count);
	fclose(f);
}

EXPORTED int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv)
{
	const char *path = plugin_argument("points", argc, argv);

	out = plugin_argument("out", argc, argv);
	if (!plugin_fits(info) || !out || !path || argc != 2) {
		fprintf(stderr, "coverage: wants x86_64, version %d of plugins, points=FILE and out=FILE\n",
			qemu_plugin_version);
		return -1;
	}
	if (read_points(path)) {
		fprintf(stderr, "coverage: %s is no list of sorted addresses\n", path);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
