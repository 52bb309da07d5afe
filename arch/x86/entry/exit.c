// SPDX-License-Identifier: GPL-2.0-only
/* x86's part of the exit to user mode, where it is not worth being inline */

#include <linux/entry-common.h>
#include <linux/user-return-notifier.h>

#include <asm/io_bitmap.h>

/**
 * x86_exit_work - Act on TIF bits when all work that may sleep is done
 * @ti_work:	TIF bits, one of X86_EXIT_WORK at least
 *
 * The slow path of arch_exit_to_user_mode_prepare(). The FPU comes last: it must
 * not be used in the kernel any more once the task's state is in the registers.
 *
 * Context: Task context, interrupts disabled. Must not sleep.
 */
void x86_exit_work(unsigned long ti_work)
{
	if (ti_work & _TIF_USER_RETURN_NOTIFY)
		fire_user_return_notifiers();

	if (ti_work & _TIF_IO_BITMAP)
		tss_update_io_bitmap();

	if (ti_work & _TIF_NEED_FPU_LOAD)
		switch_fpu_return();
}
