/* SPDX-License-Identifier: GPL-2.0-only */
/* For plugins that change the CPU's state: version 7 of the interface, that of QEMU 11.1 */
#ifndef PLUGIN7_H
#define PLUGIN7_H

#include "plugin.h"

struct qemu_plugin_register;
struct qemu_plugin_scoreboard;

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

typedef void (*trans_cb_t)(struct qemu_plugin_tb *tb, void *data);

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

int qemu_plugin_version = 7;

#endif /* PLUGIN7_H */
