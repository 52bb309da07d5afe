// SPDX-License-Identifier: GPL-2.0-only
/* Entry and exit of interrupts, exceptions and NMIs, out of line */

#include <linux/context_tracking.h>
#include <linux/ftrace_irq.h>
#include <linux/hardirq.h>
#include <linux/irq-entry-common.h>
#include <linux/jump_label.h>
#include <linux/preempt.h>
#include <linux/sched/task_stack.h>
#include <linux/static_call.h>

#ifndef arch_irqentry_exit_need_resched
/**
 * arch_irqentry_exit_need_resched - Architecture's decision on preemption
 *
 * An architecture replaces it if it has reasons not to preempt from an interrupt.
 *
 * Context: Interrupts disabled.
 * Return: true if the interrupted code may be preempted.
 */
static inline bool arch_irqentry_exit_need_resched(void) { return true; }
#endif

/**
 * irqentry_enter - Entry of an interrupt or exception, from user or kernel mode
 * @regs:	Register state of the interrupted context
 *
 * From user mode this is irqentry_enter_from_user_mode(), else
 * irqentry_enter_from_kernel_mode().
 *
 * A page fault in the kernel may sleep. This is why RCU is only told of an entry
 * from kernel mode if it must be: between ct_irq_enter() and ct_irq_exit() nothing
 * may schedule.
 *
 * Context: noinstr. Interrupts disabled. Not for NMIs.
 * Return: State for the matching irqentry_exit().
 */
noinstr irqentry_state_t irqentry_enter(struct pt_regs *regs)
{
	if (!user_mode(regs))
		return irqentry_enter_from_kernel_mode(regs);

	irqentry_enter_from_user_mode(regs);
	return (irqentry_state_t) { };
}

/**
 * irqentry_exit - Return from an interrupt or exception
 * @regs:	Register state of the interrupted context
 * @state:	What irqentry_enter() returned
 *
 * Does all exit work on a return to user mode. Preempts on a return to kernel mode,
 * if that is due.
 *
 * Context: noinstr. Interrupts disabled on entry and on return. May schedule.
 *	    Only the return to the interrupted context may follow.
 */
noinstr void irqentry_exit(struct pt_regs *regs, irqentry_state_t state)
{
	if (!user_mode(regs))
		irqentry_exit_to_kernel_mode(regs, state);
	else
		irqentry_exit_to_user_mode(regs);
}

/**
 * raw_irqentry_exit_cond_resched - Preempt the task that was interrupted, if due
 *
 * irqentry_exit_cond_resched() calls it in a preemptible kernel.
 *
 * Context: Interrupts disabled on entry and on return. May schedule.
 */
void raw_irqentry_exit_cond_resched(void)
{
	if (preempt_count())
		return;

	/* RCU must be watching, and this must be the task's stack */
	rcu_irq_exit_check_preempt();
	WARN_ON_ONCE(IS_ENABLED(CONFIG_DEBUG_ENTRY) && !on_thread_stack());

	if (need_resched() && arch_irqentry_exit_need_resched())
		preempt_schedule_irq();
}

#ifdef CONFIG_PREEMPT_DYNAMIC
#if defined(CONFIG_HAVE_PREEMPT_DYNAMIC_CALL)
DEFINE_STATIC_CALL(irqentry_exit_cond_resched, raw_irqentry_exit_cond_resched);
#elif defined(CONFIG_HAVE_PREEMPT_DYNAMIC_KEY)
DEFINE_STATIC_KEY_TRUE(sk_dynamic_irqentry_exit_cond_resched);

/**
 * dynamic_irqentry_exit_cond_resched - Preempt, if preemption is enabled
 *
 * For architectures that enable and disable preemption with a static key.
 *
 * Context: Interrupts disabled on entry and on return. May schedule.
 */
void dynamic_irqentry_exit_cond_resched(void)
{
	if (static_branch_unlikely(&sk_dynamic_irqentry_exit_cond_resched))
		raw_irqentry_exit_cond_resched();
}
#endif
#endif

/**
 * irqentry_nmi_enter - Entry of an NMI, or of an exception that is treated like one
 * @regs:	Register state of the interrupted context
 *
 * An NMI can hit any code, even an entry that is half done. So RCU, lockdep and
 * tracing are told unconditionally, and lockdep's old state is passed to the exit.
 *
 * Context: noinstr. NMI.
 * Return: State for the matching irqentry_nmi_exit().
 */
noinstr irqentry_state_t irqentry_nmi_enter(struct pt_regs *regs)
{
	irqentry_state_t state = {
		.lockdep = lockdep_hardirqs_enabled(),
	};

	__nmi_enter();
	lockdep_hardirqs_off(CALLER_ADDR0);
	lockdep_hardirq_enter();
	ct_nmi_enter();
	entry_trace_irqs_off(regs);

	instrumentation_begin();
	ftrace_nmi_enter();
	instrumentation_end();

	return state;
}

/**
 * irqentry_nmi_exit - Return from an NMI
 * @regs:	Register state of the interrupted context
 * @state:	What irqentry_nmi_enter() returned
 *
 * Context: noinstr. NMI. Only the return to the interrupted context may follow.
 */
noinstr void irqentry_nmi_exit(struct pt_regs *regs, irqentry_state_t state)
{
	instrumentation_begin();
	ftrace_nmi_exit();
	if (state.lockdep)
		entry_trace_irqs_on_prepare();
	instrumentation_end();

	ct_nmi_exit();
	lockdep_hardirq_exit();
	if (state.lockdep)
		lockdep_hardirqs_on(CALLER_ADDR0);
	__nmi_exit();
}
