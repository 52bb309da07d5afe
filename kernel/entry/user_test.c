// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the transition between user mode and kernel, and of the exit work */

#include "entry_test.h"

/* After the work of a system call */
#define END	"prepare rseq_syscall lockdep"

static const char * const ends_of[] = { "syscall", "interrupt" };

/* Return to user mode with @ti_work pending */
static void run_exit(unsigned long ti_work, enum user_exit from)
{
	fake.ti->flags = ti_work;
	fake.instrumentable = 1;
	if (from == USER_EXIT_SYSCALL)
		exit_to_user_mode_prepare(&fake.regs, USER_EXIT_SYSCALL);
	else
		exit_to_user_mode_prepare(&fake.regs, USER_EXIT_IRQ);
	fake_assert_irqs_off();
}

static void expect_end(struct expected *e, enum user_exit from)
{
	expect(e, "prepare");
	expect(e, from == USER_EXIT_SYSCALL ? "rseq_syscall" : "rseq_irq");
	expect(e, "lockdep");
}

/* Bits that are not exit work do not matter */
static void exit_without_work(struct kunit *test)
{
	const unsigned long others = ~(EXIT_TO_USER_MODE_WORK | EXIT_TO_USER_MODE_REARM |
				       EXIT_TO_USER_MODE_LATE);

	run_exit(others, USER_EXIT_SYSCALL);
	expect_log(END, "syscall");

	fake_clear();
	run_exit(others, USER_EXIT_IRQ);
	expect_log("prepare rseq_irq lockdep", "interrupt");
}

/* After other late work */
static void expect_unwind(struct expected *e)
{
	if (_TIF_UNWIND)
		expect(e, "unwind");
}

/* Late bits are handled once, after the loop, and go by what it has read last */
static void exit_late_work(struct kunit *test)
{
	enum user_exit from;

	for (from = USER_EXIT_SYSCALL; from <= USER_EXIT_IRQ; from++) {
		struct expected e = { };

		fake_clear();
		run_exit(EXIT_TO_USER_MODE_LATE, from);
		expect(&e, "late");
		expect_unwind(&e);
		expect_end(&e, from);
		expect_log(e.log, "%s", ends_of[from]);

		e.len = 0;
		fake_clear();
		fake_on((struct fake_reaction) {
			.at = "signal", .set_ti = EXIT_TO_USER_MODE_LATE });
		run_exit(_TIF_SIGPENDING, from);
		expect_loop(&e, _TIF_SIGPENDING, 0);
		expect(&e, "late");
		expect_unwind(&e);
		expect_end(&e, from);
		expect_log(e.log, "%s, set by signal delivery", ends_of[from]);

		/* A bit of the generic code alone */
		e.len = 0;
		fake_clear();
		run_exit(_TIF_UNWIND, from);
		expect_unwind(&e);
		expect_end(&e, from);
		expect_log(e.log, "%s, unwound", ends_of[from]);
	}
}

static void exit_order(struct kunit *test)
{
	/* Not all architectures and configurations have these */
	const bool all = (_TIF_UPROBE != 0) & (_TIF_PATCH_PENDING != 0) &
			 (_TIF_SYSCALL_STEP != 0);

	run_exit(EXIT_TO_USER_MODE_WORK, USER_EXIT_SYSCALL);
	if (all)
		expect_log("schedule uprobe klp step futex signal resume arch rseq " END,
			   "all there is");
	else
		KUNIT_EXPECT_STREQ(test, strstr(fake.log, "futex"),
				   "futex signal resume arch rseq " END);
}

/* All combinations of the bits, in one round */
static void exit_each_combination(struct kunit *test)
{
	const unsigned long all = EXIT_TO_USER_MODE_WORK;
	unsigned long bits = 0;
	enum user_exit from;

	do {
		for (from = USER_EXIT_SYSCALL; from <= USER_EXIT_IRQ; from++) {
			struct expected e = { };

			fake_clear();
			run_exit(bits, from);
			expect_loop(&e, bits, 0);
			expect_end(&e, from);
			expect_log(e.log, "%s, TIF bits %#lx", ends_of[from], bits);
		}
		bits = (bits - all) & all;
	} while (bits);
}

/* Where these bits are handled, and the last moments when more work can arrive */
static const struct {
	unsigned long bits;
	const char *at;
} moments[] = {
	{ _TIF_NEED_RESCHED,		"schedule" },
	{ _TIF_NEED_RESCHED_LAZY,	"schedule" },
	{ _TIF_UPROBE,			"uprobe" },
	{ _TIF_PATCH_PENDING,		"klp" },
	{ _TIF_SYSCALL_STEP,		"step" },
	{ _TIF_SIGPENDING,		"signal" },
	{ _TIF_NOTIFY_SIGNAL,		"signal" },
	{ _TIF_NOTIFY_RESUME,		"resume" },
	{ ARCH_EXIT_TO_USER_MODE_WORK,	"arch" },
	{ _TIF_SIGPENDING,		"disable" },
	{ _TIF_SIGPENDING,		"tick" },
};

/* Set each bit while each item is handled, and right before bits are read again */
static void exit_work_that_arrives(struct kunit *test)
{
	unsigned long bits = EXIT_TO_USER_MODE_WORK;
	int i, bit;

	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		if (!moments[i].bits)
			continue;
		for_each_set_bit(bit, &bits, BITS_PER_LONG) {
			struct expected e = { };

			fake_clear();
			/* Skip the first tick, which comes before the work */
			if (!strcmp(moments[i].at, "tick"))
				fake_on((struct fake_reaction) { .at = "tick" });
			fake_on((struct fake_reaction) {
				.at = moments[i].at, .set_ti = BIT(bit) });
			run_exit(moments[i].bits, USER_EXIT_IRQ);
			expect_loop(&e, moments[i].bits, BIT(bit));
			expect_end(&e, USER_EXIT_IRQ);
			expect_log(e.log, "TIF bit %d at \"%s\"", bit, moments[i].at);
		}
	}
}

/* A kthread is woken right before the bits are read for the first time */
static void exit_tick_sets_resched(struct kunit *test)
{
	enum user_exit from;

	for (from = USER_EXIT_SYSCALL; from <= USER_EXIT_IRQ; from++) {
		struct expected e = { };

		fake_clear();
		fake_on((struct fake_reaction) { .at = "tick", .set_ti = _TIF_NEED_RESCHED });
		run_exit(0, from);
		expect_loop(&e, _TIF_NEED_RESCHED, 0);
		expect_end(&e, from);
		expect_log(e.log, "%s", ends_of[from]);
	}
}

/* Each item leads to another one, mostly against the order of the loop */
static void exit_chain(struct kunit *test)
{
	fake_on((struct fake_reaction) { .at = "resume", .set_ti = _TIF_SIGPENDING });
	fake_on((struct fake_reaction) { .at = "signal", .set_ti = _TIF_NEED_RESCHED });
	fake_on((struct fake_reaction) { .at = "schedule", .set_ti = _TIF_NOTIFY_SIGNAL });
	run_exit(_TIF_NOTIFY_RESUME, USER_EXIT_SYSCALL);
	expect_log("resume arch futex signal arch schedule arch futex signal arch rseq " END,
		   "chain");
}

/* rseq cannot fault in user memory with interrupts disabled, and asks for help */
static void exit_rseq_restarts(struct kunit *test)
{
	fake.restarts = 2;
	run_exit(_TIF_RSEQ, USER_EXIT_SYSCALL);
	if (IS_ENABLED(CONFIG_HAVE_GENERIC_TIF_BITS))
		expect_log("rseq resume arch rseq resume arch rseq " END, "rseq");
	else
		expect_log("resume arch rseq resume arch rseq resume arch rseq " END, "rseq");

	/* With other work at the same time, which leads to more */
	fake_clear();
	fake.restarts = 1;
	fake_on((struct fake_reaction) { .at = "rseq", .set_ti = _TIF_SIGPENDING });
	fake_on((struct fake_reaction) { .at = "resume", .set_ti = _TIF_NEED_RESCHED });
	run_exit(ARCH_EXIT_TO_USER_MODE_WORK, USER_EXIT_IRQ);
	expect_log("arch rseq futex signal resume arch schedule arch rseq prepare rseq_irq lockdep",
		   "rseq and a signal");
}

/* A task gets more time only if no other work is pending */
static void exit_slice_extension(struct kunit *test)
{
	const unsigned long others = EXIT_TO_USER_MODE_WORK &
				     ~(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY);
	int bit;

	fake.slice_wanted = true;
	run_exit(_TIF_NEED_RESCHED, USER_EXIT_IRQ);
	expect_log(IS_ENABLED(CONFIG_PREEMPT_RT) ?
		   "schedule arch rseq prepare rseq_irq lockdep" :
		   "granted arch rseq prepare rseq_irq lockdep", "urgent");

	if (_TIF_NEED_RESCHED_LAZY != _TIF_NEED_RESCHED) {
		fake_clear();
		run_exit(_TIF_NEED_RESCHED_LAZY, USER_EXIT_IRQ);
		expect_log("granted arch rseq prepare rseq_irq lockdep", "lazy");
	}

	for_each_set_bit(bit, &others, BITS_PER_LONG) {
		struct expected e = { };

		fake_clear();
		run_exit(_TIF_NEED_RESCHED_LAZY | BIT(bit), USER_EXIT_IRQ);
		expect_loop(&e, _TIF_NEED_RESCHED_LAZY | BIT(bit), 0);
		expect_end(&e, USER_EXIT_IRQ);
		expect_log(e.log, "TIF bit %d as well", bit);
	}
}

#ifdef CONFIG_HRTIMER_REARM_DEFERRED
/* Only for interrupts. It comes first, unless the scheduler does it. */
static void exit_timer_rearm(struct kunit *test)
{
	run_exit(_TIF_HRTIMER_REARM, USER_EXIT_IRQ);
	expect_log("rearm prepare rseq_irq lockdep", "interrupt");

	fake_clear();
	run_exit(_TIF_HRTIMER_REARM | _TIF_SIGPENDING, USER_EXIT_IRQ);
	expect_log("rearm futex signal arch rseq prepare rseq_irq lockdep", "and a signal");

	fake_clear();
	run_exit(_TIF_HRTIMER_REARM | _TIF_NEED_RESCHED, USER_EXIT_IRQ);
	expect_log("schedule arch rseq prepare rseq_irq lockdep", "rescheduled");

	fake_clear();
	run_exit(_TIF_HRTIMER_REARM, USER_EXIT_SYSCALL);
	expect_log(END, "syscall");
}
#endif

#ifdef CONFIG_KMAP_LOCAL
static void exit_with_mapping_left(struct kunit *test)
{
	fake.task->kmap_ctrl.idx = 1;
	run_exit(0, USER_EXIT_SYSCALL);
	expect_log("prepare rseq_syscall kmap lockdep", "syscall");
}
#endif

static void enter_order(struct kunit *test)
{
	enter_from_user_mode(&fake.regs);
	expect_log(ENTER, "no context tracking");
}

static void enter_with_context_tracking(struct kunit *test)
{
	fake.ct_enabled = true;
	fake.ct_state = CT_STATE_USER;
	enter_from_user_mode(&fake.regs);
	expect_log("arch_enter lockdep_off ct_exit { kmsan trace_off }", "from user mode");

	/* Already in the kernel */
	fake_clear();
	enter_from_user_mode(&fake.regs);
	expect_log("arch_enter lockdep_off warn ct_exit { kmsan trace_off }", "not from user mode");
}

static void leave_order(struct kunit *test)
{
	exit_to_user_mode();
	expect_log(LEAVE, "no context tracking");
}

static void leave_with_context_tracking(struct kunit *test)
{
	fake.ct_enabled = true;
	fake.ct_state = CT_STATE_KERNEL;
	exit_to_user_mode();
	expect_log("{ trace_prepare lockdep_prepare } ct_enter arch_exit lockdep_on",
		   "from the kernel");

	fake_clear();
	exit_to_user_mode();
	expect_log("{ trace_prepare lockdep_prepare } warn ct_enter arch_exit lockdep_on",
		   "has left the kernel");
}

static struct kunit_case entry_user_cases[] = {
	KUNIT_CASE(exit_without_work),
	KUNIT_CASE(exit_late_work),
	KUNIT_CASE(exit_order),
	KUNIT_CASE(exit_each_combination),
	KUNIT_CASE(exit_work_that_arrives),
	KUNIT_CASE(exit_tick_sets_resched),
	KUNIT_CASE(exit_chain),
	KUNIT_CASE(exit_rseq_restarts),
	KUNIT_CASE(exit_slice_extension),
#ifdef CONFIG_HRTIMER_REARM_DEFERRED
	KUNIT_CASE(exit_timer_rearm),
#endif
#ifdef CONFIG_KMAP_LOCAL
	KUNIT_CASE(exit_with_mapping_left),
#endif
	KUNIT_CASE(enter_order),
	KUNIT_CASE(enter_with_context_tracking),
	KUNIT_CASE(leave_order),
	KUNIT_CASE(leave_with_context_tracking),
	{ }
};

static struct kunit_suite entry_user_suite = {
	.name		= "entry_user",
	.init		= fake_init,
	.test_cases	= entry_user_cases,
};

kunit_test_suite(entry_user_suite);
