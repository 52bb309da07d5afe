// SPDX-License-Identifier: GPL-2.0-only
/* Work on the way out to user mode, for system calls and interrupts alike */

#include <linux/futex.h>
#include <linux/irq-entry-common.h>
#include <linux/livepatch.h>
#include <linux/resume_user_mode.h>
#include <linux/sched.h>
#include <linux/uprobes.h>

/*
 * With a TIF bit of its own, rseq is handled behind the loop with interrupts
 * disabled. Without, it shares TIF_NOTIFY_RESUME, which the loop has to clear.
 */
#ifdef CONFIG_HAVE_GENERIC_TIF_BITS
#define LOOP_WORK	(EXIT_TO_USER_MODE_WORK & ~_TIF_RSEQ)
#else
#define LOOP_WORK	EXIT_TO_USER_MODE_WORK
#endif

/*
 * A task in a critical section may ask for a little more time instead of being
 * scheduled out, provided that rescheduling is all that is pending. On RT an
 * urgent request is never put off: the delay would add to the latency.
 */
#define SLICE_EXT_PUTS_OFF \
	(_TIF_NEED_RESCHED_LAZY | (IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : _TIF_NEED_RESCHED))
#define SLICE_EXT_DENIED	(EXIT_TO_USER_MODE_WORK & ~SLICE_EXT_PUTS_OFF)

/* Handle each of the items in @ti_work, and see what has come up meanwhile */
static unsigned long exit_work_round(struct pt_regs *regs, unsigned long ti_work)
{
	local_irq_enable();

	if ((ti_work & (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)) &&
	    !rseq_grant_slice_extension(ti_work, SLICE_EXT_DENIED))
		schedule();

	/* Before signals: a frame must not have the ip behind the breakpoint */
	if (ti_work & _TIF_UPROBE)
		uprobe_notify_resume(regs);

	/* Nothing of the task's is left on the stack: its code can be switched */
	if (ti_work & _TIF_PATCH_PENDING)
		klp_update_patch_state(current);

	if (ti_work & _TIF_SYSCALL_STEP)
		arch_syscall_step(regs);

	if (ti_work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) {
		/* Looks at the user ip, which a signal frame moves */
		futex_fixup_robust_unlock(regs);
		arch_do_signal_or_restart(regs);
	}

	/* Task work, cgroup throttling, rseq's slow path */
	if (ti_work & _TIF_NOTIFY_RESUME)
		resume_user_mode_work(regs);

	arch_exit_to_user_mode_work(regs, ti_work);

	/* What comes up from here on, and cannot wait, sends an interrupt */
	local_irq_disable();
	tick_nohz_user_enter_prepare();

	return read_thread_flags();
}

/**
 * exit_to_user_mode_loop - Do pending TIF work until there is none
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits, read with interrupts disabled
 *
 * The slow path of exit_to_user_mode_prepare(), also for work that has to be done
 * last, when nothing can undo it any more. Such late work can stay as long as its task
 * does, or come with each switch of tasks, so it is done at once if there is no other.
 *
 * Context: Task context. Interrupts disabled on entry and on return, enabled
 *	    in between. May sleep.
 * Return: The TIF bits as last read with interrupts disabled. None of
 *	   EXIT_TO_USER_MODE_WORK needs attention any more.
 */
unsigned long exit_to_user_mode_loop(struct pt_regs *regs, unsigned long ti_work)
{
	bool again;

	if (ARCH_EXIT_TO_USER_MODE_LATE && !(ti_work & EXIT_TO_USER_MODE_WORK))
		return arch_exit_to_user_mode_late(ti_work);

	do {
		while (ti_work & LOOP_WORK)
			ti_work = exit_work_round(regs, ti_work);

		/* If user memory faults, or a slice extension has run out, there is more to do */
		again = rseq_exit_to_user_mode_restart(regs, ti_work);
		if (unlikely(again))
			ti_work = read_thread_flags();
	} while (unlikely(again));

	if (ti_work & ARCH_EXIT_TO_USER_MODE_LATE)
		return arch_exit_to_user_mode_late(ti_work);

	return ti_work;
}
