// SPDX-License-Identifier: GPL-2.0-only
/* The part of x86's exit to user mode that need not be inline */

#include <linux/entry-common.h>
#include <linux/user-return-notifier.h>

#include <asm/io_bitmap.h>

/*
 * Keep both bits until the return to user mode: signal code needs them to restart a
 * compat syscall as one, see selftest ptrace_syscall_32.
 */
static void end_compat(void)
{
	clear_thread_flag(TIF_END_COMPAT);
#ifdef CONFIG_COMPAT
	current_thread_info()->status &= ~(TS_COMPAT | TS_I386_REGS_POKED);
#endif
}

/**
 * x86_exit_late - Act on TIF bits when all work that may sleep is done
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Some of these bits stay set for as long as their task exists. The FPU comes last: once
 * the task's state is in the registers, the kernel must no longer use the FPU.
 *
 * Context: Task context, interrupts disabled. Must not sleep.
 */
void x86_exit_late(unsigned long ti_work)
{
	if (ti_work & _TIF_END_COMPAT)
		end_compat();

	if (ti_work & _TIF_USER_RETURN_NOTIFY)
		fire_user_return_notifiers();

	if (ti_work & _TIF_IO_BITMAP)
		tss_update_io_bitmap();

	if (ti_work & _TIF_NEED_FPU_LOAD)
		switch_fpu_return();
}
