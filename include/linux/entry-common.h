/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls: the call, and the one-time work before and after it.
 *
 * generic_do_syscall() does everything between the transition from user mode and
 * the one back to it. Transitions and exit work are in entry-user.h, because system
 * calls share them with interrupts.
 */
#ifndef _LINUX_ENTRY_COMMON_H
#define _LINUX_ENTRY_COMMON_H

#include <linux/bug.h>
#include <linux/context_tracking.h>
#include <linux/irq-entry-common.h>
#include <linux/ptrace.h>
#include <linux/randomize_kstack.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
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

/* One-time work after the call: syscall_exit_work() */
#define SYSCALL_WORK_EXIT	(SYSCALL_WORK_SYSCALL_AUDIT |		\
				 SYSCALL_WORK_SYSCALL_TRACEPOINT |	\
				 SYSCALL_WORK_SYSCALL_TRACE |		\
				 SYSCALL_WORK_SYSCALL_EXIT_TRAP)

#ifndef arch_ptrace_report_syscall_permit_entry
/**
 * arch_ptrace_report_syscall_permit_entry - Tell the tracer that a syscall begins
 * @regs:	Register state at entry
 *
 * An architecture replaces it if its tracers expect something else than
 * ptrace_report_syscall_permit_entry() does.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer resumes it.
 * Return: true if the syscall is to be made, false if it is to be skipped.
 */
static __always_inline bool arch_ptrace_report_syscall_permit_entry(struct pt_regs *regs)
{
	return ptrace_report_syscall_permit_entry(regs);
}
#endif

#ifndef arch_ptrace_report_syscall_exit
/**
 * arch_ptrace_report_syscall_exit - Tell the tracer that a syscall has ended
 * @regs:	Register state to which user mode will return
 * @step:	Nonzero: report a single step instead of a syscall's exit
 *
 * An architecture replaces it if its tracers expect something else than
 * ptrace_report_syscall_exit() does.
 *
 * Context: Task context, interrupts enabled. Sleeps until the tracer resumes it.
 */
static __always_inline void arch_ptrace_report_syscall_exit(struct pt_regs *regs, int step)
{
	ptrace_report_syscall_exit(regs, step);
}
#endif

#ifndef arch_syscall_enter
/**
 * arch_syscall_enter - Architecture's hook at the start of a syscall
 * @regs:	Register state as user mode left it
 *
 * Runs first in generic_do_syscall(), before anything can change @regs. Keep it
 * short, because every syscall executes it.
 *
 * Context: Task context, interrupts enabled.
 */
static __always_inline void arch_syscall_enter(struct pt_regs *regs) { }
#endif

#ifndef arch_syscall_nr
/**
 * arch_syscall_nr - Number of the syscall that is to be made
 * @regs:	Register state
 *
 * Read after everything that may change the number. On most architectures,
 * syscall_get_nr() returns an int. If the ABI says that the number is a whole register,
 * they replace this function. Otherwise a number with high bits set becomes the call of
 * its low bits.
 *
 * Context: Task context, interrupts enabled.
 * Return: The number, for the dispatch function of generic_do_syscall()
 */
static __always_inline long arch_syscall_nr(struct pt_regs *regs)
{
	return syscall_get_nr(current, regs);
}
#endif

bool syscall_enter_work(struct pt_regs *regs);
void syscall_exit_work(struct pt_regs *regs);

/**
 * enter_from_user_mode_randomize_stack - Enter for a syscall, and move the stack
 * @regs:	Register state of the user context
 *
 * enter_from_user_mode(), then add a random offset to the stack pointer. A macro,
 * because the offset lasts as long as the stack frame in which it is added, and
 * that must be the frame of the function that makes the call.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled, also on return.
 */
#define enter_from_user_mode_randomize_stack(regs)		\
	({							\
		enter_from_user_mode(regs);			\
								\
		/* May be instrumented */			\
		instrumentation_begin();			\
		add_random_kstack_offset_irqsoff();		\
		instrumentation_end();				\
	})

/**
 * syscall_work_now - The task's one-time work
 *
 * A plain load, so that the compiler can test the bits in memory. A change by another
 * task is seen at the next look if this one misses it.
 *
 * Context: Any.
 * Return: SYSCALL_WORK bits
 */
static __always_inline unsigned long syscall_work_now(void)
{
	/* Tested once and not kept: a torn or repeated load does no harm */
	return data_race(current_thread_info()->syscall_work);
}

/**
 * syscall_enter_permits - One-time work before a syscall: is it to be made?
 * @regs:	Register state at entry. The result may be preset to -ENOSYS
 *
 * Context: Task context, interrupts enabled. May sleep.
 * Return: true if the syscall is to be made. false if it is to be skipped: then
 *	   the result may have been set and must stay as it is.
 */
static __always_inline bool syscall_enter_permits(struct pt_regs *regs)
{
	arch_syscall_enter(regs);

	return likely(!(syscall_work_now() & SYSCALL_WORK_ENTER)) || syscall_enter_work(regs);
}

/**
 * syscall_exit_to_user_mode_work - Checks and one-time work after a syscall
 * @regs:	Register state to which user mode will return
 *
 * Must run exactly once for each system call, even if the call was skipped, and
 * for the first return of a new task, which only arm64 leaves out.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
static __always_inline void syscall_exit_to_user_mode_work(struct pt_regs *regs)
{
	if (IS_ENABLED(CONFIG_PROVE_LOCKING) &&
	    WARN(irqs_disabled(), "syscall %ld left interrupts disabled",
		 (long)syscall_get_nr(current, regs)))
		local_irq_enable();

	/* Does nothing unless rseq debugging is enabled */
	rseq_debug_syscall_return(regs);

	if (unlikely(syscall_work_now() & SYSCALL_WORK_EXIT))
		syscall_exit_work(regs);
}

/**
 * generic_do_syscall - Make a system call, with all work around it
 * @regs:	Register state at entry. The result may be preset to -ENOSYS
 * @dispatch:	Architecture's function that makes the call @nr and puts its
 *		result into @regs. -ENOSYS, unless preset, if there is no such call.
 *		Must be __always_inline, so that no indirect call remains
 *
 * Work on entry: user dispatch, rseq slice, ptrace, seccomp, tracepoint, audit.
 * User dispatch, ptrace and seccomp may forbid the call. Work on exit: audit,
 * tracepoint, ptrace, and then the exit work that a syscall shares with an
 * interrupt. The caller does the transitions before and after it. Inline up to the
 * tests for work, because each syscall executes that part.
 *
 * Context: Task context. Interrupts enabled on entry, disabled on return. May
 *	    sleep.
 */
static __always_inline void generic_do_syscall(struct pt_regs *regs,
					       void (*dispatch)(struct pt_regs *regs, long nr))
{
	if (likely(syscall_enter_permits(regs)))
		dispatch(regs, arch_syscall_nr(regs));

	syscall_exit_to_user_mode_work(regs);
	local_irq_disable();
	exit_to_user_mode_prepare(regs, USER_EXIT_SYSCALL);
}

/**
 * syscall_exit_to_user_mode - Return to user mode from a syscall
 * @regs:	Register state to which user mode will return
 *
 * One-time work, exit work and transition, in this order. For system calls that
 * generic_do_syscall() does not make, and for the first return of a new task.
 *
 * Context: noinstr, on the task's stack. Interrupts enabled on entry, disabled
 *	    on return. May sleep.
 */
static __always_inline void syscall_exit_to_user_mode(struct pt_regs *regs)
{
	instrumentation_begin();
	syscall_exit_to_user_mode_work(regs);
	local_irq_disable();
	exit_to_user_mode_prepare(regs, USER_EXIT_SYSCALL);
	instrumentation_end();
	exit_to_user_mode();
}

#endif /* _LINUX_ENTRY_COMMON_H */
