// SPDX-License-Identifier: GPL-2.0-only
/* Tests of system calls: the one-time work around a call, and the call itself */

#include "entry_test.h"

/* All work, and the bit that has no effect without an audit context */
#define ALL_WORK	(SYSCALL_WORK_ENTER | SYSCALL_WORK_EXIT)
#define AUDIT		(IS_ENABLED(CONFIG_AUDITSYSCALL) ? SYSCALL_WORK_SYSCALL_AUDIT : 0)

/* After the work */
#define END		"prepare rseq_syscall lockdep"

/* The architecture's function that makes the call */
static __always_inline void call(struct pt_regs *regs, long nr)
{
	with_regs("call", regs);
	syscall_set_return_value(fake.task, regs, 0, FAKE_RESULT);
	fake_sleeps_val("call", nr);
}

/* A call that ends by the function that a new task uses, with the transition */
static void with_end(struct pt_regs *regs)
{
	if (syscall_enter_permits(regs))
		call(regs, arch_syscall_nr(regs));
	fake.instrumentable = 0;
	syscall_exit_to_user_mode(regs);
}

static void whole(struct pt_regs *regs)
{
	generic_do_syscall(regs, call);
}

/* The ways to make a system call. Only the last one includes the transition. */
static const struct {
	const char *name;
	void (*make)(struct pt_regs *regs);
	const char *begin, *end;
} ways[] = {
	{ "generic_do_syscall()",		whole },
	{ "syscall_exit_to_user_mode()",	with_end, "{",
	  "} " LEAVE },
};

/* Registers of a call that is not made yet, and @work for its task */
static void set_up(unsigned long work)
{
	unsigned long args[6] = { 1, 2, 3, 4, 5, 6 };

	fake_clear();
	fake.irqs_off = false;
	fake.instrumentable = 1;
#ifdef CONFIG_S390
	/* Registers without this flag have no number */
	set_pt_regs_flag(&fake.regs, PIF_SYSCALL);
#endif
#ifdef CONFIG_PPC
	set_trap(&fake.regs, INTERRUPT_SYSCALL);
#endif
	syscall_set_nr(fake.task, &fake.regs, FAKE_NR);
	syscall_set_arguments(fake.task, &fake.regs, args);
	syscall_set_return_value(fake.task, &fake.regs, FAKE_PRESET, 0);
	fake.ti->syscall_work = work;
#ifdef CONFIG_AUDITSYSCALL
	fake.task->audit_context = (work & SYSCALL_WORK_SYSCALL_AUDIT) ? (void *)&fake : NULL;
#endif
}

/* Make the call. Interrupts are disabled afterwards. */
static void make_call(int way)
{
	ways[way].make(&fake.regs);
	fake_assert_irqs_off();
}

static void expect_result(long result)
{
	KUNIT_EXPECT_EQ(fake.test, result, syscall_get_return_value(fake.task, &fake.regs));
}

/* The ways only differ in what surrounds the end of the call */
static void expect_end(struct expected *e, int way)
{
	expect(e, END);
	if (ways[way].end)
		expect(e, ways[way].end);
}

/* Make the call that was set up. Expect these words, and then those of the end. */
static void expect_call(int way, const char *begin, const char *exit_work, long result)
{
	struct expected e = { };

	make_call(way);
	expect(&e, begin);
	if (ways[way].begin)
		expect(&e, ways[way].begin);
	expect(&e, exit_work);
	expect_end(&e, way);
	expect_log(e.log, "%s", ways[way].name);
	expect_result(result);
}

static void nothing_to_do(struct kunit *test)
{
	int way;

	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(0);
		expect_call(way, "enter call:39", "check", FAKE_RESULT);

		/* Bits that are not work */
		set_up(~(ALL_WORK | EXIT_TO_USER_MODE_WORK));
		fake.ti->flags = ~(ALL_WORK | EXIT_TO_USER_MODE_WORK |
				   EXIT_TO_USER_MODE_LATE);
		expect_call(way, "enter call:39", "check", FAKE_RESULT);
	}
}

/* Each kind of work alone, and some combinations */
static const struct {
	unsigned long work;
	const char *entry, *exit;
	bool skipped;
} kinds[] = {
	{ SYSCALL_WORK_SYSCALL_USER_DISPATCH,
	  "enter dispatch call:39",	"check" },
	{ SYSCALL_WORK_SYSCALL_RSEQ_SLICE,
	  "enter slice:39 call:39",	"check" },
	{ SYSCALL_WORK_SYSCALL_TRACE,
	  "enter ptrace preset:39 call:39",	"check ptrace_exit" },
	{ SYSCALL_WORK_SYSCALL_EMU,
	  "enter ptrace",		"check",			true },
	{ SYSCALL_WORK_SECCOMP,
	  "enter seccomp call:39",	"check" },
	{ SYSCALL_WORK_SYSCALL_TRACEPOINT,
	  "enter trace:39 call:39",	"check trace_exit:4711" },
#ifdef CONFIG_AUDITSYSCALL
	{ SYSCALL_WORK_SYSCALL_AUDIT,
	  "enter audit:39 call:39",	"check audit_exit:4711" },
#endif
	{ SYSCALL_WORK_SYSCALL_EXIT_TRAP,
	  "enter call:39",		"check step_exit" },

	/* One report, for the step */
	{ SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EXIT_TRAP,
	  "enter ptrace preset:39 call:39",	"check step_exit" },
	/* A step with SYSEMU was reported on entry */
	{ SYSCALL_WORK_SYSCALL_EMU | SYSCALL_WORK_SYSCALL_EXIT_TRAP,
	  "enter ptrace",		"check",			true },
	{ SYSCALL_WORK_SYSCALL_EMU | SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EXIT_TRAP,
	  "enter ptrace",		"check ptrace_exit",		true },
#ifdef CONFIG_AUDITSYSCALL
	/* The order of all of them */
	{ ALL_WORK & ~SYSCALL_WORK_SYSCALL_EMU,
	  "enter dispatch slice:39 ptrace preset:39 seccomp trace:39 audit:39 call:39",
	  "check audit_exit:4711 trace_exit:4711 step_exit" },
#endif
};

static void each_kind_of_work(struct kunit *test)
{
	int i, way;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			set_up(kinds[i].work);
			expect_call(way, kinds[i].entry, kinds[i].exit,
				    kinds[i].skipped ? FAKE_PRESET : FAKE_RESULT);
		}
	}
}

static void expect_val(struct expected *e, const char *word, long val)
{
	char buf[32];

	scnprintf(buf, sizeof(buf), "%s:%ld", word, val);
	expect(e, buf);
}

/* Expect what the rules say, with TIF bits pending when the call ends */
static void expect_work(int way, unsigned long work, unsigned long ti_work)
{
	long result = (work & SYSCALL_WORK_SYSCALL_EMU) ? FAKE_PRESET : FAKE_RESULT;
	struct expected e = { };

	expect(&e, "enter");
	if (work & SYSCALL_WORK_SYSCALL_USER_DISPATCH)
		expect(&e, "dispatch");
	if (work & SYSCALL_WORK_SYSCALL_RSEQ_SLICE)
		expect(&e, "slice:39");
	if (work & (SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_EMU))
		expect(&e, "ptrace");
	if (!(work & SYSCALL_WORK_SYSCALL_EMU)) {
		if (work & SYSCALL_WORK_SYSCALL_TRACE)
			expect(&e, "preset:39");
		if (work & SYSCALL_WORK_SECCOMP)
			expect(&e, "seccomp");
		if (work & SYSCALL_WORK_SYSCALL_TRACEPOINT)
			expect(&e, "trace:39");
		if (work & AUDIT)
			expect(&e, "audit:39");
		expect(&e, "call:39");
	}

	if (ways[way].begin)
		expect(&e, ways[way].begin);
	expect(&e, "check");
	if (work & AUDIT)
		expect_val(&e, "audit_exit", result);
	if (work & SYSCALL_WORK_SYSCALL_TRACEPOINT)
		expect_val(&e, "trace_exit", result);
	if ((work & SYSCALL_WORK_SYSCALL_EXIT_TRAP) && !(work & SYSCALL_WORK_SYSCALL_EMU))
		expect(&e, "step_exit");
	else if (work & SYSCALL_WORK_SYSCALL_TRACE)
		expect(&e, "ptrace_exit");
	expect_loop(&e, ti_work, 0);
	expect_end(&e, way);

	expect_log(e.log, "%s, work %#lx, TIF bits %#lx", ways[way].name, work, ti_work);
	expect_result(result);
}

static void all_combinations_of_work(struct kunit *test)
{
	unsigned long work = 0;
	int way;

	do {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			set_up(work);
			make_call(way);
			expect_work(way, work, 0);
		}
		work = (work - ALL_WORK) & ALL_WORK;
	} while (work);
}

/* A bit for one-time work must not be taken for a bit for exit work */
static void each_work_with_each_tif_bit(struct kunit *test)
{
	unsigned long all_work = ALL_WORK, all_ti = EXIT_TO_USER_MODE_WORK;
	int bit, ti_bit, way;

	for_each_set_bit(bit, &all_work, BITS_PER_LONG) {
		for_each_set_bit(ti_bit, &all_ti, BITS_PER_LONG) {
			for (way = 0; way < ARRAY_SIZE(ways); way++) {
				/* Pending before the call */
				set_up(BIT(bit));
				fake.ti->flags = BIT(ti_bit);
				make_call(way);
				expect_work(way, BIT(bit), BIT(ti_bit));

				/* Set during the call, which SYSEMU skips */
				if (BIT(bit) == SYSCALL_WORK_SYSCALL_EMU)
					continue;
				set_up(BIT(bit));
				fake_on((struct fake_reaction) {
					.at = "call", .set_ti = BIT(ti_bit) });
				make_call(way);
				expect_work(way, BIT(bit), BIT(ti_bit));
			}
		}
	}
}

static void each_tif_bit_without_work(struct kunit *test)
{
	unsigned long all_ti = EXIT_TO_USER_MODE_WORK;
	int ti_bit, way;

	for_each_set_bit(ti_bit, &all_ti, BITS_PER_LONG) {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			set_up(0);
			fake_on((struct fake_reaction) { .at = "call", .set_ti = BIT(ti_bit) });
			make_call(way);
			expect_work(way, 0, BIT(ti_bit));

			/* At the last moment */
			set_up(0);
			fake_on((struct fake_reaction) { .at = "disable", .set_ti = BIT(ti_bit) });
			make_call(way);
			expect_work(way, 0, BIT(ti_bit));

			/* During the last one-time work */
			set_up(SYSCALL_WORK_SYSCALL_TRACE);
			fake_on((struct fake_reaction) {
				.at = "ptrace_exit", .set_ti = BIT(ti_bit) });
			make_call(way);
			expect_work(way, SYSCALL_WORK_SYSCALL_TRACE, BIT(ti_bit));
		}
	}
}

/* A veto sets the result, and later entry work is skipped */
static const struct {
	const char *by;
	unsigned long work;
	const char *entry, *exit;
} vetoes[] = {
	{ "dispatch", ALL_WORK,
	  "enter dispatch", "check" },
	{ "dispatch", SYSCALL_WORK_SYSCALL_USER_DISPATCH,
	  "enter dispatch", "check" },
	{ "ptrace", ALL_WORK & ~SYSCALL_WORK_SYSCALL_EMU,
	  "enter dispatch slice:39 ptrace",
	  AUDIT ? "check audit_exit:12 trace_exit:12 step_exit" : "check trace_exit:12 step_exit" },
	{ "ptrace", SYSCALL_WORK_SYSCALL_TRACE,
	  "enter ptrace", "check ptrace_exit" },
	{ "seccomp", ALL_WORK & ~SYSCALL_WORK_SYSCALL_EMU,
	  "enter dispatch slice:39 ptrace preset:39 seccomp",
	  AUDIT ? "check audit_exit:12 trace_exit:12 step_exit" : "check trace_exit:12 step_exit" },
	{ "seccomp", SYSCALL_WORK_SECCOMP,
	  "enter seccomp", "check" },
	{ "seccomp", SYSCALL_WORK_SECCOMP | SYSCALL_WORK_SYSCALL_TRACEPOINT,
	  "enter seccomp", "check trace_exit:12" },
};

static void forbidden(struct kunit *test)
{
	int i, way;

	for (i = 0; i < ARRAY_SIZE(vetoes); i++) {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			set_up(vetoes[i].work);
			fake_on((struct fake_reaction) {
				.at = vetoes[i].by, .no = true, .result = 12 });
			expect_call(way, vetoes[i].entry, vetoes[i].exit, 12);
		}
	}

	/* With SYSEMU, the tracer's answer is ignored */
	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(SYSCALL_WORK_SYSCALL_EMU | SYSCALL_WORK_SECCOMP |
		       SYSCALL_WORK_SYSCALL_TRACEPOINT);
		fake_on((struct fake_reaction) { .at = "ptrace", .result = 12 });
		expect_call(way, "enter ptrace", "check trace_exit:12", 12);
	}
}

/* Signals are also delivered on exit from a call that was forbidden */
static void forbidden_and_exit_work(struct kunit *test)
{
	int i, way;

	for (i = 0; i < ARRAY_SIZE(vetoes); i++) {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			struct expected e = { };

			set_up(vetoes[i].work);
			fake_on((struct fake_reaction) {
				.at = vetoes[i].by, .no = true, .result = 12,
				.set_ti = _TIF_SIGPENDING });
			expect(&e, vetoes[i].exit);
			expect_loop(&e, _TIF_SIGPENDING, 0);
			expect_call(way, vetoes[i].entry, e.log, 12);
		}
	}
}

/* A call that was rolled back has no effect on the next one */
static void dispatched_then_not(struct kunit *test)
{
	int way;

	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(SYSCALL_WORK_SYSCALL_USER_DISPATCH | SYSCALL_WORK_SYSCALL_TRACEPOINT);
		fake_on((struct fake_reaction) { .at = "dispatch", .no = true });
		expect_call(way, "enter dispatch", "check", FAKE_PRESET);

		/* Nothing looks at the end of this one */
		set_up(SYSCALL_WORK_SYSCALL_USER_DISPATCH);
		fake_on((struct fake_reaction) { .at = "dispatch", .no = true });
		expect_call(way, "enter dispatch", "check", FAKE_PRESET);

		set_up(SYSCALL_WORK_SYSCALL_USER_DISPATCH | SYSCALL_WORK_SYSCALL_TRACEPOINT);
		expect_call(way, "enter dispatch trace:39 call:39", "check trace_exit:4711",
			    FAKE_RESULT);
	}
}

/* Another CPU disables a tracepoint between two looks. A task without filter has no seccomp. */
static void work_gone_when_looked_at_again(struct kunit *test)
{
	int way;

	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(SYSCALL_WORK_SYSCALL_TRACEPOINT);
		/* After the first look */
		fake_on((struct fake_reaction) { .at = "look" });
		fake_on((struct fake_reaction) {
			.at = "look", .clear_work = SYSCALL_WORK_SYSCALL_TRACEPOINT });
		expect_call(way, "enter call:39", "check", FAKE_RESULT);

		/* The tracer has died, after the second look */
		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) { .at = "look" });
		fake_on((struct fake_reaction) { .at = "look" });
		fake_on((struct fake_reaction) {
			.at = "look", .clear_work = SYSCALL_WORK_SYSCALL_TRACE });
		expect_call(way, "enter call:39", "check", FAKE_RESULT);
	}
}

static void number_changed(struct kunit *test)
{
	static const char other_call[] =
		"enter dispatch slice:39 ptrace preset:100 seccomp trace:100 call:100";
	const unsigned long all = ALL_WORK & ~SYSCALL_WORK_SYSCALL_EMU;
	/* s390's numbers have 16 bits */
	const char *skipped = IS_ENABLED(CONFIG_S390) ? "enter ptrace preset:65535 call:65535"
						      : "enter ptrace preset:-1 call:-1";
	int way;

	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(all & ~AUDIT);
		fake_on((struct fake_reaction) { .at = "ptrace", .nr = 100 });
		expect_call(way, other_call, "check trace_exit:4711 step_exit", FAKE_RESULT);

		if (AUDIT) {
			set_up(SYSCALL_WORK_SYSCALL_TRACE | AUDIT);
			fake_on((struct fake_reaction) { .at = "ptrace", .nr = 100 });
			expect_call(way, "enter ptrace preset:100 audit:100 call:100",
				    "check audit_exit:4711 ptrace_exit", FAKE_RESULT);
		}

		/* Changed by a tracer that seccomp asks */
		set_up(SYSCALL_WORK_SECCOMP);
		fake_on((struct fake_reaction) { .at = "seccomp", .nr = 100 });
		expect_call(way, "enter seccomp call:100", "check", FAKE_RESULT);

		set_up(SYSCALL_WORK_SECCOMP | SYSCALL_WORK_SYSCALL_TRACEPOINT);
		fake_on((struct fake_reaction) { .at = "seccomp", .nr = 100 });
		expect_call(way, "enter seccomp trace:100 call:100", "check trace_exit:4711",
			    FAKE_RESULT);

		/* A tracer skips the call with -1. That is left to the architecture. */
		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) { .at = "ptrace", .nr = -1 });
		expect_call(way, skipped, "check ptrace_exit", FAKE_RESULT);
	}
}

/* The architecture finds no such call, and leaves the result alone */
static __always_inline void no_call(struct pt_regs *regs, long nr)
{
	fake_sleeps_val(with_regs("call", regs), nr);
}

static void tracer_sets_result(struct kunit *test)
{
	set_up(SYSCALL_WORK_SYSCALL_TRACE);
	fake_on((struct fake_reaction) { .at = "ptrace", .result = 12 });
	generic_do_syscall(&fake.regs, no_call);
	expect_log("enter ptrace preset:39 call:39 check ptrace_exit " END, "no such call");
	expect_result(FAKE_PRESET);

	/* The result is preset only after a tracer's stop on entry */
	set_up(SYSCALL_WORK_SYSCALL_TRACEPOINT);
	fake_on((struct fake_reaction) { .at = "trace", .result = 12 });
	generic_do_syscall(&fake.regs, no_call);
	expect_log("enter trace:39 call:39 check trace_exit:12 " END, "no tracer");
	expect_result(12);
}

/* While the task is stopped */
static void tracer_changes_work(struct kunit *test)
{
	int way;

	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) {
			.at = "ptrace", .set_work = SYSCALL_WORK_SECCOMP });
		expect_call(way, "enter ptrace preset:39 seccomp call:39",
			    "check ptrace_exit", FAKE_RESULT);

		set_up(SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_TRACEPOINT);
		fake_on((struct fake_reaction) {
			.at = "ptrace", .clear_work = SYSCALL_WORK_SYSCALL_TRACEPOINT });
		expect_call(way, "enter ptrace preset:39 call:39",
			    "check ptrace_exit", FAKE_RESULT);

		/* SYSEMU is for the next call: this stop was not one of it */
		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) {
			.at = "ptrace", .set_work = SYSCALL_WORK_SYSCALL_EMU });
		expect_call(way, "enter ptrace preset:39 call:39",
			    "check ptrace_exit", FAKE_RESULT);

		/* Too late for a tracepoint on entry */
		set_up(SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SECCOMP);
		fake_on((struct fake_reaction) {
			.at = "seccomp", .set_work = SYSCALL_WORK_SYSCALL_TRACEPOINT });
		expect_call(way, "enter ptrace preset:39 seccomp call:39",
			    "check trace_exit:4711 ptrace_exit", FAKE_RESULT);

		/* The tracer detaches, or continues by a step */
		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) {
			.at = "ptrace", .clear_work = SYSCALL_WORK_SYSCALL_TRACE });
		expect_call(way, "enter ptrace preset:39 call:39", "check", FAKE_RESULT);

		set_up(SYSCALL_WORK_SYSCALL_TRACE);
		fake_on((struct fake_reaction) {
			.at = "ptrace", .clear_work = SYSCALL_WORK_SYSCALL_TRACE,
			.set_work = SYSCALL_WORK_SYSCALL_EXIT_TRAP });
		expect_call(way, "enter ptrace preset:39 call:39", "check step_exit", FAKE_RESULT);
	}
}

/* Another task, or the call itself, sets and clears bits during the call */
static const struct {
	unsigned long before, set, clear;
	const char *entry, *exit;
} meanwhile[] = {
	{ 0, SYSCALL_WORK_SYSCALL_TRACE, 0,
	  "enter call:39", "check ptrace_exit" },
	{ 0, SYSCALL_WORK_SYSCALL_EXIT_TRAP, 0,
	  "enter call:39", "check step_exit" },
	{ 0, SYSCALL_WORK_SYSCALL_TRACEPOINT, 0,
	  "enter call:39", "check trace_exit:4711" },
	{ 0, SYSCALL_WORK_SYSCALL_USER_DISPATCH | SYSCALL_WORK_SECCOMP |
	     SYSCALL_WORK_SYSCALL_RSEQ_SLICE | SYSCALL_WORK_SYSCALL_EMU, 0,
	  "enter call:39", "check" },
	{ SYSCALL_WORK_SECCOMP, SYSCALL_WORK_SYSCALL_TRACE, 0,
	  "enter seccomp call:39", "check ptrace_exit" },
	{ SYSCALL_WORK_SYSCALL_TRACE, 0, SYSCALL_WORK_SYSCALL_TRACE,
	  "enter ptrace preset:39 call:39", "check" },
	{ SYSCALL_WORK_SYSCALL_TRACEPOINT, SYSCALL_WORK_SYSCALL_TRACE,
	  SYSCALL_WORK_SYSCALL_TRACEPOINT,
	  "enter trace:39 call:39", "check ptrace_exit" },
};

static void work_changes_during_call(struct kunit *test)
{
	int i, way;

	for (i = 0; i < ARRAY_SIZE(meanwhile); i++) {
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			set_up(meanwhile[i].before);
			fake_on((struct fake_reaction) {
				.at = "call", .set_work = meanwhile[i].set,
				.clear_work = meanwhile[i].clear });
			expect_call(way, meanwhile[i].entry, meanwhile[i].exit, FAKE_RESULT);
		}
	}
}

/* The first return of a new task: an exit without a call */
static void new_task(struct kunit *test)
{
	set_up(SYSCALL_WORK_SYSCALL_TRACE | SYSCALL_WORK_SYSCALL_TRACEPOINT |
	       SYSCALL_WORK_SECCOMP);
	syscall_set_return_value(fake.task, &fake.regs, 0, 0);
	fake.instrumentable = 0;
	fake.ti->flags = _TIF_NOTIFY_RESUME;
	syscall_exit_to_user_mode(&fake.regs);
	expect_log("{ check trace_exit:0 ptrace_exit resume arch rseq " END " } " LEAVE,
		   "new task");
	expect_result(0);
}

static void enter(struct kunit *test)
{
	set_up(0);
	fake.irqs_off = true;
	fake.instrumentable = 0;
	enter_from_user_mode_randomize_stack(&fake.regs);
	KUNIT_EXPECT_TRUE(test, fake.irqs_off);
	expect_log(ENTER " { kstack }", "entered");
}

#ifdef CONFIG_PROVE_LOCKING
static __always_inline void call_with_irqs_off(struct pt_regs *regs, long nr)
{
	call(regs, nr);
	fake_irq_disable();
	fake.tick_told = true;
}

static void call_leaves_interrupts_disabled(struct kunit *test)
{
	set_up(0);
	generic_do_syscall(&fake.regs, call_with_irqs_off);
	expect_log("enter call:39 warn check " END, "no work");

	set_up(SYSCALL_WORK_SYSCALL_TRACE);
	generic_do_syscall(&fake.regs, call_with_irqs_off);
	expect_log("enter ptrace preset:39 call:39 warn check ptrace_exit " END, "traced");
}
#endif

static struct kunit_case entry_syscall_cases[] = {
	KUNIT_CASE(nothing_to_do),
	KUNIT_CASE(each_kind_of_work),
	KUNIT_CASE(all_combinations_of_work),
	KUNIT_CASE(each_work_with_each_tif_bit),
	KUNIT_CASE(each_tif_bit_without_work),
	KUNIT_CASE(forbidden),
	KUNIT_CASE(forbidden_and_exit_work),
	KUNIT_CASE(dispatched_then_not),
	KUNIT_CASE(work_gone_when_looked_at_again),
	KUNIT_CASE(number_changed),
	KUNIT_CASE(tracer_sets_result),
	KUNIT_CASE(tracer_changes_work),
	KUNIT_CASE(work_changes_during_call),
	KUNIT_CASE(new_task),
	KUNIT_CASE(enter),
#ifdef CONFIG_PROVE_LOCKING
	KUNIT_CASE(call_leaves_interrupts_disabled),
#endif
	{ }
};

static struct kunit_suite entry_syscall_suite = {
	.name		= "entry_syscall",
	.init		= fake_init,
	.test_cases	= entry_syscall_cases,
};

kunit_test_suite(entry_syscall_suite);
