/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic entry code for KUnit: each test compiles a private copy, in which
 * every called function is replaced by a fake. The kernel's copy is not involved
 * and needs no hooks for that.
 *
 * Task, registers and interrupt flag are made up. Each fake is a macro. It appends a
 * word to a log, and then does what the test has requested with fake_on(). If it is
 * called in a wrong context or with wrong arguments, it also logs a mark, so that the
 * log does not match what the test expects.
 */
#ifndef _KERNEL_ENTRY_ENTRY_TEST_H
#define _KERNEL_ENTRY_ENTRY_TEST_H

#include <kunit/test.h>

/* All headers that the code under test needs, before the macros below take effect */
#include <linux/audit.h>
#include <linux/bug.h>
#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/ftrace_irq.h>
#include <linux/futex.h>
#include <linux/hardirq.h>
#include <linux/highmem.h>
#include <linux/hrtimer_rearm.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/kmsan.h>
#include <linux/livepatch.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/randomize_kstack.h>
#include <linux/rcupdate.h>
#include <linux/resume_user_mode.h>
#include <linux/rseq.h>
#include <linux/rseq_entry.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/seccomp.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/syscall_user_dispatch.h>
#include <linux/thread_info.h>
#include <linux/tick.h>
#include <linux/unwind_deferred.h>
#include <linux/uprobes.h>

#include <trace/events/syscalls.h>

#include <asm/syscall.h>

#ifdef _LINUX_ENTRY_USER_H
#error "The code under test has been included already, with what it really calls."
#endif

/* The architecture's hooks. The guards keep them from including the code under test. */
#define _LINUX_ENTRY_COMMON_H
#define _LINUX_ENTRY_USER_H
#define _LINUX_IRQ_ENTRY_COMMON_H
#include <asm/entry-common.h>
#undef _LINUX_ENTRY_COMMON_H
#undef _LINUX_ENTRY_USER_H
#undef _LINUX_IRQ_ENTRY_COMMON_H

#define FAKE_NR		39	/* Number of the syscall */
#define FAKE_RESULT	4711	/* Result of the call */
#define FAKE_PRESET	(-EINVAL)	/* Result before the call: some error */

/* What to do when an event happens for the first time */
struct fake_reaction {
	const char	*at;
	unsigned long	set_ti;
	unsigned long	set_work;
	unsigned long	clear_work;
	long		nr;		/* new number of the syscall */
	long		result;		/* new result */
	bool		no;		/* forbid the syscall */
};

static struct {
	struct kunit		*test;
	struct task_struct	*task;
	struct thread_info	*ti;
	struct pt_regs		regs;

	struct fake_reaction	on[8];
	int			reactions;

	/* State of the CPU and of the kernel, and what the fakes return */
	bool			irqs_off;
	bool			irqs_were_on;	/* since fake_clear() */
	bool			irqs_asserted;	/* to be off, after the loop */
	bool			tick_told;	/* since interrupts were disabled */
	bool			rolled_back;	/* by user dispatch */
	bool			slice_wanted;	/* and granted, if allowed */
	int			restarts;	/* that rseq will request */
	int			instrumentable;
	bool			ct_enabled;
	int			ct_state;
	bool			from_user;
	bool			regs_irqs_off;
	bool			idle;
	bool			rcu_eqs;
	bool			lockdep_irqs_on;
	bool			off_stack;
	bool			no_preemption;	/* by the architecture */
	int			preempt_count;

	unsigned long		flags_read;	/* TIF bits as last read */
	char			log[512];
	size_t			len;
} fake;

static bool fake_happens(const char *word)
{
	struct fake_reaction *r;
	bool yes;

	for (r = fake.on; r < fake.on + fake.reactions; r++) {
		if (!r->at || strcmp(r->at, word))
			continue;
		yes = !r->no;
		r->at = NULL;
		fake.ti->flags |= r->set_ti;
		fake.ti->syscall_work |= r->set_work;
		fake.ti->syscall_work &= ~r->clear_work;
		if (r->nr)
			syscall_set_nr(fake.task, &fake.regs, r->nr);
		if (r->result)
			syscall_set_return_value(fake.task, &fake.regs, 0, r->result);
		return yes;
	}
	return true;
}

static void fake_append(const char *word)
{
	fake.len += scnprintf(fake.log + fake.len, sizeof(fake.log) - fake.len, "%s%s",
			      fake.len ? " " : "", word);
	if (fake.len + 1 < sizeof(fake.log))
		return;

	/* Something went wrong: make the code under test terminate */
	fake.ti->flags = 0;
	fake.restarts = 0;
	fake.reactions = 0;
}

/* Returns @cond, which is a fault if it is true */
static bool fake_wrong_if(bool cond, const char *word, const char *what)
{
	char buf[48];

	if (cond) {
		scnprintf(buf, sizeof(buf), "%s(%s!)", word, what);
		fake_append(buf);
	}
	return cond;
}

/* Check an argument of the call that has this word, and return the word */
static const char *with_regs(const char *word, const struct pt_regs *regs)
{
	fake_wrong_if(regs != &fake.regs, word, "other regs");
	return word;
}

static const char *with_task(const char *word, const struct task_struct *task)
{
	fake_wrong_if(task != fake.task, word, "other task");
	return word;
}

static const char *with_work(const char *word, unsigned long ti_work)
{
	fake_wrong_if(ti_work != fake.flags_read, word, "other work");
	return word;
}

/* A call that may sleep. Returns false if the test forbids the syscall here. */
static bool fake_sleeps(const char *word)
{
	fake_wrong_if(fake.irqs_off, word, "irqs off");
	fake_append(word);
	return fake_happens(word);
}

static bool fake_sleeps_val(const char *word, long val)
{
	char buf[32];

	fake_wrong_if(fake.irqs_off, word, "irqs off");
	scnprintf(buf, sizeof(buf), "%s:%ld", word, val);
	fake_append(buf);
	return fake_happens(word);
}

/* An item of the exit loop, which clears its TIF bits */
static void fake_item(const char *word, unsigned long bits)
{
	fake.ti->flags &= ~bits;
	fake_sleeps(word);
}

/* Calls that must not sleep */
static void fake_atomic(const char *word)
{
	fake_wrong_if(!fake.irqs_off, word, "irqs on");
	fake_append(word);
	fake_happens(word);
}

/* Calls inside and outside of instrumentation_begin() and instrumentation_end() */
static void fake_instr(const char *word)
{
	fake_wrong_if(!fake.instrumentable, word, "noinstr");
	fake_atomic(word);
}

static void fake_noinstr(const char *word)
{
	fake_wrong_if(fake.instrumentable, word, "instr");
	fake_atomic(word);
}

/* The same, with a new state of context tracking */
static void fake_ct(const char *word, int state)
{
	fake_noinstr(word);
	fake.ct_state = state;
}

static void fake_instrumentable(int more, const char *brace)
{
	fake.instrumentable += more;
	fake_append(brace);
}

static void fake_irq_enable(void)
{
	fake.irqs_off = false;
	fake.irqs_were_on = true;
}

/* An interrupt can arrive until the last moment */
static void fake_irq_disable(void)
{
	fake_happens("disable");
	fake.irqs_off = true;
	fake.tick_told = false;
}

static void fake_assert_irqs_off(void)
{
	fake_wrong_if(!fake.irqs_off, "assert", "irqs on");
	fake.irqs_asserted = true;
}

static void fake_tick(void)
{
	fake_wrong_if(!fake.irqs_off, "tick", "irqs on");
	fake.tick_told = true;
	fake_happens("tick");
}

static bool fake_warn(bool cond)
{
	if (cond)
		fake_append("warn");
	return cond;
}

/* A look at the one-time work */
static struct thread_info *fake_thread_info(void)
{
	fake_happens("look");
	return fake.ti;
}

/* Only TIF bits that are read with interrupts disabled count */
static unsigned long fake_flags(void)
{
	fake_wrong_if(!fake.irqs_off, "flags", "irqs on");
	fake_wrong_if(!fake.tick_told, "flags", "no tick");
	fake.flags_read = fake.ti->flags;
	return fake.flags_read;
}

/*
 * Fakes with more to do than to check and to log, or with a prototype in the headers
 * under test
 */

static bool fake_grant_slice(unsigned long ti_work, unsigned long denied)
{
	if (!fake.slice_wanted || (ti_work & denied))
		return false;
	fake_item(with_work("granted", ti_work), _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY);
	return true;
}

static void fake_step(struct pt_regs *regs)
{
#ifdef _TIF_SYSCALL_STEP
	fake_item(with_regs("step", regs), _TIF_SYSCALL_STEP);
#endif
}

static void fake_signal(struct pt_regs *regs)
{
	fake_item(with_regs("signal", regs), _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL);
}

/* A made-up bit for the architecture's work */
#undef ARCH_EXIT_TO_USER_MODE_WORK
#define ARCH_EXIT_TO_USER_MODE_WORK	BIT(31)
#undef ARCH_EXIT_TO_USER_MODE_LATE
#define ARCH_EXIT_TO_USER_MODE_LATE	BIT(30)

static void fake_arch_work(struct pt_regs *regs, unsigned long ti_work)
{
	fake_item(with_work(with_regs("arch", regs), ti_work),
		  ti_work & ARCH_EXIT_TO_USER_MODE_WORK);
}

static bool fake_rseq_restart(struct pt_regs *regs, unsigned long ti_work)
{
	fake_atomic(with_work(with_regs("rseq", regs), ti_work));
	if (fake.restarts) {
		fake.restarts--;
		fake.ti->flags |= _TIF_NOTIFY_RESUME;
		return true;
	}
	if (IS_ENABLED(CONFIG_HAVE_GENERIC_TIF_BITS))
		fake.ti->flags &= ~_TIF_RSEQ;
	return false;
}

static bool fake_rearm_user(unsigned long *ti_work, unsigned long mask)
{
#ifdef CONFIG_HRTIMER_REARM_DEFERRED
	const unsigned long resched = _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY;

	if (!(mask & *ti_work & _TIF_HRTIMER_REARM) || (*ti_work & resched))
		return false;
	fake_wrong_if(fake.irqs_were_on, "rearm", "irqs were on");
	fake.ti->flags &= ~_TIF_HRTIMER_REARM;
	*ti_work &= ~_TIF_HRTIMER_REARM;
	fake.flags_read = *ti_work;
	fake_atomic("rearm");
	return !*ti_work;
#else
	return false;
#endif
}

/* It may also be called without such a bit, after the loop */
static void fake_unwind_reset(unsigned long bit)
{
	if (fake.ti->flags & bit) {
		fake.ti->flags &= ~bit;
		fake_atomic("unwind");
	}
}

static void fake_late(unsigned long ti_work)
{
	if (ti_work & ARCH_EXIT_TO_USER_MODE_LATE)
		fake_atomic(with_work("late", ti_work));
}

static void fake_prepare(struct pt_regs *regs, unsigned long ti_work)
{
	fake_atomic(with_work(with_regs("prepare", regs), ti_work));
	fake.irqs_asserted = false;
}

static void fake_sys_exit(void)
{
	fake_wrong_if(!fake.irqs_asserted, "lockdep", "irqs not asserted");
	fake_atomic("lockdep");
}

static void fake_syscall_preset(struct pt_regs *regs, long nr)
{
	fake_sleeps_val(with_regs("preset", regs), nr);
	if (nr != -1)
		syscall_set_return_value(fake.task, regs, FAKE_PRESET, 0);
}

static bool fake_user_dispatch(struct pt_regs *regs)
{
	if (fake_sleeps(with_regs("dispatch", regs)))
		return false;
	fake.rolled_back = true;
	return true;
}

static __maybe_unused void fake_audit_enter(int nr, unsigned long a0, unsigned long a1,
					    unsigned long a2, unsigned long a3)
{
	unsigned long args[6];

	syscall_get_arguments(fake.task, &fake.regs, args);
	fake_wrong_if(a0 != args[0] || a1 != args[1] || a2 != args[2] || a3 != args[3],
		      "audit", "other arguments");
	fake_sleeps_val("audit", nr);
}

static void fake_audit_exit(struct pt_regs *regs)
{
#ifdef CONFIG_AUDITSYSCALL
	if (fake.task->audit_context)
		fake_sleeps_val(with_regs("audit_exit", regs), regs_return_value(regs));
#endif
}

/*
 * Replace what the code calls. Some of it is a macro in some configurations.
 */

/* State of the task and of the CPU */
#undef current
#define current					fake.task
#undef current_thread_info
#define current_thread_info()			fake_thread_info()
#undef read_thread_flags
#define read_thread_flags()			fake_flags()
#undef WARN
#define WARN(cond, ...)				fake_warn(cond)
#undef WARN_ON_ONCE
#define WARN_ON_ONCE(cond)			fake_warn(cond)
#undef local_irq_enable
#define local_irq_enable()			fake_irq_enable()
#undef local_irq_disable
#define local_irq_disable()			fake_irq_disable()
#undef irqs_disabled
#define irqs_disabled()				(fake.irqs_off)
#undef lockdep_assert_irqs_disabled
#define lockdep_assert_irqs_disabled()		fake_assert_irqs_off()
#define tick_nohz_user_enter_prepare()		fake_tick()
#undef user_mode
#define user_mode(regs)				(with_regs("user_mode", regs), fake.from_user)
#undef regs_irqs_disabled
#define regs_irqs_disabled(regs)		(with_regs("regs_irqs", regs), fake.regs_irqs_off)
#define is_idle_task(task)			(with_task("idle", task), fake.idle)
#undef arch_in_rcu_eqs
#define arch_in_rcu_eqs()			(fake.rcu_eqs)
#undef lockdep_hardirqs_enabled
#define lockdep_hardirqs_enabled()		(fake.lockdep_irqs_on)
#undef on_thread_stack
#define on_thread_stack()			(!fake.off_stack)
#undef arch_irqentry_exit_need_resched
#define arch_irqentry_exit_need_resched()	(!fake.no_preemption)
#undef preempt_count
#define preempt_count()				(fake.preempt_count)
#define need_resched()				(fake.ti->flags & _TIF_NEED_RESCHED)
#define context_tracking_enabled()		(fake.ct_enabled)
#define __ct_state()				(fake.ct_state)
#undef CT_WARN_ON
#define CT_WARN_ON(cond)			fake_warn(cond)

/* The exit loop */
#define rseq_grant_slice_extension(ti, denied)	fake_grant_slice(ti, denied)
#undef schedule
#define schedule()	fake_item("schedule", _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#define uprobe_notify_resume(regs)		fake_item(with_regs("uprobe", regs), _TIF_UPROBE)
#define klp_update_patch_state(task)	\
	fake_item(with_task("klp", task), _TIF_PATCH_PENDING)
#undef arch_syscall_step
#define arch_syscall_step			fake_step
#define futex_fixup_robust_unlock(regs)		fake_item(with_regs("futex", regs), 0)
#define arch_do_signal_or_restart		fake_signal
#define resume_user_mode_work(regs)	\
	fake_item(with_regs("resume", regs), _TIF_NOTIFY_RESUME)
#undef arch_exit_to_user_mode_work
#define arch_exit_to_user_mode_work(regs, ti)	fake_arch_work(regs, ti)
#define rseq_exit_to_user_mode_restart(regs, ti) fake_rseq_restart(regs, ti)
#define hrtimer_rearm_deferred_user_irq(ti, mask) fake_rearm_user(ti, mask)

/* After the loop */
#define unwind_reset_info()			fake_unwind_reset(_TIF_UNWIND)
#undef arch_exit_to_user_mode_late
#define arch_exit_to_user_mode_late		fake_late
#undef arch_exit_to_user_mode_prepare
#define arch_exit_to_user_mode_prepare(regs, ti) fake_prepare(regs, ti)
#define rseq_syscall_exit_to_user_mode()	fake_atomic("rseq_syscall")
#define rseq_irqentry_exit_to_user_mode()	fake_atomic("rseq_irq")
#undef kmap_assert_nomap
#define kmap_assert_nomap()			fake_atomic("kmap")
#undef lockdep_sys_exit
#define lockdep_sys_exit()			fake_sys_exit()

/* One-time work */
#undef arch_syscall_enter
#define arch_syscall_enter(regs)		fake_sleeps(with_regs("enter", regs))
#undef arch_syscall_preset
#define arch_syscall_preset(regs, nr)		fake_syscall_preset(regs, nr)
#define syscall_user_dispatch(regs)		fake_user_dispatch(regs)
#define syscall_user_dispatch_clear_on_dispatch() xchg(&fake.rolled_back, false)
#define rseq_syscall_enter_work(nr)		fake_sleeps_val("slice", nr)
#define __seccomp_permit_syscall()		fake_sleeps("seccomp")
#undef arch_ptrace_report_syscall_permit_entry
#define arch_ptrace_report_syscall_permit_entry(regs) fake_sleeps(with_regs("ptrace", regs))
#undef arch_ptrace_report_syscall_exit
#define arch_ptrace_report_syscall_exit(regs, step)	\
	fake_sleeps(with_regs((step) ? "step_exit" : "ptrace_exit", regs))
#define trace_sys_enter(regs, nr)		fake_sleeps_val(with_regs("trace", regs), nr)
#define trace_sys_exit(regs, result)	\
	fake_sleeps_val(with_regs("trace_exit", regs), result)
#ifdef CONFIG_AUDITSYSCALL
#define audit_context()				(fake.task->audit_context)
#endif
#define audit_syscall_entry			fake_audit_enter
#define audit_syscall_exit(regs)		fake_audit_exit(regs)
#define rseq_debug_syscall_return(regs)		fake_sleeps(with_regs("check", regs))

/* Transition */
#undef instrumentation_begin
#define instrumentation_begin()			fake_instrumentable(1, "{")
#undef instrumentation_end
#define instrumentation_end()			fake_instrumentable(-1, "}")
#define user_exit_irqoff()			fake_ct("ct_exit", CT_STATE_KERNEL)
#define user_enter_irqoff()			fake_ct("ct_enter", CT_STATE_USER)
#undef arch_enter_from_user_mode
#define arch_enter_from_user_mode(regs)		fake_noinstr(with_regs("arch_enter", regs))
#undef arch_exit_to_user_mode
#define arch_exit_to_user_mode()		fake_noinstr("arch_exit")
#define lockdep_hardirqs_off(...)		fake_noinstr("lockdep_off")
#define lockdep_hardirqs_on(...)		fake_noinstr("lockdep_on")
#define lockdep_hardirqs_on_prepare()		fake_instr("lockdep_prepare")
#undef trace_hardirqs_off_finish
#define trace_hardirqs_off_finish()		fake_instr("trace_off")
#undef trace_hardirqs_on_prepare
#define trace_hardirqs_on_prepare()		fake_instr("trace_prepare")
#undef trace_hardirqs_on
#define trace_hardirqs_on()			fake_instr("trace_on")
#define kmsan_unpoison_entry_regs(regs)		fake_instr(with_regs("kmsan", regs))
#undef add_random_kstack_offset_irqsoff
#define add_random_kstack_offset_irqsoff()	fake_instr("kstack")
#define rseq_note_user_irq_entry()		fake_atomic("rseq_note")

/* Interrupts that hit the kernel, and NMIs */
#define preempt_schedule_irq()	\
	(fake.ti->flags &= ~_TIF_NEED_RESCHED, fake_instr("preempt"))
#define hrtimer_rearm_deferred()		fake_instr("rearm")
#undef lockdep_hardirq_enter
#define lockdep_hardirq_enter()			fake_atomic("hardirq")
#undef lockdep_hardirq_exit
#define lockdep_hardirq_exit()			fake_atomic("hardirq_end")
#define ct_irq_enter()				fake_noinstr("ct_irq")
#define ct_irq_exit()				fake_noinstr("ct_irq_end")
#define rcu_irq_enter_check_tick()		fake_instr("check_tick")
#define rcu_irq_exit_check_preempt()		fake_instr("check_rcu")
#undef __nmi_enter
#define __nmi_enter()				fake_noinstr("nmi")
#undef __nmi_exit
#define __nmi_exit()				fake_noinstr("nmi_end")
#define ct_nmi_enter()				fake_noinstr("ct_nmi")
#define ct_nmi_exit()				fake_noinstr("ct_nmi_end")
#define ftrace_nmi_enter()			fake_instr("ftrace")
#define ftrace_nmi_exit()			fake_instr("ftrace_end")

/* Nothing is noinstr in a test, no calls are patched, and there are no tracepoints */
#undef noinstr
#define noinstr					noinline
#undef CONFIG_PREEMPT_DYNAMIC
#undef CONFIG_HAVE_SYSCALL_TRACEPOINTS
#undef TRACEPOINTS_ENABLED

/* Declared static here, the functions stay static where they are defined */
struct irqentry_state;
static __maybe_unused unsigned long exit_to_user_mode_loop(struct pt_regs *regs,
							   unsigned long ti_work);
static __maybe_unused bool syscall_enter_work(struct pt_regs *regs);
static __maybe_unused void syscall_exit_work(struct pt_regs *regs);
static __maybe_unused void raw_irqentry_exit_cond_resched(void);
static __maybe_unused struct irqentry_state irqentry_enter(struct pt_regs *regs);
static __maybe_unused void irqentry_exit(struct pt_regs *regs, struct irqentry_state state);
static __maybe_unused struct irqentry_state irqentry_nmi_enter(struct pt_regs *regs);
static __maybe_unused void irqentry_nmi_exit(struct pt_regs *regs, struct irqentry_state state);

#include "syscall-common.c"
#include "user.c"
#include "common.c"

/* Reset the state: in the kernel, interrupts disabled, nothing pending */
static void fake_clear(void)
{
	fake.irqs_off = true;
	fake.irqs_were_on = false;
	fake.tick_told = false;
	fake.reactions = 0;
	fake.len = 0;
	fake.log[0] = 0;
	fake.ti->flags = 0;
	fake.ti->syscall_work = 0;
}

static __maybe_unused void fake_on(struct fake_reaction reaction)
{
	KUNIT_ASSERT_LT(fake.test, fake.reactions, ARRAY_SIZE(fake.on));
	fake.on[fake.reactions++] = reaction;
}

static int fake_init(struct kunit *test)
{
	memset(&fake, 0, sizeof(fake));
	fake.test = test;
	fake.task = kunit_kzalloc(test, sizeof(*fake.task), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake.task);
	fake.ti = kunit_kzalloc(test, sizeof(*fake.ti), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake.ti);
	fake_clear();
	return 0;
}

static const char *fake_log(void)
{
	int i;

	for (i = 0; i < fake.reactions; i++) {
		if (fake.on[i].at)
			fake_wrong_if(true, fake.on[i].at, "never");
	}
	return fake.log;
}

/* Exactly these words were logged, and each requested reaction happened */
#define expect_log(expected, ...)	\
	KUNIT_EXPECT_STREQ_MSG(fake.test, fake_log(), expected, __VA_ARGS__)

/* The two halves of the transition, without context tracking */
#define ENTER	"arch_enter lockdep_off { kmsan trace_off }"
#define LEAVE	"{ trace_prepare lockdep_prepare } arch_exit lockdep_on"

/*
 * The expected log, derived from the documentation, not from the code
 */

struct expected {
	char	log[sizeof(fake.log)];
	size_t	len;
};

static void expect(struct expected *e, const char *words)
{
	e->len += scnprintf(e->log + e->len, sizeof(e->log) - e->len, "%s%s",
			    e->len ? " " : "", words);
}

/* The TIF bit that is handled after the exit loop, not in a round of it */
#define AFTER_ROUNDS	(IS_ENABLED(CONFIG_HAVE_GENERIC_TIF_BITS) ? _TIF_RSEQ : 0)

static void expect_round(struct expected *e, unsigned long ti_work)
{
	if (!(ti_work & EXIT_TO_USER_MODE_WORK & ~AFTER_ROUNDS))
		return;
	if (ti_work & (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY))
		expect(e, "schedule");
	if (ti_work & _TIF_UPROBE)
		expect(e, "uprobe");
	if (ti_work & _TIF_PATCH_PENDING)
		expect(e, "klp");
	if (ti_work & _TIF_SYSCALL_STEP)
		expect(e, "step");
	if (ti_work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL))
		expect(e, "futex signal");
	if (ti_work & _TIF_NOTIFY_RESUME)
		expect(e, "resume");
	expect(e, "arch");
}

/* @ti_work is set at first, and @later while @ti_work is handled */
static __maybe_unused void
expect_loop(struct expected *e, unsigned long ti_work, unsigned long later)
{
	if (!((ti_work | later) & EXIT_TO_USER_MODE_WORK))
		return;
	expect_round(e, ti_work);
	expect_round(e, later);
	expect(e, "rseq");
}

#endif /* _KERNEL_ENTRY_ENTRY_TEST_H */
