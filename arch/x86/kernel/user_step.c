// SPDX-License-Identifier: GPL-2.0-only
/* Single steps of user mode that the CPU does not report */

#include <kunit/static_stub.h>

#include <linux/entry-common.h>
#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/uprobes.h>

#include <asm/debugreg.h>
#include <asm/ptrace.h>
#include <asm/siginfo.h>
#include <asm/syscall.h>
#include <asm/user_step.h>

/**
 * user_step_trap - Raise the SIGTRAP of a single step
 * @regs:	Register state behind the instruction that was stepped over
 *
 * In nothing different from the one that the CPU's #DB leads to: it cannot be
 * blocked nor ignored, and a tracer finds the step in DR6.
 *
 * Context: Task context, interrupts enabled.
 */
void user_step_trap(struct pt_regs *regs)
{
	KUNIT_STATIC_STUB_REDIRECT(user_step_trap, regs);

	current->thread.virtual_dr6 = DR_STEP;
	send_sigtrap(regs, 0, TRAP_TRACE);
}

/**
 * emulated_insn_step - Report the single step over an emulated instruction
 * @regs:	Register state behind the instruction
 *
 * To be called when the emulation has succeeded and @regs have been changed
 * accordingly. It does not matter who has set TF: both get a SIGTRAP if the CPU
 * executes the instruction, and a tracer finds out that it is its own. As behind a
 * #DB, uprobes comes first: it steps over copies of instructions.
 *
 * Context: Task context, interrupts enabled.
 * Return: true if there is a SIGTRAP to be delivered.
 */
bool emulated_insn_step(struct pt_regs *regs)
{
	if (likely(!(regs->flags & X86_EFLAGS_TF)))
		return false;

#ifdef CONFIG_UPROBES
	if (uprobe_post_sstep_notifier(regs))
		return false;
#endif

	user_step_trap(regs);
	return true;
}

/**
 * syscall_step_begin - Note a syscall that was made with TF set
 *
 * Only a step of the program's own: the exit from the syscall reports one that a
 * tracer has asked for, see SYSCALL_WORK_SYSCALL_EXIT_TRAP.
 *
 * Context: Task context, interrupts enabled.
 */
void syscall_step_begin(void)
{
	if (!test_thread_flag(TIF_FORCED_TF))
		set_thread_flag(TIF_SYSCALL_STEP);
}

/*
 * Whether delivery of signals has yet to say what becomes of the syscall. A trap
 * raised before would have a handler, for which a restart turns into -EINTR. And
 * a temporary mask may block SIGTRAP, which makes a forced one fatal.
 */
static bool syscall_undecided(struct pt_regs *regs)
{
	/* Then nobody will decide: a result that asks for a restart is made up by a tracer */
	if (!signal_pending(current))
		return false;

	if (test_restore_sigmask())
		return true;

	/* What sigreturn has restored is no result */
	if (syscall_get_nr(current, regs) == -1)
		return false;

	switch (syscall_get_error(current, regs)) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return true;
	default:
		return false;
	}
}

/**
 * syscall_step_take - Raise the trap of a step over a syscall, if it is due
 * @regs:	Register state to which user mode will return
 *
 * It is due if TF is still set, and not by a tracer: sigreturn and execve give the
 * program another set of flags.
 *
 * Context: Task context, interrupts enabled.
 * Return: true if there is a SIGTRAP to be delivered.
 */
bool syscall_step_take(struct pt_regs *regs)
{
	syscall_step_drop();

	if (test_thread_flag(TIF_FORCED_TF))
		return false;

	if (emulated_insn_step(regs))
		return true;

	/* In this round of the exit loop its turn is over, and signals must not come first */
	if (test_thread_flag(TIF_UPROBE))
		uprobe_notify_resume(regs);
	return false;
}

/**
 * arch_syscall_step - Complete a single step over a system call
 * @regs:	Register state to which user mode will return
 *
 * If the syscall is undecided, arch_do_signal_or_restart() comes behind this, in this
 * round of the exit loop or the next: it either drops the step or decides.
 *
 * Context: Task context, interrupts enabled.
 */
void arch_syscall_step(struct pt_regs *regs)
{
	if (!syscall_undecided(regs))
		syscall_step_take(regs);
}
