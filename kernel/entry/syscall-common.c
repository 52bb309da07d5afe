// SPDX-License-Identifier: GPL-2.0-only
/* One-time work before and after a system call, for tasks that have some */

#include <linux/audit.h>
#include <linux/entry-common.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <linux/syscall_user_dispatch.h>

#define CREATE_TRACE_POINTS
#include <trace/events/syscalls.h>

static void audit_enter(struct pt_regs *regs)
{
	unsigned long args[6];

	syscall_get_arguments(current, regs, args);
	audit_syscall_entry(syscall_get_nr(current, regs), args[0], args[1], args[2], args[3]);
}

/*
 * The noinline functions here need registers that must be saved. If they were inline,
 * syscall_enter_work() and syscall_exit_work() would save them in any case.
 */
static noinline bool tracer_permits(struct pt_regs *regs)
{
	/* The tracer may change the bits while the task is stopped */
	const unsigned long work = READ_ONCE(current_thread_info()->syscall_work);

	/* With SYSEMU the tracer emulates the call */
	if (!arch_ptrace_report_syscall_permit_entry(regs) || (work & SYSCALL_WORK_SYSCALL_EMU))
		return false;

	arch_syscall_preset(regs, syscall_get_nr(current, regs));
	return true;
}

static noinline void trace_enter(struct pt_regs *regs)
{
	trace_sys_enter(regs, syscall_get_nr(current, regs));
}

/* A tracepoint that is enabled during seccomp's stop is too late for this call's entry */
static noinline bool filter_and_trace(struct pt_regs *regs)
{
	const bool traced = syscall_work_now() & SYSCALL_WORK_SYSCALL_TRACEPOINT;

	if (!__seccomp_permit_syscall())
		return false;

	if (traced)
		trace_enter(regs);
	return true;
}

/* All work on entry but tracepoint and audit, which only observe the call */
#define MAY_FORBID	(SYSCALL_WORK_ENTER &					\
			 ~(SYSCALL_WORK_SYSCALL_TRACEPOINT | SYSCALL_WORK_SYSCALL_AUDIT))

/* Up to the tracepoint, which sees the call if it is permitted */
static __always_inline bool permitted(struct pt_regs *regs)
{
	if (syscall_work_now() & SYSCALL_WORK_SYSCALL_USER_DISPATCH) {
		/* Still set if the last call was rolled back and then had no work */
		syscall_user_dispatch_clear_on_dispatch();
		if (syscall_user_dispatch(regs))
			return false;
	}

	/* Any syscall ends an extended time slice, and stops its timer */
	if (syscall_work_now() & SYSCALL_WORK_SYSCALL_RSEQ_SLICE)
		rseq_syscall_enter_work(syscall_get_nr(current, regs));

	if ((syscall_work_now() & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EMU)) &&
	    !tracer_permits(regs))
		return false;

	if (syscall_work_now() & SYSCALL_WORK_SECCOMP)
		return filter_and_trace(regs);

	if (syscall_work_now() & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_enter(regs);
	return true;
}

/**
 * syscall_enter_work - Do a task's one-time work before a syscall
 * @regs:	Register state at entry. The result may be preset to -ENOSYS
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
bool syscall_enter_work(struct pt_regs *regs)
{
	if (syscall_work_now() & MAY_FORBID) {
		/* Most tasks with work on entry only have a seccomp filter */
		if ((syscall_work_now() & SYSCALL_WORK_ENTER) == SYSCALL_WORK_SECCOMP)
			return __seccomp_permit_syscall();

		if (!permitted(regs))
			return false;
	} else if (syscall_work_now() & SYSCALL_WORK_SYSCALL_TRACEPOINT) {
		trace_enter(regs);
	}

	if (unlikely(audit_context()))
		audit_enter(regs);

	return true;
}

static noinline void trace_exit(struct pt_regs *regs)
{
	trace_sys_exit(regs, syscall_get_return_value(current, regs));
}

static noinline void report_exit(struct pt_regs *regs)
{
	const unsigned long work = READ_ONCE(current_thread_info()->syscall_work);
	/* With SYSEMU the stop on entry has reported this instruction */
	const bool step = (work & SYSCALL_WORK_SYSCALL_EXIT_TRAP) &&
			  !(work & SYSCALL_WORK_SYSCALL_EMU);

	if (step || (work & SYSCALL_WORK_SYSCALL_TRACE))
		arch_ptrace_report_syscall_exit(regs, step);
}

/**
 * syscall_exit_work - Do a task's one-time work after a syscall
 * @regs:	Register state to which user mode will return
 *
 * The slow path on exit.
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void syscall_exit_work(struct pt_regs *regs)
{
	/* Rolled back by user dispatch: no syscall on entry, and none on exit */
	if ((syscall_work_now() & SYSCALL_WORK_SYSCALL_USER_DISPATCH) &&
	    syscall_user_dispatch_clear_on_dispatch())
		return;

	audit_syscall_exit(regs);

	if (syscall_work_now() & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_exit(regs);

	if (syscall_work_now() & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EXIT_TRAP))
		report_exit(regs);
}
