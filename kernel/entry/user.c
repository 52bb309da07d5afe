// SPDX-License-Identifier: GPL-2.0-only
/* Work on the return to user mode, for system calls and interrupts alike */

#include <linux/futex.h>
#include <linux/irq-entry-common.h>
#include <linux/livepatch.h>
#include <linux/resume_user_mode.h>
#include <linux/sched.h>
#include <linux/uprobes.h>

/*
 * If rseq has its own TIF bit, it is handled after the loop, with interrupts
 * disabled. If not, it uses TIF_NOTIFY_RESUME, which the loop must clear.
 */
#ifdef CONFIG_HAVE_GENERIC_TIF_BITS
#define LOOP_WORK	(EXIT_TO_USER_MODE_WORK & ~_TIF_RSEQ)
#else
#define LOOP_WORK	EXIT_TO_USER_MODE_WORK
#endif

/*
 * A task in a critical section may ask for a little more time instead of being
 * scheduled out, if rescheduling is the only pending work. On PREEMPT_RT only lazy
 * rescheduling may be put off: the delay adds to the worst-case scheduling latency.
 * An extension shorter than the kernel's longest section with preemption disabled
 * would not, but that length depends on the hardware.
 */
#define SLICE_EXT_PUTS_OFF \
	(_TIF_NEED_RESCHED_LAZY | (IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : _TIF_NEED_RESCHED))
#define SLICE_EXT_DENIED	(EXIT_TO_USER_MODE_WORK & ~SLICE_EXT_PUTS_OFF)

/* Do each item of work in @ti_work. Returns the TIF bits that are set afterwards. */
static unsigned long exit_work_round(struct pt_regs *regs, unsigned long ti_work)
{
	local_irq_enable();

	if ((ti_work & (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)) &&
	    !rseq_grant_slice_extension(ti_work, SLICE_EXT_DENIED))
		schedule();

	/* Before signals: a frame must not contain the ip after the breakpoint */
	if (ti_work & _TIF_UPROBE)
		uprobe_notify_resume(regs);

	/* No function that can be patched is on the task's stack, so it can be switched */
	if (ti_work & _TIF_PATCH_PENDING)
		klp_update_patch_state(current);

	if (ti_work & _TIF_SYSCALL_STEP)
		arch_syscall_step(regs);

	if (ti_work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) {
		/* Needs the interrupted user ip, which signal delivery changes */
		futex_fixup_robust_unlock(regs);
		arch_do_signal_or_restart(regs);
	}

	/* Task work, cgroup throttling, rseq's slow path */
	if (ti_work & _TIF_NOTIFY_RESUME)
		resume_user_mode_work(regs);

	arch_exit_to_user_mode_work(regs, ti_work);

	/* From here on, new work that cannot wait sends an interrupt */
	local_irq_disable();
	tick_nohz_user_enter_prepare();

	return read_thread_flags();
}

/**
 * exit_to_user_mode_loop - Do pending TIF work until there is none
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits, read with interrupts disabled
 *
 * The slow path of exit_to_user_mode_prepare().
 *
 * Context: Task context. Interrupts disabled on entry and on return, enabled
 *	    in between. May sleep.
 * Return: The TIF bits as last read with interrupts disabled. All work for
 *	   EXIT_TO_USER_MODE_WORK is done.
 */
unsigned long exit_to_user_mode_loop(struct pt_regs *regs, unsigned long ti_work)
{
	for (;;) {
		while (ti_work & LOOP_WORK)
			ti_work = exit_work_round(regs, ti_work);

		if (likely(!rseq_exit_to_user_mode_restart(regs, ti_work)))
			return ti_work;

		/* User memory has faulted, or a slice extension has run out */
		ti_work = read_thread_flags();
	}
}
