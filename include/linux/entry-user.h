/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way into the kernel from user mode and back, as far as system calls and
 * interrupts have it in common:
 *
 *  - the transition: lockdep, context tracking and RCU, interrupt flag tracing.
 *    noinstr, interrupts disabled, in the caller's frame.
 *
 *  - the exit work: everything that has to be done before user mode runs again
 *    because a TIF bit asks for it, and the last checks. May be instrumented.
 *
 * What is particular to system calls is in entry-common.h, what is particular
 * to interrupts, exceptions and NMIs in irq-entry-common.h.
 */
#ifndef _LINUX_ENTRY_USER_H
#define _LINUX_ENTRY_USER_H

/* asm/entry-common.h may include that one in turn: its guard has to be set first */
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

/* Work that an architecture or a configuration does not know is never pending */
#ifndef _TIF_UPROBE
#define _TIF_UPROBE		0
#endif
#ifndef _TIF_PATCH_PENDING
#define _TIF_PATCH_PENDING	0
#endif
#ifndef _TIF_SYSCALL_STEP
#define _TIF_SYSCALL_STEP	0
#endif
#ifndef ARCH_EXIT_TO_USER_MODE_WORK
#define ARCH_EXIT_TO_USER_MODE_WORK	0
#endif
#ifndef ARCH_EXIT_TO_USER_MODE_LATE
#define ARCH_EXIT_TO_USER_MODE_LATE	0
#endif

/* TIF bits that exit_to_user_mode_loop() takes care of */
#define EXIT_TO_USER_MODE_WORK					\
	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY |		\
	 _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |			\
	 _TIF_NOTIFY_RESUME | _TIF_UPROBE | _TIF_PATCH_PENDING |	\
	 _TIF_RSEQ | _TIF_SYSCALL_STEP | ARCH_EXIT_TO_USER_MODE_WORK)

/* What no return to user mode can pass by without a look */
#define EXIT_TO_USER_MODE_ANY	(EXIT_TO_USER_MODE_WORK | ARCH_EXIT_TO_USER_MODE_LATE)

/* A timer interrupt may have left its timer to be armed on the way out */
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
 * First thing in enter_from_user_mode(). An architecture replaces it by
 * a function and a macro of this name in its asm/entry-common.h, and has to
 * make the function __always_inline to keep it out of reach of instrumentation.
 *
 * Context: noinstr. Interrupts disabled, RCU may not be watching.
 */
static __always_inline void arch_enter_from_user_mode(struct pt_regs *regs) { }
#define arch_enter_from_user_mode arch_enter_from_user_mode
#endif

#ifndef arch_exit_to_user_mode
/**
 * arch_exit_to_user_mode - Architecture's last code before user mode
 *
 * Called by exit_to_user_mode() when context tracking has left the kernel; only
 * lockdep's bookkeeping comes behind it. Meant for speculation mitigations.
 * Has to be __always_inline, and can neither lock nor trace nor fault.
 *
 * Context: noinstr. Interrupts disabled, RCU not watching.
 */
static __always_inline void arch_exit_to_user_mode(void) { }
#define arch_exit_to_user_mode arch_exit_to_user_mode
#endif

#ifndef arch_exit_to_user_mode_work
/**
 * arch_exit_to_user_mode_work - Architecture's part of the exit work
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits that this round of the exit loop handles
 *
 * Last item of each round, for the bits in ARCH_EXIT_TO_USER_MODE_WORK.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
static inline void arch_exit_to_user_mode_work(struct pt_regs *regs,
					       unsigned long ti_work) { }
#define arch_exit_to_user_mode_work arch_exit_to_user_mode_work
#endif

#ifndef arch_exit_to_user_mode_prepare
/**
 * arch_exit_to_user_mode_prepare - Architecture's preparation behind the exit loop
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * Runs once for each return, when no work is pending any more.
 *
 * Context: Task context, interrupts disabled. Must not sleep and must not
 *	    enable interrupts, because nobody would look at new work.
 */
static inline void arch_exit_to_user_mode_prepare(struct pt_regs *regs,
						  unsigned long ti_work) { }
#define arch_exit_to_user_mode_prepare arch_exit_to_user_mode_prepare
#endif

/**
 * arch_exit_to_user_mode_late - Architecture's work that can only be done last
 * @ti_work:	TIF bits as the exit loop saw them last
 *
 * For architectures that have ARCH_EXIT_TO_USER_MODE_LATE: these bits are none
 * of the loop's, as what they ask for would be undone by it, but they share its
 * test. So the common return, which has none of them, does not pay for them.
 *
 * Context: Task context, interrupts disabled. Must not sleep and must not
 *	    enable interrupts, because nobody would look at new work.
 * Return: @ti_work, so that a caller that returns it too can end with this call.
 */
unsigned long arch_exit_to_user_mode_late(unsigned long ti_work);

/**
 * arch_syscall_step - Complete a single step over a system call
 * @regs:	Register state to which user mode will return
 *
 * For architectures that have TIF_SYSCALL_STEP, as they cannot leave this step to
 * the CPU. exit_to_user_mode_loop() calls it right before signals are delivered:
 * the one of a step, being synchronous, is then the first of them. It clears the
 * bit, unless delivery has to decide first whether the call will be restarted;
 * in that case arch_do_signal_or_restart() has to get that done.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void arch_syscall_step(struct pt_regs *regs);

/**
 * arch_do_signal_or_restart - Deliver a signal, or set up a syscall's restart
 * @regs:	Register state to which user mode will return
 *
 * Every architecture has to have one. exit_to_user_mode_loop() calls it for
 * TIF_SIGPENDING and TIF_NOTIFY_SIGNAL.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void arch_do_signal_or_restart(struct pt_regs *regs);

unsigned long exit_to_user_mode_loop(struct pt_regs *regs, unsigned long ti_work);

/**
 * entry_trace_irqs_off - Let tracing know of an entry
 * @regs:	Register state of the interrupted context
 *
 * Part of each entry: the CPU disabled interrupts when nobody could be told.
 *
 * Context: noinstr, behind the point from which on RCU watches. Interrupts
 *	    disabled.
 */
static __always_inline void entry_trace_irqs_off(struct pt_regs *regs)
{
	instrumentation_begin();
	kmsan_unpoison_entry_regs(regs);
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/**
 * entry_trace_irqs_on_prepare - Let tracing know of a return
 *
 * Part of each exit to a context with interrupts enabled, where RCU will not be
 * watching any more when lockdep_hardirqs_on() completes it.
 *
 * Context: Interrupts disabled, RCU watching.
 */
static __always_inline void entry_trace_irqs_on_prepare(void)
{
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
}

/**
 * enter_from_user_mode - Make an entry from user mode known to the kernel
 * @regs:	Register state of the interrupted user context
 *
 * The CPU disabled interrupts on its own and may have come from a context in
 * which RCU does not watch. Hence lockdep hears of it first, then context
 * tracking wakes RCU up, and only after that tracing may run.
 *
 * Context: noinstr, on the task's stack with interrupts disabled, which they
 *	    still are on return. The caller may be instrumented from there on
 *	    if it says so by instrumentation_begin().
 */
static __always_inline void enter_from_user_mode(struct pt_regs *regs)
{
	arch_enter_from_user_mode(regs);

	lockdep_hardirqs_off(CALLER_ADDR0);
	/* Each of the two tests this itself: once is enough where it is off */
	if (context_tracking_enabled()) {
		CT_WARN_ON(__ct_state() != CT_STATE_USER);
		user_exit_irqoff();
	}
	entry_trace_irqs_off(regs);
}

/**
 * exit_to_user_mode - Make the return to user mode known to the kernel
 *
 * The mirror image of enter_from_user_mode(): user mode runs with interrupts
 * enabled, so tracing and lockdep are told that they will be as long as RCU
 * watches, and lockdep takes note when it does not any more.
 *
 * Context: noinstr. Interrupts disabled and to stay so; all exit work is done.
 *	    Nothing but the switch to user mode may follow.
 */
static __always_inline void exit_to_user_mode(void)
{
	instrumentation_begin();
	unwind_reset_info();
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
 * kmap_assert_none - Check that the task has no temporary mapping left
 *
 * kmap_assert_nomap(), which first asks whether an oops is under way, where there
 * is something to complain of.
 *
 * Context: Task context.
 */
static __always_inline void kmap_assert_none(void)
{
#ifdef CONFIG_KMAP_LOCAL
	if (unlikely(current->kmap_ctrl.idx))
		kmap_assert_nomap();
#endif
}

/**
 * exit_to_user_mode_finish - What each return to user mode does behind its work
 * @regs:	Register state to which user mode will return
 * @ti_work:	TIF bits as the exit loop saw them last
 * @from:	What ends here. A constant: it decides what is compiled
 *
 * Context: Task context, interrupts disabled.
 */
static __always_inline void exit_to_user_mode_finish(struct pt_regs *regs,
						     unsigned long ti_work,
						     const enum user_exit from)
{
	arch_exit_to_user_mode_prepare(regs, ti_work);

	/* An interrupt's own: rseq forgets that it noted the entry as one */
	if (from == USER_EXIT_IRQ)
		rseq_irqentry_exit_to_user_mode();
	else
		rseq_syscall_exit_to_user_mode();

	/* Nothing of the kernel's may be left behind */
	kmap_assert_none();
	lockdep_assert_irqs_disabled();
	lockdep_sys_exit();
}

/**
 * exit_to_user_mode_prepare - Do all work that is pending for user mode
 * @regs:	Register state to which user mode will return
 * @from:	What ends here. A constant: it decides what is compiled
 *
 * Interrupts and system calls differ in two points. A timer interrupt may have
 * put off arming the timer, which has to be done before the exit loop enables
 * interrupts. The other is in exit_to_user_mode_finish(). The end of a syscall
 * looks for one-time work by the same test, see syscall_exit_look().
 *
 * Context: Task context, interrupts disabled on entry and on return; the exit
 *	    loop enables them in between, so it may sleep.
 */
static __always_inline void exit_to_user_mode_prepare(struct pt_regs *regs,
						      const enum user_exit from)
{
	const unsigned long mask = EXIT_TO_USER_MODE_ANY |
				   (from == USER_EXIT_IRQ ? EXIT_TO_USER_MODE_REARM : 0);
	unsigned long ti_work;

	lockdep_assert_irqs_disabled();

	/* Its wakeup of the rcuog kthread can set TIF_NEED_RESCHED */
	tick_nohz_user_enter_prepare();

	ti_work = read_thread_flags();
	if (unlikely(ti_work & mask)) {
		hrtimer_rearm_deferred_user_irq(&ti_work, mask);
		if (ti_work & mask)
			ti_work = exit_to_user_mode_loop(regs, ti_work);
	}

	exit_to_user_mode_finish(regs, ti_work, from);
}

/**
 * syscall_exit_to_user_mode_prepare - Exit work behind a syscall
 * @regs:	Register state to which user mode will return
 *
 * For architectures with work of their own between this and exit_to_user_mode().
 *
 * Context: As exit_to_user_mode_prepare().
 */
static __always_inline void syscall_exit_to_user_mode_prepare(struct pt_regs *regs)
{
	exit_to_user_mode_prepare(regs, USER_EXIT_SYSCALL);
}

/**
 * irqentry_exit_to_user_mode_prepare - Exit work behind an interrupt of user mode
 * @regs:	Register state to which user mode will return
 *
 * For architectures with work of their own between this and exit_to_user_mode().
 *
 * Context: As exit_to_user_mode_prepare().
 */
static __always_inline void irqentry_exit_to_user_mode_prepare(struct pt_regs *regs)
{
	exit_to_user_mode_prepare(regs, USER_EXIT_IRQ);
}

#endif /* _LINUX_ENTRY_USER_H */
