/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls: the one-time work around one, and the call itself.
 *
 * generic_do_syscall() is all that lies between the entry from user mode and the
 * exit to it, which are the business of entry-user.h and which a system call
 * shares with an interrupt. The other functions are for architectures with
 * something of their own between the steps.
 */
#ifndef _LINUX_ENTRY_COMMON_H
#define _LINUX_ENTRY_COMMON_H

#include <linux/bug.h>
#include <linux/context_tracking.h>
#include <linux/irq-entry-common.h>
#include <linux/ptrace.h>
#include <linux/randomize_kstack.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include <asm/syscall.h>

/* One-time work before the call: syscall_enter_work() */
#define SYSCALL_WORK_ENTER	(SYSCALL_WORK_SYSCALL_USER_DISPATCH |	\
				 SYSCALL_WORK_SYSCALL_RSEQ_SLICE |	\
				 SYSCALL_WORK_SYSCALL_TRACE |		\
				 SYSCALL_WORK_SYSCALL_EMU |		\
				 SYSCALL_WORK_SECCOMP |			\
				 SYSCALL_WORK_SYSCALL_TRACEPOINT |	\
				 SYSCALL_WORK_SYSCALL_AUDIT)

/* One-time work behind the call: syscall_exit_work() */
#define SYSCALL_WORK_EXIT	(SYSCALL_WORK_SYSCALL_USER_DISPATCH |	\
				 SYSCALL_WORK_SYSCALL_AUDIT |		\
				 SYSCALL_WORK_SYSCALL_TRACEPOINT |	\
				 SYSCALL_WORK_SYSCALL_TRACE |		\
				 SYSCALL_WORK_SYSCALL_EXIT_TRAP)

#ifndef arch_ptrace_report_syscall_permit_entry
/**
 * arch_ptrace_report_syscall_permit_entry - Tell the tracer that a syscall begins
 * @regs:	Register state at entry
 *
 * An architecture replaces it if its tracers expect more than
 * ptrace_report_syscall_permit_entry() does.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer lets go.
 * Return: true if the syscall is to be made, false if it is to be skipped.
 */
static __always_inline bool arch_ptrace_report_syscall_permit_entry(struct pt_regs *regs)
{
	return ptrace_report_syscall_permit_entry(regs);
}

#define arch_ptrace_report_syscall_permit_entry arch_ptrace_report_syscall_permit_entry
#endif

#ifndef arch_ptrace_report_syscall_exit
/**
 * arch_ptrace_report_syscall_exit - Tell the tracer that a syscall has ended
 * @regs:	Register state to which user mode will return
 * @step:	Nonzero: report a single step instead of a syscall's exit
 *
 * An architecture replaces it if its tracers expect more than
 * ptrace_report_syscall_exit() does.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer lets go.
 */
static __always_inline void arch_ptrace_report_syscall_exit(struct pt_regs *regs, int step)
{
	ptrace_report_syscall_exit(regs, step);
}

#define arch_ptrace_report_syscall_exit arch_ptrace_report_syscall_exit
#endif

#ifndef arch_syscall_enter
/**
 * arch_syscall_enter - Architecture's look at the state that made a syscall
 * @regs:	Register state as user mode left it
 *
 * First thing in generic_do_syscall(), before anybody can change @regs. Each
 * syscall pays for what an architecture puts here.
 *
 * Context: Task context, interrupts enabled.
 */
static __always_inline void arch_syscall_enter(struct pt_regs *regs) { }
#define arch_syscall_enter arch_syscall_enter
#endif

bool syscall_enter_work(struct pt_regs *regs, unsigned long work, long nr);
void syscall_exit_work(struct pt_regs *regs, unsigned long work);

/**
 * enter_from_user_mode_randomize_stack - Enter for a syscall, and move the stack
 * @regs:	Register state of the user context
 *
 * enter_from_user_mode() with a random offset to the stack pointer. A macro,
 * because memory on the stack lasts as long as the frame it was taken in, and
 * that has to be the one which encloses the call.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 */
#define enter_from_user_mode_randomize_stack(regs)		\
	({							\
		enter_from_user_mode(regs);			\
								\
		/* Inline, but takes part in tracing */		\
		instrumentation_begin();			\
		add_random_kstack_offset_irqsoff();		\
		instrumentation_end();				\
	})

/**
 * syscall_enter_from_user_mode_work - One-time work before a syscall
 * @regs:	Register state at entry, with the result preset to -ENOSYS
 * @nr:		The syscall's number. Updated, as a tracer may have changed it
 *
 * Context: Task context, interrupts enabled. May sleep.
 * Return: true if the syscall is to be made. false if it is to be skipped: who
 *	   decided that has set the result, which must stay as it is.
 */
static __always_inline bool syscall_enter_from_user_mode_work(struct pt_regs *regs, long *nr)
{
	unsigned long work = READ_ONCE(current_thread_info()->syscall_work);

	if (likely(!(work & SYSCALL_WORK_ENTER)))
		return true;

	if (!syscall_enter_work(regs, work, *nr))
		return false;

	*nr = syscall_get_nr(current, regs);
	return true;
}

/**
 * syscall_enter_from_user_mode_randomize_stack - Enter for a syscall, do its work
 * @regs:	Register state of the user context
 * @nr:		Pointer to the syscall's number, which may be changed
 *
 * For an architecture with nothing to do between the transition and the one-time
 * work. A macro like enter_from_user_mode_randomize_stack(), which it begins
 * with.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled on entry, enabled
 *	    on return. May sleep.
 * Return: As syscall_enter_from_user_mode_work().
 */
#define syscall_enter_from_user_mode_randomize_stack(regs, nr)			\
	({									\
		struct pt_regs *__regs = (regs);				\
		bool __permit;							\
										\
		enter_from_user_mode_randomize_stack(__regs);			\
		instrumentation_begin();					\
		local_irq_enable();						\
		__permit = syscall_enter_from_user_mode_work(__regs, nr);	\
		instrumentation_end();						\
		__permit;							\
	})

/**
 * syscall_exit_to_user_mode_work - One-time work behind a syscall
 * @regs:	Register state to which user mode will return
 *
 * Has to run exactly once for each system call, also for one that was skipped,
 * and for the first return of a new task.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
static __always_inline void syscall_exit_to_user_mode_work(struct pt_regs *regs)
{
	unsigned long work = READ_ONCE(current_thread_info()->syscall_work);

	CT_WARN_ON(ct_state() != CT_STATE_KERNEL);
	if (IS_ENABLED(CONFIG_PROVE_LOCKING) &&
	    WARN(irqs_disabled(), "syscall %ld left interrupts disabled",
		 (long)syscall_get_nr(current, regs)))
		local_irq_enable();

	/* Empty unless rseq debugging is switched on */
	rseq_debug_syscall_return(regs);

	if (unlikely(work & SYSCALL_WORK_EXIT))
		syscall_exit_work(regs, work);
}

/**
 * generic_do_syscall - Make a system call, with all one-time work around it
 * @regs:	Register state at entry, with the result preset to -ENOSYS
 * @nr:		The syscall's number as user space gave it
 * @dispatch:	Architecture's function that makes the call @nr and puts its
 *		result into @regs, or leaves @regs alone if there is no such call.
 *		Has to be __always_inline, so that no indirect call remains
 *
 * Work on entry: user dispatch, rseq slice, ptrace, seccomp, tracepoint, audit.
 * User dispatch, ptrace and seccomp may forbid the call. Work on exit: audit,
 * tracepoint, ptrace. The kernel entry before it and the exit to user mode behind
 * it are the caller's. Inline up to the two tests for work, because the architecture's
 * entry point is where it runs and each syscall passes there.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
static __always_inline void generic_do_syscall(struct pt_regs *regs, long nr,
					       void (*dispatch)(struct pt_regs *regs, long nr))
{
	arch_syscall_enter(regs);

	if (likely(syscall_enter_from_user_mode_work(regs, &nr)))
		dispatch(regs, nr);

	syscall_exit_to_user_mode_work(regs);
}

/**
 * syscall_exit_to_user_mode - Return to user mode from a syscall
 * @regs:	Register state to which user mode will return
 *
 * One-time work, exit work and transition, in this order. For system calls that
 * are not made by generic_do_syscall(), and for the first return of a new task.
 *
 * Context: noinstr, on the task's stack. Interrupts enabled on entry, disabled
 *	    on return. May sleep.
 */
static __always_inline void syscall_exit_to_user_mode(struct pt_regs *regs)
{
	instrumentation_begin();
	syscall_exit_to_user_mode_work(regs);

	/* What comes up from here on, the exit work sees */
	local_irq_disable();
	exit_to_user_mode_prepare(regs, USER_EXIT_SYSCALL);
	instrumentation_end();
	exit_to_user_mode();
}

#endif /* _LINUX_ENTRY_COMMON_H */
