/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry and exit of interrupts, exceptions and NMIs.
 *
 * From user mode they share transition and exit work with system calls, see
 * entry-user.h. From kernel mode they restore the interrupted state, and may preempt.
 */
#ifndef _LINUX_IRQ_ENTRY_COMMON_H
#define _LINUX_IRQ_ENTRY_COMMON_H

#include <linux/entry-user.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/static_call_types.h>

/**
 * irqentry_enter_from_user_mode - An interrupt or exception has hit user mode
 * @regs:	Register state of the interrupted user context
 *
 * enter_from_user_mode(), and a note for rseq: an interrupt may hit a critical
 * section, where a syscall is not allowed.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled.
 */
static __always_inline void irqentry_enter_from_user_mode(struct pt_regs *regs)
{
	enter_from_user_mode(regs);
	rseq_note_user_irq_entry();
}

/**
 * irqentry_exit_to_user_mode - Return to user mode from an interrupt
 * @regs:	Register state to which user mode will return
 *
 * Exit work and transition. One-time work is only done for system calls.
 *
 * Context: noinstr, on the task's stack. Interrupts disabled on entry and on
 *	    return, enabled while work is done. May sleep.
 */
static __always_inline void irqentry_exit_to_user_mode(struct pt_regs *regs)
{
	instrumentation_begin();
	exit_to_user_mode_prepare(regs, USER_EXIT_IRQ);
	instrumentation_end();
	exit_to_user_mode();
}

#ifndef irqentry_state
/**
 * struct irqentry_state - What an exit must know of its entry
 * @exit_rcu:	For irqentry_exit(): ct_irq_enter() has told RCU of the entry, so
 *		RCU must be told of the exit
 * @lockdep:	For irqentry_nmi_exit(): interrupts were enabled for lockdep
 *
 * The code between entry and exit passes this on and must not look into it.
 */
typedef struct irqentry_state {
	union {
		bool	exit_rcu;
		bool	lockdep;
	};
} irqentry_state_t;
#endif

#ifndef arch_in_rcu_eqs
/**
 * arch_in_rcu_eqs - Tell whether RCU may not be watching a task other than idle
 *
 * For architectures that enter an interruptible extended quiescent state in
 * tasks other than the idle task. If it is true too often, this only costs time.
 *
 * Context: noinstr. Interrupts disabled.
 * Return: true if RCU may not be watching, false if it is.
 */
static __always_inline bool arch_in_rcu_eqs(void) { return false; }
#endif

void raw_irqentry_exit_cond_resched(void);

#if !defined(CONFIG_PREEMPT_DYNAMIC)
#define irqentry_exit_cond_resched()	raw_irqentry_exit_cond_resched()
#elif defined(CONFIG_HAVE_PREEMPT_DYNAMIC_CALL)
#define irqentry_exit_cond_resched_dynamic_enabled	raw_irqentry_exit_cond_resched
#define irqentry_exit_cond_resched_dynamic_disabled	NULL
DECLARE_STATIC_CALL(irqentry_exit_cond_resched, raw_irqentry_exit_cond_resched);
#define irqentry_exit_cond_resched()	static_call(irqentry_exit_cond_resched)()
#elif defined(CONFIG_HAVE_PREEMPT_DYNAMIC_KEY)
DECLARE_STATIC_KEY_TRUE(sk_dynamic_irqentry_exit_cond_resched);
void dynamic_irqentry_exit_cond_resched(void);
#define irqentry_exit_cond_resched()	dynamic_irqentry_exit_cond_resched()
#endif

/**
 * irqentry_enter_from_kernel_mode - An interrupt or exception has hit the kernel
 * @regs:	Register state of the interrupted kernel context
 *
 * Part of irqentry_enter(), for architectures that know the interrupted mode.
 *
 * Context: noinstr. Interrupts disabled, also on return. From then on the caller
 *	    may be instrumented, after instrumentation_begin().
 * Return: State for the matching irqentry_exit_to_kernel_mode().
 */
static __always_inline irqentry_state_t irqentry_enter_from_kernel_mode(struct pt_regs *regs)
{
	irqentry_state_t state = { };

	/*
	 * In the idle task tell RCU even if it is watching. Interrupts can nest,
	 * because softirqs run with interrupts enabled when an interrupt ends. If a
	 * nested tick skipped ct_irq_enter(), RCU would take it for the outermost
	 * interrupt, and might report a quiescent state and end a grace period too
	 * early. Tiny RCU has no extended quiescent state.
	 */
	if (!IS_ENABLED(CONFIG_TINY_RCU))
		state.exit_rcu = is_idle_task(current) || arch_in_rcu_eqs();

	lockdep_hardirqs_off(CALLER_ADDR0);
	if (state.exit_rcu) {
		ct_irq_enter();
	} else {
		/* RCU may need the tick again. This warns if RCU is not watching. */
		instrumentation_begin();
		rcu_irq_enter_check_tick();
		instrumentation_end();
	}
	entry_trace_irqs_off(regs);

	return state;
}

/**
 * irqentry_exit_to_kernel_mode_preempt - Preempt the interrupted kernel code
 * @regs:	Register state of the interrupted kernel context
 * @state:	What irqentry_enter_from_kernel_mode() returned
 *
 * First half of irqentry_exit_to_kernel_mode(). Does nothing if the interrupted
 * code must not be preempted.
 *
 * Context: Interrupts disabled. The state of the CPU must allow it to schedule.
 */
static inline void irqentry_exit_to_kernel_mode_preempt(struct pt_regs *regs,
							irqentry_state_t state)
{
	lockdep_assert_irqs_disabled();

	if (!IS_ENABLED(CONFIG_PREEMPTION))
		return;

	if (!regs_irqs_disabled(regs) && !state.exit_rcu)
		irqentry_exit_cond_resched();
}

/**
 * irqentry_exit_to_kernel_mode_after_preempt - Restore the interrupted state
 * @regs:	Register state of the interrupted kernel context
 * @state:	What irqentry_enter_from_kernel_mode() returned
 *
 * Second half of irqentry_exit_to_kernel_mode(). Restores the state of tracing,
 * lockdep and RCU from before the interrupt.
 *
 * Context: noinstr. Interrupts disabled. Only the return to the interrupted code
 *	    may follow.
 */
static __always_inline void
irqentry_exit_to_kernel_mode_after_preempt(struct pt_regs *regs, irqentry_state_t state)
{
	const bool enables_irqs = !regs_irqs_disabled(regs);

	if (enables_irqs) {
		instrumentation_begin();
		/*
		 * The tail of the timer interrupt. Show lockdep a hardirq
		 * context, so that it does not chain the timer locks to the
		 * locks that the interrupted code holds. The exit to user mode
		 * holds no locks, and can do without.
		 */
		lockdep_hardirq_enter();
		hrtimer_rearm_deferred();
		lockdep_hardirq_exit();

		/* In two steps if RCU stops watching in between */
		if (state.exit_rcu)
			entry_trace_irqs_on_prepare();
		else
			trace_hardirqs_on();
		instrumentation_end();
	}

	if (state.exit_rcu) {
		ct_irq_exit();
		if (enables_irqs)
			lockdep_hardirqs_on(CALLER_ADDR0);
	}
}

/**
 * irqentry_exit_to_kernel_mode - Return to kernel mode from an interrupt
 * @regs:	Register state of the interrupted kernel context
 * @state:	What irqentry_enter_from_kernel_mode() returned
 *
 * Part of irqentry_exit(), for architectures that know the interrupted mode.
 *
 * Context: noinstr. Interrupts disabled. May schedule, if the interrupted code may
 *	    be preempted. Only the return to that code may follow.
 */
static __always_inline void irqentry_exit_to_kernel_mode(struct pt_regs *regs,
							 irqentry_state_t state)
{
	instrumentation_begin();
	irqentry_exit_to_kernel_mode_preempt(regs, state);
	instrumentation_end();

	irqentry_exit_to_kernel_mode_after_preempt(regs, state);
}

irqentry_state_t irqentry_enter(struct pt_regs *regs);
void irqentry_exit(struct pt_regs *regs, irqentry_state_t state);

irqentry_state_t irqentry_nmi_enter(struct pt_regs *regs);
void irqentry_nmi_exit(struct pt_regs *regs, irqentry_state_t state);

#endif /* _LINUX_IRQ_ENTRY_COMMON_H */
