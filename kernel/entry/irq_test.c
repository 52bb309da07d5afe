// SPDX-License-Identifier: GPL-2.0-only
/* Tests of entry and exit of interrupts, exceptions and NMIs */

#include "entry_test.h"

/* RCU was idle, so it had to be told about the interrupt */
static bool told_rcu(void)
{
	return !IS_ENABLED(CONFIG_TINY_RCU) && (fake.idle || fake.rcu_eqs);
}

static void user_interrupt(struct kunit *test)
{
	irqentry_state_t state;

	fake.from_user = true;
	state = irqentry_enter(&fake.regs);
	KUNIT_EXPECT_FALSE(test, state.exit_rcu);
	expect_log(ENTER " rseq_note", "entry");

	fake_clear();
	fake.ti->flags = _TIF_SIGPENDING;
	irqentry_exit(&fake.regs, state);
	expect_log("{ futex signal arch rseq prepare rseq_irq lockdep } " LEAVE, "exit");
}

/* There is no one-time work, even if the task has some */
static void user_interrupt_one_time_work(struct kunit *test)
{
	fake.from_user = true;
	fake.ti->syscall_work = SYSCALL_WORK_ENTER | SYSCALL_WORK_EXIT;
	irqentry_exit(&fake.regs, irqentry_enter(&fake.regs));
	expect_log(ENTER " rseq_note { prepare rseq_irq lockdep } " LEAVE, "all work");
}

static void kernel_interrupt_entry(struct kunit *test)
{
	irqentry_state_t state;
	int i;

	for (i = 0; i < 4; i++) {
		fake_clear();
		fake.idle = i & 1;
		fake.rcu_eqs = i & 2;
		state = irqentry_enter(&fake.regs);
		KUNIT_EXPECT_EQ(test, state.exit_rcu, told_rcu());
		expect_log(told_rcu() ? "lockdep_off ct_irq { kmsan trace_off }" :
					"lockdep_off { check_tick } { kmsan trace_off }",
			   "idle %d, quiescent %d", fake.idle, fake.rcu_eqs);
	}
}

/* Lockdep is told the rest when RCU is no longer watching */
#define PREPARE	"trace_prepare lockdep_prepare"

/* The tail of the timer interrupt */
#define REARM	"hardirq rearm hardirq_end"

static void kernel_interrupt_exit(struct kunit *test)
{
	irqentry_state_t state = { };

	/* Do not preempt, this is tested below */
	fake.preempt_count = 1;

	irqentry_exit(&fake.regs, state);
	expect_log("{ } { " REARM " trace_on }", "interrupts enabled");

	fake_clear();
	fake.regs_irqs_off = true;
	irqentry_exit(&fake.regs, state);
	expect_log("{ }", "interrupts disabled");

	state.exit_rcu = true;
	fake_clear();
	irqentry_exit(&fake.regs, state);
	expect_log("{ } ct_irq_end", "interrupts disabled, idle");

	fake_clear();
	fake.regs_irqs_off = false;
	irqentry_exit(&fake.regs, state);
	expect_log("{ } { " REARM " " PREPARE " } ct_irq_end lockdep_on",
		   "interrupts enabled, idle");
}

/* All combinations of the conditions */
static void preemption(struct kunit *test)
{
	irqentry_state_t state = { };
	int i;

	for (i = 0; i < BIT(5); i++) {
		struct expected e = { };
		bool asked;

		fake_clear();
		fake.regs_irqs_off = i & BIT(0);
		state.exit_rcu = i & BIT(1);
		fake.preempt_count = i & BIT(2) ? 1 : 0;
		fake.ti->flags = i & BIT(3) ? _TIF_NEED_RESCHED : 0;
		fake.no_preemption = i & BIT(4);
		fake.instrumentable = 1;
		irqentry_exit_to_kernel_mode_preempt(&fake.regs, state);

		asked = IS_ENABLED(CONFIG_PREEMPTION) && !fake.regs_irqs_off && !state.exit_rcu &&
			!fake.preempt_count;
		if (asked)
			expect(&e, "check_rcu");
		if (asked && (i & BIT(3)) && !fake.no_preemption)
			expect(&e, "preempt");
		expect_log(e.log, "combination %#x", i);
	}
}

static void preemption_on_wrong_stack(struct kunit *test)
{
	fake.instrumentable = 1;
	fake.off_stack = true;
	raw_irqentry_exit_cond_resched();
	expect_log(IS_ENABLED(CONFIG_DEBUG_ENTRY) ? "check_rcu warn" : "check_rcu", "interrupt's");

	fake_clear();
	fake.preempt_count = 1;
	raw_irqentry_exit_cond_resched();
	expect_log("", "must not be preempted anyway");
}

/* Tracing and lockdep are told about the return last */
static void preempted_in_order(struct kunit *test)
{
	fake.ti->flags = _TIF_NEED_RESCHED;
	irqentry_exit(&fake.regs, (irqentry_state_t) { });
	expect_log(IS_ENABLED(CONFIG_PREEMPTION) ?
		   "{ check_rcu preempt } { " REARM " trace_on }" :
		   "{ } { " REARM " trace_on }", "preempted");
}

#define NMI_END	"ct_nmi_end hardirq_end"

static void nmis(struct kunit *test)
{
	irqentry_state_t state;
	int on;

	for (on = 0; on < 2; on++) {
		fake_clear();
		fake.lockdep_irqs_on = on;
		state = irqentry_nmi_enter(&fake.regs);
		KUNIT_EXPECT_EQ(test, state.lockdep, on);
		expect_log("nmi lockdep_off hardirq ct_nmi { kmsan trace_off } { ftrace }",
			   "entry, lockdep had interrupts %d", on);

		fake_clear();
		/* Only lockdep's state at entry counts */
		fake.lockdep_irqs_on = !on;
		irqentry_nmi_exit(&fake.regs, state);
		if (on)
			expect_log("{ ftrace_end " PREPARE " } " NMI_END " lockdep_on nmi_end",
				   "exit, enabled");
		else
			expect_log("{ ftrace_end } " NMI_END " nmi_end", "exit, disabled");
	}
}

static struct kunit_case entry_irq_cases[] = {
	KUNIT_CASE(user_interrupt),
	KUNIT_CASE(user_interrupt_one_time_work),
	KUNIT_CASE(kernel_interrupt_entry),
	KUNIT_CASE(kernel_interrupt_exit),
	KUNIT_CASE(preemption),
	KUNIT_CASE(preemption_on_wrong_stack),
	KUNIT_CASE(preempted_in_order),
	KUNIT_CASE(nmis),
	{ }
};

static struct kunit_suite entry_irq_suite = {
	.name		= "entry_irq",
	.init		= fake_init,
	.test_cases	= entry_irq_cases,
};

kunit_test_suite(entry_irq_suite);
