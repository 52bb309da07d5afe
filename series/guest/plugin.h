/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For plugins of QEMU's TCG: what all versions of the interface have that are in use here.
 * plugin1.h and plugin7.h have the rest, each of one version; Debian 12 has no header file.
 * A QEMU with another version says so, and refuses to load them.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct plugin_info {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	int smp_vcpus, max_vcpus;
};

enum { MEM_R = 1, MEM_W, MEM_RW };

typedef void (*exec_cb_t)(unsigned int vcpu, void *data);
typedef void (*mem_cb_t)(unsigned int vcpu, uint32_t info, uint64_t addr, void *data);

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb_t cb,
					    int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb_t cb,
				      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(uint32_t info);

/* The version that the plugin is for */
EXPORTED extern int qemu_plugin_version;

static inline bool plugin_fits(const struct plugin_info *info)
{
	return info->version.cur >= qemu_plugin_version &&
	       info->version.min <= qemu_plugin_version && !strcmp(info->target_name, "x86_64");
}

/* The value of an argument NAME=VALUE, or NULL */
static inline const char *plugin_argument(const char *name, int argc, char **argv)
{
	size_t n = strlen(name);
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], name, n) && argv[i][n] == '=')
			return strdup(argv[i] + n + 1);
	}
	return NULL;
}

#endif /* PLUGIN_H */
