/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For plugins of QEMU's TCG: version 7 of the interface, that of QEMU 11.1. A QEMU with
 * another version says so, and refuses to load them.
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
struct qemu_plugin_register;
struct qemu_plugin_scoreboard;

struct plugin_info {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	int smp_vcpus, max_vcpus;
};

/* GLib's, which QEMU has */
struct byte_array {
	uint8_t *data;
	unsigned int len;
};

struct array {
	char *data;
	unsigned int len;
};

struct register_descriptor {
	struct qemu_plugin_register *handle;
	const char *name, *feature;
	bool readonly;
};

/* A number that each vCPU has */
struct vcpu_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum { CB_NO_REGS, CB_R_REGS, CB_RW_REGS, CB_RW_REGS_PC };
enum { COND_NEVER, COND_ALWAYS, COND_EQ, COND_NE };
enum { MEM_R = 1, MEM_W, MEM_RW };

typedef void (*trans_cb_t)(struct qemu_plugin_tb *tb, void *data);
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
bool qemu_plugin_mem_is_store(uint32_t info);
struct byte_array *g_byte_array_new(void);
struct byte_array *g_byte_array_set_size(struct byte_array *array, unsigned int size);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, trans_cb_t cb, void *data);
void qemu_plugin_register_vcpu_tb_exec_cond_cb(struct qemu_plugin_tb *tb, exec_cb_t cb, int flags,
					       int cond, struct vcpu_u64 entry, uint64_t imm,
					       void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(void *data), void *data);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t size);
struct array *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, struct byte_array *value);
bool qemu_plugin_write_register(struct qemu_plugin_register *handle, struct byte_array *value);
bool qemu_plugin_read_memory_vaddr(uint64_t addr, struct byte_array *value, size_t size);
bool qemu_plugin_write_memory_vaddr(uint64_t addr, struct byte_array *value);
void qemu_plugin_set_pc(uint64_t pc);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void qemu_plugin_u64_set(struct vcpu_u64 entry, unsigned int vcpu, uint64_t value);

/* The version that the plugin is for */
EXPORTED int qemu_plugin_version = 7;

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
