// SPDX-License-Identifier: GPL-2.0-only
/* One-time work around a system call, for tasks that have some */

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

	if (likely(!audit_context()))
		return;

	syscall_get_arguments(current, regs, args);
	audit_syscall_entry(syscall_get_nr(current, regs),
			    args[0], args[1], args[2], args[3]);
}

/**
 * syscall_enter_work - Do a task's one-time work before a syscall
 * @regs:	Register state at entry, with the result preset to -ENOSYS
 * @work:	The task's SYSCALL_WORK bits
 * @nr:		The syscall's number as user space gave it
 *
 * The slow path of syscall_enter_from_user_mode_work(). Its order is ABI: user
 * dispatch first, since what it catches need not follow this kernel's convention
 * and nobody may take it for a syscall. Then ptrace, so that seccomp judges what
 * the tracer has made of the call. The observers come last and see what will be
 * executed; a call that was forbidden before they do not see at all.
 *
 * Context: Task context, interrupts enabled. May sleep.
 * Return: true if the syscall is to be made, with the number that @regs now
 *	   have. false if it is to be skipped.
 */
bool syscall_enter_work(struct pt_regs *regs, unsigned long work, long nr)
{
	if ((work & SYSCALL_WORK_SYSCALL_USER_DISPATCH) && syscall_user_dispatch(regs))
		return false;

	/* A task that yields its extended time slice does so by a syscall */
	if (work & SYSCALL_WORK_SYSCALL_RSEQ_SLICE)
		rseq_syscall_enter_work(nr);

	if (work & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EMU)) {
		if (!arch_ptrace_report_syscall_permit_entry(regs))
			return false;
		/* The tracer makes the call in the kernel's place */
		if (work & SYSCALL_WORK_SYSCALL_EMU)
			return false;
		/* It had the task stopped, and may have changed what is asked for */
		work = READ_ONCE(current_thread_info()->syscall_work);
	}

	if ((work & SYSCALL_WORK_SECCOMP) && !__seccomp_permit_syscall())
		return false;

	if (work & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_sys_enter(regs, syscall_get_nr(current, regs));

	audit_enter(regs);
	return true;
}

/**
 * syscall_exit_work - Do a task's one-time work behind a syscall
 * @regs:	Register state to which user mode will return
 * @work:	The task's SYSCALL_WORK bits
 *
 * The slow path of syscall_exit_to_user_mode_work().
 *
 * Context: Task context, interrupts enabled. May sleep.
 */
void syscall_exit_work(struct pt_regs *regs, unsigned long work)
{
	bool step;

	/* Rolled back by user dispatch: was no syscall on entry, is none now */
	if ((work & SYSCALL_WORK_SYSCALL_USER_DISPATCH) &&
	    syscall_user_dispatch_clear_on_dispatch())
		return;

	audit_syscall_exit(regs);

	if (work & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		trace_sys_exit(regs, syscall_get_return_value(current, regs));

	/* Under SYSEMU the tracer was told of this instruction on entry */
	step = (work & SYSCALL_WORK_SYSCALL_EXIT_TRAP) && !(work & SYSCALL_WORK_SYSCALL_EMU);
	if (step || (work & SYSCALL_WORK_SYSCALL_TRACE))
		arch_ptrace_report_syscall_exit(regs, step);
}
