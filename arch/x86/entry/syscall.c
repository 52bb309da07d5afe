// SPDX-License-Identifier: GPL-2.0-only
/* C entry point of the SYSCALL instruction in 64-bit mode */

#include <linux/entry-common.h>
#include <linux/linkage.h>

#include <asm/syscall.h>

#include "syscall.h"

/* Not inline in do_syscall_64(), because few x32 programs are left */
static noinline void dispatch_x32(struct pt_regs *regs, unsigned long nr)
{
	dispatch(regs, nr - __X32_SYSCALL_BIT, X32_NR_syscalls, x32_sys_call);
}

static __always_inline void dispatch_64(struct pt_regs *regs, long nr)
{
	if (!dispatch(regs, nr, NR_syscalls, x64_sys_call) &&
	    IS_ENABLED(CONFIG_X86_X32_ABI) && (nr & __X32_SYSCALL_BIT) && x32_enabled)
		dispatch_x32(regs, nr);
}

/**
 * do_syscall_64 - The SYSCALL instruction in 64-bit mode
 * @regs:	Register state at entry, with AX preset to -ENOSYS
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 * Return: true if SYSRET can restore @regs, false if only IRET can. Ignored with
 *	   FRED.
 */
__visible noinstr __noendbr bool do_syscall_64(struct pt_regs *regs)
{
	enter_from_user_mode_randomize_stack(regs);

	instrumentation_begin();
	local_irq_enable();
	generic_do_syscall(regs, dispatch_64);
	instrumentation_end();

	exit_to_user_mode();

	return sysret_restores(regs);
}
