/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What system calls and interrupts share on the way from user mode into the kernel
 * and back:
 *
 *  - the transition: lockdep, context tracking and RCU, interrupt flag tracing.
 *    noinstr, interrupts disabled, in the caller's frame.
 *
 *  - the exit work: everything that TIF bits request before user mode runs again,
 *    and the last checks. May be instrumented.
 *
 * Code for system calls only is in entry-common.h, code for interrupts, exceptions
 * and NMIs only is in irq-entry-common.h.
 */
#ifndef _LINUX_ENTRY_USER_H
#define _LINUX_ENTRY_USER_H

/* asm/entry-common.h may include irq-entry-common.h again: set its guard first */
#ifndef _LINUX_IRQ_ENTRY_COMMON_H
#error "Include <linux/irq-entry-common.h> or <linux/entry-common.h> instead."
#endif

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/highmem.h>
#include <linux/hrtimer_rearm.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/kmsan.h>
#include <linux/lockdep.h>
#include <linux/rseq_entry.h>
#include <linux/sched/task_stack.h>
#include <linux/thread_info.h>
#include <linux/tick.h>
#include <linux/unwind_deferred.h>

#include <asm/entry-common.h>

/* Work that the architecture or the configuration does not have is never pending */
#ifndef _TIF_UPROBE
#define _TIF_UPROBE		0
#endif
#ifndef _TIF_PATCH_PENDING
#define _TIF_PATCH_PENDING	0
#endif
#ifndef _TIF_SYSCALL_STEP
#define _TIF_SYSCALL_STEP	0
#endif
#ifndef _TIF_UNWIND
#define _TIF_UNWIND		0
#endif
#ifndef ARCH_EXIT_TO_USER_MODE_WORK
#define ARCH_EXIT_TO_USER_MODE_WORK	0
#endif

/* TIF bits that exit_to_user_mode_loop() handles */
#define EXIT_TO_USER_MODE_WORK					\
	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY |		\
	 _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |			\
	 _TIF_NOTIFY_RESUME | _TIF_UPROBE | _TIF_PATCH_PENDING |	\
	 _TIF_RSEQ | _TIF_SYSCALL_STEP | ARCH_EXIT_TO_USER_MODE_WORK)

/* TIF bits that arch_exit_to_user_mode_late() handles */
#ifndef ARCH_EXIT_TO_USER_MODE_LATE
#define ARCH_EXIT_TO_USER_MODE_LATE	0
#endif

/* TIF bits that are handled after the loop, and may stay set */
#define EXIT_TO_USER_MODE_LATE	(_TIF_UNWIND | ARCH_EXIT_TO_USER_MODE_LATE)

/* A timer interrupt may have deferred arming the timer to the exit */
#ifdef CONFIG_HRTIMER_REARM_DEFERRED
#define EXIT_TO_USER_MODE_REARM	_TIF_HRTIMER_REARM
#else
#define EXIT_TO_USER_MODE_REARM	0
#endif

#ifndef arch_enter_from_user_mode
/**
 * arch_enter_from_user_mode - Architecture's check of the state at entry
 * @regs:	Register state of the interrupted user context
 *
 * Runs first in enter_from_user_mode(). An architecture replaces it with a function
 * and a macro of this name in its asm/entry-common.h. The function must be
 * __always_inline, so that it cannot be instrumented.
 *
 * Context: noinstr. Interrupts disabled, RCU may not be watching.
 */
static __always_inline void arch_enter_from_user_mode(struct pt_regs *regs) { }
#endif

#ifndef arch_exit_to_user_mode
/**
 * arch_exit_to_user_mode - Architecture's last code before user mode
 *
 * exit_to_user_mode() calls it after context tracking has left the kernel; only
 * lockdep's bookkeeping follows. Meant for speculation mitigations. Must be
 * __always_inline, and must not take locks, trace or fault.
 *
 * Context: noinstr. Interrupts disabled, RCU not watching.
 */
static __always_inline void arch_exit_to_user_mode(void) { }
#endif

#ifndef arch_exit_to_user_mode_work
/**
 * arch_exit_to_user_mode_work - Architecture's part of the exit work
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits that this round of the exit loop handles
 *
 * Last step of each round of the exit loop, for ARCH_EXIT_TO_USER_MODE_WORK bits.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
static inline void arch_exit_to_user_mode_work(struct pt_regs *regs,
					       unsigned long ti_work) { }
#endif

#ifndef arch_exit_to_user_mode_late
/**
 * arch_exit_to_user_mode_late - Architecture's work for TIF bits after the exit loop
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Called if a bit of ARCH_EXIT_TO_USER_MODE_LATE is set, and also without such a bit if
 * the exit loop has run. Unlike the loop's bits, these may stay set.
 *
 * Context: Task context, interrupts disabled. Must not sleep and must not
 *	    enable interrupts, because new work would go unnoticed.
 */
static inline void arch_exit_to_user_mode_late(unsigned long ti_work) { }
#endif

#ifndef arch_exit_to_user_mode_prepare
/**
 * arch_exit_to_user_mode_prepare - Architecture's preparation after the exit loop
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Runs once for each return, when no work is pending.
 *
 * Context: Task context, interrupts disabled. Must not sleep and must not
 *	    enable interrupts, because new work would go unnoticed.
 */
static inline void arch_exit_to_user_mode_prepare(struct pt_regs *regs,
						  unsigned long ti_work) { }
#endif

/**
 * arch_syscall_step - Complete a single step over a system call
 * @regs:	Register state to which user mode will return
 *
 * For architectures that define TIF_SYSCALL_STEP, because the CPU does not report
 * this step. exit_to_user_mode_loop() calls it right before signals are delivered:
 * the step's signal is synchronous and therefore the first of them. It clears the
 * bit, unless arch_do_signal_or_restart() must first decide whether the call is
 * restarted, or put back a signal mask.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void arch_syscall_step(struct pt_regs *regs);

/**
 * arch_do_signal_or_restart - Deliver a signal, or set up a syscall's restart
 * @regs:	Register state to which user mode will return
 *
 * Every architecture must provide it. exit_to_user_mode_loop() calls it for
 * TIF_SIGPENDING and TIF_NOTIFY_SIGNAL.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void arch_do_signal_or_restart(struct pt_regs *regs);

unsigned long exit_to_user_mode_loop(struct pt_regs *regs, unsigned long ti_work);

/**
 * entry_trace_irqs_off - Tell tracing of an entry
 * @regs:	Register state of the interrupted context
 *
 * Part of each entry: when the CPU disabled interrupts, tracing could not be told.
 *
 * Context: noinstr, after RCU has started watching. Interrupts disabled.
 */
static __always_inline void entry_trace_irqs_off(struct pt_regs *regs)
{
	instrumentation_begin();
	kmsan_unpoison_entry_regs(regs);
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/**
 * entry_trace_irqs_on_prepare - Tell tracing of a return
 *
 * Part of each exit to a context with interrupts enabled, if RCU no longer watches
 * when lockdep_hardirqs_on() completes it.
 *
 * Context: Interrupts disabled, RCU watching.
 */
static __always_inline void entry_trace_irqs_on_prepare(void)
{
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
}

/**
 * enter_from_user_mode - Tell the kernel of an entry from user mode
 * @regs:	Register state of the interrupted user context
 *
 * The CPU has disabled interrupts, and RCU may not be watching. So lockdep is told
 * first, then context tracking makes RCU watch, and only after that tracing may run.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return. From
 *	    then on the caller may be instrumented, after instrumentation_begin().
 */
static __always_inline void enter_from_user_mode(struct pt_regs *regs)
{
	arch_enter_from_user_mode(regs);

	lockdep_hardirqs_off(CALLER_ADDR0);
	/* Both calls would test this: if it is off, one test is enough */
	if (context_tracking_enabled()) {
		CT_WARN_ON(__ct_state() != CT_STATE_USER);
		user_exit_irqoff();
	}
	entry_trace_irqs_off(regs);
}

/**
 * exit_to_user_mode - Tell the kernel of the return to user mode
 *
 * The mirror image of enter_from_user_mode(). User mode runs with interrupts
 * enabled. Tracing and lockdep are told of that in advance, while RCU still watches;
 * lockdep changes its state when RCU no longer does.
 *
 * Context: noinstr. Interrupts disabled, and must stay so; all exit work is done.
 *	    Only the switch to user mode may follow.
 */
static __always_inline void exit_to_user_mode(void)
{
	instrumentation_begin();
	entry_trace_irqs_on_prepare();
	instrumentation_end();

	if (context_tracking_enabled()) {
		CT_WARN_ON(__ct_state() != CT_STATE_KERNEL);
		user_enter_irqoff();
	}
	arch_exit_to_user_mode();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

/**
 * enum user_exit - What a return to user mode ends
 * @USER_EXIT_SYSCALL:	a system call, or the first return of a new task
 * @USER_EXIT_IRQ:	an interrupt or exception that hit user mode
 */
enum user_exit {
	USER_EXIT_SYSCALL,
	USER_EXIT_IRQ,
};

/**
 * exit_to_user_mode_prepare - Do all work that is pending for user mode
 * @regs:	Register state to which user mode will return
 * @from:	What ends here. Must be a constant: it decides what is compiled
 *
 * Interrupts and system calls differ in two points. A timer interrupt may have
 * deferred arming the timer. It is armed before the exit loop enables interrupts, or
 * as part of rescheduling, if that is pending. And rseq has noted an interrupt.
 *
 * Context: Task context, interrupts disabled on entry and on return; the exit
 *	    loop enables them in between, so it may sleep.
 */
static __always_inline void exit_to_user_mode_prepare(struct pt_regs *regs,
						      const enum user_exit from)
{
	const unsigned long mask = EXIT_TO_USER_MODE_WORK |
				   (from == USER_EXIT_IRQ ? EXIT_TO_USER_MODE_REARM : 0);
	unsigned long ti_work;

	lockdep_assert_irqs_disabled();

	/* May wake the rcuog kthread, which can set TIF_NEED_RESCHED */
	tick_nohz_user_enter_prepare();

	ti_work = read_thread_flags();
	if (unlikely(ti_work & (mask | EXIT_TO_USER_MODE_LATE))) {
		hrtimer_rearm_deferred_user_irq(&ti_work, mask);
		if (ti_work & mask)
			ti_work = exit_to_user_mode_loop(regs, ti_work);
		arch_exit_to_user_mode_late(ti_work);
		unwind_reset_info();
	}

	arch_exit_to_user_mode_prepare(regs, ti_work);

	/* The one for interrupts clears what rseq_note_user_irq_entry() has noted */
	if (from == USER_EXIT_IRQ)
		rseq_irqentry_exit_to_user_mode();
	else
		rseq_syscall_exit_to_user_mode();

	/* User mode must not run with a temporary mapping or a lock of the kernel's */
#ifdef CONFIG_KMAP_LOCAL
	/* The usual case first: kmap_assert_nomap() would test oops_in_progress before */
	if (unlikely(current->kmap_ctrl.idx))
		kmap_assert_nomap();
#endif
	lockdep_assert_irqs_disabled();
	lockdep_sys_exit();
}

#endif /* _LINUX_ENTRY_USER_H */
