// SPDX-License-Identifier: GPL-2.0-only
/* One-time work before and after a system call, for tasks that have some */

#include <linux/audit.h>
#include <linux/entry-common.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <linux/syscall_user_dispatch.h>

#define CREATE_TRACE_POINTS
#include <trace/events/syscalls.h>

#ifdef CONFIG_AUDITSYSCALL
/* As audit_context(), but reads current again at each use */
static __always_inline bool audited(void)
{
	return arch_syscall_current()->audit_context;
}

static void audit_enter(struct pt_regs *regs)
{
	unsigned long args[6];

	syscall_get_arguments(current, regs, args);
	__audit_syscall_entry(syscall_get_nr(current, regs),
			      args[0], args[1], args[2], args[3]);
}

static void audit_exit(struct pt_regs *regs)
{
	__audit_syscall_exit(is_syscall_success(regs), regs_return_value(regs));
}
#else
static inline bool audited(void) { return false; }
static inline void audit_enter(struct pt_regs *regs) { }
static inline void audit_exit(struct pt_regs *regs) { }
#endif

/* Work that takes long anyway, or is pending for a short time only */
#define LESS_FREQUENT	(SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EMU |	\
			 SYSCALL_WORK_SYSCALL_RSEQ_SLICE)

static noinline bool enter_less_frequent(struct pt_regs *regs, unsigned long work)
{
	/* Any syscall ends an extended time slice, and stops its timer */
	if (work & SYSCALL_WORK_SYSCALL_RSEQ_SLICE)
		rseq_syscall_enter_work(syscall_get_nr(current, regs));

	if (!(work & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EMU)))
		return true;

	/* With SYSEMU the tracer emulates the call */
	if (!arch_ptrace_report_syscall_permit_entry(regs) || (work & SYSCALL_WORK_SYSCALL_EMU))
		return false;

	arch_syscall_preset(regs, syscall_get_nr(current, regs));
	return true;
}

/**
 * syscall_enter_work - Do a task's one-time work before a syscall
 * @regs:	Register state at entry, with the result preset to -ENOSYS
 * @work:	The task's SYSCALL_WORK bits
 *
 * The slow path on entry. Its order is ABI. User dispatch comes first: the calls
 * that it catches may belong to another ABI, so nothing else may see them. Then
 * ptrace, so that seccomp checks the call as the tracer has changed it. Tracepoint
 * and audit come last and see the call that will be executed. They do not see a
 * call that was forbidden before.
 *
 * Context: Task context, interrupts enabled. May sleep.
 * Return: true if the syscall is to be made, with the number that @regs now
 *	   have. false if it is to be skipped.
 */
bool syscall_enter_work(struct pt_regs *regs, unsigned long work)
{
	if (unlikely(work & (SYSCALL_WORK_SYSCALL_USER_DISPATCH | LESS_FREQUENT))) {
		if ((work & SYSCALL_WORK_SYSCALL_USER_DISPATCH) && syscall_user_dispatch(regs))
			return false;

		if (work & LESS_FREQUENT) {
			if (!enter_less_frequent(regs, work))
				return false;
			/* A tracer may have changed it while the task was stopped */
			work = READ_ONCE(current_thread_info()->syscall_work);
		}
	}

	if ((work & SYSCALL_WORK_SECCOMP) && !__seccomp_permit_syscall())
		return false;

	if (work & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_sys_enter(regs, syscall_get_nr(current, regs));

	if (audited())
		audit_enter(regs);
	return true;
}

/* Not inline: they use registers that callers would have to save in any case */
static noinline void trace_exit(struct pt_regs *regs)
{
	trace_sys_exit(regs, syscall_get_return_value(current, regs));
}

static noinline void report_exit(struct pt_regs *regs, unsigned long work)
{
	/* With SYSEMU the stop on entry has reported this instruction */
	bool step = (work & SYSCALL_WORK_SYSCALL_EXIT_TRAP) && !(work & SYSCALL_WORK_SYSCALL_EMU);

	if (step || (work & SYSCALL_WORK_SYSCALL_TRACE))
		arch_ptrace_report_syscall_exit(regs, step);
}

/* After a call that was made, or that was forbidden, but not by user dispatch */
static __always_inline void exit_work_made(struct pt_regs *regs)
{
	if (audited())
		audit_exit(regs);

	if (syscall_work_now() & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_exit(regs);

	if (syscall_work_now() & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EXIT_TRAP))
		report_exit(regs, READ_ONCE(current_thread_info()->syscall_work));
}

/**
 * syscall_exit_work - Do a task's one-time work after a syscall
 * @regs:	Register state to which user mode will return
 * @work:	The task's SYSCALL_WORK bits
 *
 * The slow path of syscall_exit_to_user_mode_work().
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void syscall_exit_work(struct pt_regs *regs, unsigned long work)
{
	/* Rolled back by user dispatch: no syscall on entry, and none on exit */
	if ((work & SYSCALL_WORK_SYSCALL_USER_DISPATCH) &&
	    syscall_user_dispatch_clear_on_dispatch())
		return;

	exit_work_made(regs);
}

/* The exit work, after the one-time work */
static __always_inline unsigned long exit_loop(struct pt_regs *regs)
{
	unsigned long ti_work;

	local_irq_disable();
	tick_nohz_user_enter_prepare();
	ti_work = READ_ONCE(task_thread_info(arch_syscall_current())->flags);
	if (unlikely(ti_work & EXIT_TO_USER_MODE_ANY))
		ti_work = exit_to_user_mode_loop(regs, ti_work);

	return ti_work;
}

/*
 * The two words are tested together. Some work on entry lasts as long as its task,
 * such as a seccomp filter. Its bits must not look like bits of exit work: each
 * syscall would take the slow path.
 */
#ifdef CONFIG_HAVE_GENERIC_TIF_BITS
static_assert(!(EXIT_TO_USER_MODE_ANY & SYSCALL_WORK_ENTER & ~SYSCALL_WORK_EXIT_MADE));
#endif
/* Late work alone takes a short cut, so it must not look like one-time work */
static_assert(!(ARCH_EXIT_TO_USER_MODE_LATE & SYSCALL_WORK_EXIT));

/**
 * syscall_exit_all_work - End a syscall that has one-time work to be done
 * @regs:	Register state to which user mode will return
 *
 * Replaces syscall_exit_look(), if it is known that there is one-time work. Not after
 * a call that user dispatch may have rolled back.
 *
 * Context: Task context. Interrupts enabled on entry, disabled on return. May
 *	    sleep.
 * Return: As exit_to_user_mode_loop().
 */
unsigned long syscall_exit_all_work(struct pt_regs *regs)
{
	syscall_exit_checks(regs);
	exit_work_made(regs);
	return exit_loop(regs);
}

/**
 * syscall_exit_skipped - End a syscall that was not made
 * @regs:	Register state to which user mode will return
 *
 * Context: Task context. Interrupts enabled on entry, disabled on return. May
 *	    sleep.
 * Return: As exit_to_user_mode_loop().
 */
unsigned long syscall_exit_skipped(struct pt_regs *regs)
{
	unsigned long work = READ_ONCE(current_thread_info()->syscall_work);

	syscall_exit_checks(regs);
	if (work & SYSCALL_WORK_EXIT)
		syscall_exit_work(regs, work);
	return exit_loop(regs);
}

/**
 * syscall_exit_any_work - Do what is pending when a syscall ends
 * @regs:	Register state to which user mode will return
 * @pending:	TIF bits and SYSCALL_WORK bits, ORed
 *
 * The slow path of syscall_exit_look().
 *
 * Context: Task context. Interrupts disabled on entry and on return, enabled in
 *	    between. May sleep.
 * Return: As exit_to_user_mode_loop().
 */
unsigned long syscall_exit_any_work(struct pt_regs *regs, unsigned long pending)
{
	unsigned long work;

	/* Late work alone does not need the loop, see exit_to_user_mode_loop() */
	if (ARCH_EXIT_TO_USER_MODE_LATE &&
	    !(pending & (EXIT_TO_USER_MODE_WORK | SYSCALL_WORK_EXIT)))
		return arch_exit_to_user_mode_late(pending & ARCH_EXIT_TO_USER_MODE_LATE);

	work = READ_ONCE(current_thread_info()->syscall_work);
	if (likely(!(work & SYSCALL_WORK_EXIT)))
		return exit_to_user_mode_loop(regs, read_thread_flags());

	local_irq_enable();
	syscall_exit_work(regs, work);
	return exit_loop(regs);
}
