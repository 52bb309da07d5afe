// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCID for QEMU's TCG, which does not have it, but takes CR4.PCIDE: a kernel that was told
 * of PCID (setcpuid=) uses it until it sets bit 63 of a new CR3, to keep the TLB's entries.
 * TCG takes that for an address that is too high, and hangs. This plugin clears the bit
 * before the write: the CPU would not store it either. TCG keeps no entries, which a
 * kernel does not notice.
 *
 * A plugin's work does not count as instructions of the guest.
 */
#include "plugin-registers.h"

#define KEEP_ENTRIES	(1ULL << 63)

static uint64_t cleared;

/* Before MOV to CR3 from the register of this name */
static void on_write(unsigned int vcpu, void *name)
{
	uint64_t value = get(name);

	if (value & KEEP_ENTRIES) {
		set(name, value & ~KEEP_ENTRIES);
		cleared++;
	}
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint8_t bytes[15] = {}, *code = bytes;
		unsigned int high = 0;

		qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
		/* A REX prefix, whose last bit makes it one of the registers from R8 on */
		if ((*code & 0xf0) == 0x40)
			high = *code++ & 1 ? 8 : 0;
		if (code[0] == 0x0f && code[1] == 0x22 && (code[2] & 0xf8) == 0xd8)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_write, CB_RW_REGS,
							       (void *)gprs[high + (code[2] & 7)]);
	}
}

static void finish(void *data)
{
	fprintf(stderr, "pcid: cleared bit 63 of CR3 %" PRIu64 " times\n", cleared);
}

EXPORTED int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv)
{
	if (!plugin_fits(info)) {
		fprintf(stderr, "pcid: wants x86_64, version %d of plugins\n", qemu_plugin_version);
		return -1;
	}
	buffer = g_byte_array_new();
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
