// SPDX-License-Identifier: GPL-2.0-only
/* Single steps in user mode that the CPU does not report */

#include <kunit/static_stub.h>

#include <linux/cleanup.h>
#include <linux/entry-common.h>
#include <linux/errno.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/spinlock.h>
#include <linux/uprobes.h>

#include <asm/debugreg.h>
#include <asm/ptrace.h>
#include <asm/siginfo.h>
#include <asm/syscall.h>
#include <asm/user_step.h>

/**
 * user_step_trap - Raise the SIGTRAP of a single step
 * @regs:	Register state after the instruction that was stepped over
 *
 * The same signal as after a #DB: it is forced, so it cannot be blocked or ignored,
 * and DR6.BS is set for tracers.
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
 * @regs:	Register state after the instruction
 *
 * Call it when the emulation has succeeded and @regs are updated. TF may be set by the
 * program or by a tracer: both get a SIGTRAP, as if the CPU had executed the
 * instruction, and a tracer can tell that the step is its own. As after a #DB, uprobes
 * comes first, because it steps over copies of instructions. A synchronous signal
 * replaces the trap. Only a system call can succeed with such a signal pending.
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

	if (synchronous_signal_pending())
		return false;

	user_step_trap(regs);
	return true;
}

/* The state of uprobes if it steps over a copy of an instruction, else NULL */
static struct uprobe_task *stepping_uprobe(void)
{
#ifdef CONFIG_UPROBES
	if (unlikely(current->utask && current->utask->active_uprobe))
		return current->utask;
#endif
	return NULL;
}

/* For TF set: whether the program has set it, and not a tracer or uprobes */
static bool program_has_tf(const struct uprobe_task *uprobe)
{
#ifdef CONFIG_UPROBES
	if (uprobe && !uprobe->autask.saved_tf)
		return false;
#endif
	return !test_thread_flag(TIF_FORCED_TF);
}

/* SYSCALL has copied the flags to R11: hide a TF there that is not the program's */
static void hide_tf_in_r11(struct pt_regs *regs)
{
#ifdef CONFIG_X86_64
	/* INT $0x80 does not change R11. Nor does SYSCALL with FRED. */
	if (!in_ia32_syscall() && regs->r11 == regs->flags)
		regs->r11 &= ~X86_EFLAGS_TF;
#endif
}

/**
 * syscall_step_begin - Note a syscall that was made with TF set
 * @regs:	Register state as user mode left it
 *
 * Only for the program's own step. The exit from the syscall reports a tracer's step,
 * see SYSCALL_WORK_SYSCALL_EXIT_TRAP. If uprobes steps over a copy of the instruction,
 * it must always be told. It reports the step itself if TF was set before.
 *
 * Context: Task context, interrupts enabled.
 */
void syscall_step_begin(struct pt_regs *regs)
{
	const struct uprobe_task *uprobe = stepping_uprobe();
	const bool own = program_has_tf(uprobe);

	if (own || uprobe)
		set_thread_flag(TIF_SYSCALL_STEP);
	if (!own)
		hide_tf_in_r11(regs);
}

/* Whether the result requests a restart of the syscall */
static bool wants_restart(struct pt_regs *regs)
{
	/* After sigreturn AX is not a result */
	if (syscall_get_nr(current, regs) < 0)
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

/*
 * Whether signal delivery must still decide how the syscall ends. If the trap was
 * raised before that, its handler could turn a restart into -EINTR. And a temporary
 * mask may block SIGTRAP, which makes a forced SIGTRAP fatal.
 */
static bool syscall_undecided(struct pt_regs *regs)
{
	/* Nothing to decide: a result that requests a restart was set by a tracer */
	if (!signal_pending(current))
		return false;

	return test_restore_sigmask() || wants_restart(regs);
}

/* Only exec and exit of the task itself replace it */
static struct sighand_struct *own_sighand(void)
{
	return rcu_dereference_protected(current->sighand, true);
}

/* Whether a handler with these flags ends the syscall, so that it is not restarted */
static bool handler_ends_syscall(struct pt_regs *regs, unsigned long sa_flags)
{
	if (!wants_restart(regs))
		return true;

	switch (syscall_get_error(current, regs)) {
	case -ERESTARTNOINTR:
		return false;
	case -ERESTARTSYS:
		return !(sa_flags & SA_RESTART);
	default:
		return true;
	}
}

static bool has_handler(int sig)
{
	const struct sigaction *sa = &own_sighand()->action[sig - 1].sa;

	return sa->sa_handler != SIG_DFL && sa->sa_handler != SIG_IGN;
}

static bool trap_handler_blocks(int sig)
{
	struct sigaction *sa = &own_sighand()->action[SIGTRAP - 1].sa;

	return has_handler(SIGTRAP) && (sigismember(&sa->sa_mask, sig) ||
					(sig == SIGTRAP && !(sa->sa_flags & SA_NODEFER)));
}

/*
 * Whether the next signal has a handler that ends the syscall, and can wait until
 * SIGTRAP's handler, which blocks it, has returned. It cannot wait if only the
 * temporary mask unblocks it. If a tracer may discard it or another thread may take
 * it, it is not known yet whether its handler will run here.
 */
static bool ended_by_waiting_signal(struct pt_regs *regs)
{
	int sig;

	if (current->ptrace)
		return false;

	guard(spinlock_irq)(&own_sighand()->siglock);

	sig = next_signal(&current->pending, &current->blocked);
	if (!sig && thread_group_empty(current))
		sig = next_signal(&current->signal->shared_pending, &current->blocked);

	if (!sig || !has_handler(sig) || !trap_handler_blocks(sig))
		return false;

	if (test_restore_sigmask() && sigismember(&current->saved_sigmask, sig))
		return false;

	return handler_ends_syscall(regs, own_sighand()->action[sig - 1].sa.sa_flags);
}

/**
 * syscall_step_take - Raise the trap of a step over a syscall, if it is due
 * @regs:	Register state to which user mode will return
 *
 * It is due if TF is still set, and not by a tracer. sigreturn and execve replace the
 * program's flags.
 *
 * Context: Task context, interrupts enabled.
 * Return: true if there is a SIGTRAP to be delivered.
 */
bool syscall_step_take(struct pt_regs *regs)
{
	syscall_step_drop();

	if (test_thread_flag(TIF_FORCED_TF) && !stepping_uprobe())
		return false;

	if (emulated_insn_step(regs))
		return true;

	/* This round of the exit loop is past uprobes, which must run before signals */
	if (test_thread_flag(TIF_UPROBE))
		uprobe_notify_resume(regs);
	return false;
}

/**
 * syscall_step_traced - Whether a tracer's step over a syscall is to be reported now
 * @regs:	Register state to which user mode will return
 *
 * If a tracer and the program step over the same syscall, one report is enough: the
 * tracer's. But while SIGTRAP is blocked, forcing it would remove the program's handler,
 * so leave the report to the program's step, which waits for the end of a temporary
 * mask. No stop is due if the syscall ends in a synchronous signal, see
 * emulated_insn_step(), or while uprobes is stepping. If there is a stop, DR6.BS is set,
 * as after any other instruction.
 *
 * Context: Task context, interrupts enabled.
 * Return: true if the step is to be reported, false if not.
 */
bool syscall_step_traced(struct pt_regs *regs)
{
	if (stepping_uprobe())
		return false;

	if (test_thread_flag(TIF_SYSCALL_STEP) && sigismember(&current->blocked, SIGTRAP))
		return false;

	syscall_step_drop();
	if (synchronous_signal_pending())
		return false;

	current->thread.virtual_dr6 = DR_STEP;
	return true;
}

/**
 * arch_syscall_step - Complete a single step over a system call
 * @regs:	Register state to which user mode will return
 *
 * If the syscall is undecided, arch_do_signal_or_restart() decides in this round of the
 * exit loop or in the next one. It drops the step if the syscall is restarted, else the
 * trap is raised. But if a handler ends the syscall and must wait for SIGTRAP's handler,
 * the syscall ends here and the signal stays pending.
 */
void arch_syscall_step(struct pt_regs *regs)
{
	if (syscall_undecided(regs)) {
		if (!ended_by_waiting_signal(regs))
			return;

		if (wants_restart(regs))
			regs->ax = -EINTR;
		restore_saved_sigmask();
	}

	syscall_step_take(regs);
}
