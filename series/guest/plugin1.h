/* SPDX-License-Identifier: GPL-2.0-only */
/* For plugins that only watch: version 1 of the interface, that of Debian 12's QEMU 7.2 */
#ifndef PLUGIN1_H
#define PLUGIN1_H

#include "plugin.h"

enum { CB_NO_REGS };
enum { INLINE_ADD_U64 };

typedef void (*trans_cb_t)(uint64_t id, struct qemu_plugin_tb *tb);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, trans_cb_t cb);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op,
						void *counter, uint64_t value);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(uint64_t id, void *data), void *data);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(uint32_t info);

int qemu_plugin_version = 1;

#endif /* PLUGIN1_H */
