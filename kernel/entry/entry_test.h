/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic entry code for KUnit: each test compiles a private copy, in which
 * every called function is replaced by a fake. The kernel's copy is not involved
 * and needs no hooks for that.
 *
 * Task, registers and interrupt flag are made up. Each fake appends a word to a
 * log, and then does what the test has requested with fake_on(). If it is called
 * in a wrong context, it also logs a mark, so that the log does not match what
 * the test expects.
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

/* Something went wrong: make the code under test terminate */
static void fake_stop(void)
{
	fake.ti->flags = 0;
	fake.restarts = 0;
	fake.reactions = 0;
}

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
	if (fake.len + 1 >= sizeof(fake.log))
		fake_stop();
}

/* Allowed in any context. Returns false if the test forbids the syscall here */
static bool fake_event(const char *word)
{
	fake_append(word);
	return fake_happens(word);
}

static void fake_wrong(const char *word, const char *what)
{
	char buf[48];

	scnprintf(buf, sizeof(buf), "%s(%s!)", word, what);
	fake_append(buf);
}

static void fake_check_regs(const char *word, const struct pt_regs *regs)
{
	if (regs != &fake.regs)
		fake_wrong(word, "other regs");
}

/* Calls that may sleep, and calls that must not */
static bool fake_sleeps(const char *word)
{
	if (fake.irqs_off)
		fake_wrong(word, "irqs off");
	return fake_event(word);
}

static void fake_atomic(const char *word)
{
	if (!fake.irqs_off)
		fake_wrong(word, "irqs on");
	fake_event(word);
}

/* Calls inside and outside of instrumentation_begin() and instrumentation_end() */
static void fake_instr(const char *word)
{
	if (!fake.instrumentable)
		fake_wrong(word, "noinstr");
	fake_atomic(word);
}

static void fake_noinstr(const char *word)
{
	if (fake.instrumentable)
		fake_wrong(word, "instr");
	fake_atomic(word);
}

static bool fake_sleeps_val(const char *word, long val)
{
	char buf[32];

	if (fake.irqs_off)
		fake_wrong(word, "irqs off");
	scnprintf(buf, sizeof(buf), "%s:%ld", word, val);
	fake_append(buf);
	return fake_happens(word);
}

/*
 * Interrupts and flags
 */

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

static bool fake_irqs_disabled(void)
{
	return fake.irqs_off;
}

static void fake_assert_irqs_off(void)
{
	if (!fake.irqs_off)
		fake_wrong("assert", "irqs on");
	fake.irqs_asserted = true;
}

static void fake_tick(void)
{
	if (!fake.irqs_off)
		fake_wrong("tick", "irqs on");
	fake.tick_told = true;
	fake_happens("tick");
}

static struct task_struct *fake_current(void)
{
	return fake.task;
}

/* Only TIF bits that are read with interrupts disabled count */
static struct thread_info *fake_thread_info(void)
{
	if (fake.irqs_off) {
		if (!fake.tick_told)
			fake_wrong("flags", "no tick");
		fake.flags_read = fake.ti->flags;
	}
	return fake.ti;
}

static struct thread_info *fake_task_thread_info(const struct task_struct *task)
{
	if (task != fake.task)
		fake_wrong("flags", "other task");
	return fake_thread_info();
}

static unsigned long fake_flags(void)
{
	if (!fake.irqs_off)
		fake_wrong("flags", "irqs on");
	return fake_thread_info()->flags;
}

static void fake_check_work(const char *word, unsigned long ti_work)
{
	if (ti_work != fake.flags_read)
		fake_wrong(word, "other work");
}

static void fake_warn(bool cond)
{
	if (cond)
		fake_append("warn");
}

/*
 * The exit loop's work. Each fake clears its TIF bit
 */

static bool fake_grant_slice(unsigned long ti_work, unsigned long denied)
{
	fake_check_work("grant", ti_work);
	if (!fake.slice_wanted || (ti_work & denied))
		return false;
	fake.ti->flags &= ~(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY);
	fake_sleeps("granted");
	return true;
}

static void fake_schedule(void)
{
	fake.ti->flags &= ~(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY);
	fake_sleeps("schedule");
}

static void fake_uprobe(struct pt_regs *regs)
{
	fake_check_regs("uprobe", regs);
#ifdef _TIF_UPROBE
	fake.ti->flags &= ~_TIF_UPROBE;
#endif
	fake_sleeps("uprobe");
}

static void fake_klp(struct task_struct *task)
{
	if (task != fake.task)
		fake_wrong("klp", "other task");
#ifdef _TIF_PATCH_PENDING
	fake.ti->flags &= ~_TIF_PATCH_PENDING;
#endif
	fake_sleeps("klp");
}

static void fake_step(struct pt_regs *regs)
{
	fake_check_regs("step", regs);
#ifdef _TIF_SYSCALL_STEP
	fake.ti->flags &= ~_TIF_SYSCALL_STEP;
#endif
	fake_sleeps("step");
}

static void fake_futex(struct pt_regs *regs)
{
	fake_check_regs("futex", regs);
	fake_sleeps("futex");
}

static void fake_signal(struct pt_regs *regs)
{
	fake_check_regs("signal", regs);
	fake.ti->flags &= ~(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL);
	fake_sleeps("signal");
}

static void fake_resume(struct pt_regs *regs)
{
	fake_check_regs("resume", regs);
	fake.ti->flags &= ~_TIF_NOTIFY_RESUME;
	fake_sleeps("resume");
}

/* A made-up bit for the architecture's work */
#undef ARCH_EXIT_TO_USER_MODE_WORK
#define ARCH_EXIT_TO_USER_MODE_WORK	BIT(31)

static void fake_arch_work(struct pt_regs *regs, unsigned long ti_work)
{
	fake_check_regs("arch", regs);
	fake_check_work("arch", ti_work);
	fake.ti->flags &= ~(ti_work & ARCH_EXIT_TO_USER_MODE_WORK);
	fake_sleeps("arch");
}

static bool fake_rseq_restart(struct pt_regs *regs, unsigned long ti_work)
{
	fake_check_regs("rseq", regs);
	fake_check_work("rseq", ti_work);
	fake_atomic("rseq");
	if (fake.restarts) {
		fake.restarts--;
		fake.ti->flags |= _TIF_NOTIFY_RESUME;
		return true;
	}
	if (IS_ENABLED(CONFIG_HAVE_GENERIC_TIF_BITS))
		fake.ti->flags &= ~_TIF_RSEQ;
	return false;
}

#ifndef ARCH_EXIT_TO_USER_MODE_LATE
#define ARCH_EXIT_TO_USER_MODE_LATE	BIT(30)
#endif

static unsigned long fake_late(unsigned long ti_work)
{
	fake_check_work("late", ti_work);
	fake_atomic("late");
	return ti_work;
}

static bool fake_rearm_user(unsigned long *ti_work, unsigned long mask)
{
#ifdef CONFIG_HRTIMER_REARM_DEFERRED
	const unsigned long resched = _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY;

	if (!(mask & *ti_work & _TIF_HRTIMER_REARM) || (*ti_work & resched))
		return false;
	if (fake.irqs_were_on)
		fake_wrong("rearm", "irqs were on");
	fake.ti->flags &= ~_TIF_HRTIMER_REARM;
	*ti_work &= ~_TIF_HRTIMER_REARM;
	fake.flags_read = *ti_work;
	fake_atomic("rearm");
	return !*ti_work;
#else
	return false;
#endif
}

/*
 * After the loop
 */

static void fake_prepare(struct pt_regs *regs, unsigned long ti_work)
{
	fake_check_regs("prepare", regs);
	fake_check_work("prepare", ti_work);
	fake_atomic("prepare");
	fake.irqs_asserted = false;
}

static void fake_rseq_syscall_exit(void)	{ fake_atomic("rseq_syscall"); }
static void fake_rseq_irq_exit(void)		{ fake_atomic("rseq_irq"); }
static __maybe_unused void fake_kmap(void)	{ fake_atomic("kmap"); }

static void fake_sys_exit(void)
{
	if (!fake.irqs_asserted)
		fake_wrong("lockdep", "irqs not asserted");
	fake_atomic("lockdep");
}

/*
 * One-time work
 */

static void fake_syscall_enter(struct pt_regs *regs)
{
	fake_check_regs("enter", regs);
	fake_sleeps("enter");
}

static void fake_syscall_preset(struct pt_regs *regs, long nr)
{
	fake_check_regs("preset", regs);
	if (nr != -1)
		syscall_set_return_value(current, regs, FAKE_PRESET, 0);
}

static bool fake_user_dispatch(struct pt_regs *regs)
{
	fake_check_regs("dispatch", regs);
	fake.rolled_back = !fake_sleeps("dispatch");
	return fake.rolled_back;
}

static bool fake_user_dispatch_clear(void)
{
	return xchg(&fake.rolled_back, false);
}

static void fake_rseq_slice(long nr)		{ fake_sleeps_val("slice", nr); }
static bool fake_seccomp(void)			{ return fake_sleeps("seccomp"); }

static bool fake_ptrace_entry(struct pt_regs *regs)
{
	fake_check_regs("ptrace", regs);
	return fake_sleeps("ptrace");
}

static void fake_ptrace_exit(struct pt_regs *regs, int step)
{
	fake_check_regs("ptrace_exit", regs);
	fake_sleeps(step ? "step_exit" : "ptrace_exit");
}

static void fake_trace_enter(struct pt_regs *regs, long nr)
{
	fake_check_regs("trace", regs);
	fake_sleeps_val("trace", nr);
}

static void fake_trace_exit(struct pt_regs *regs, long result)
{
	fake_check_regs("trace_exit", regs);
	fake_sleeps_val("trace_exit", result);
}

#ifdef CONFIG_AUDITSYSCALL
static void fake_audit_enter(int nr, unsigned long a0, unsigned long a1, unsigned long a2,
			     unsigned long a3)
{
	unsigned long args[6];

	syscall_get_arguments(fake.task, &fake.regs, args);
	if (a0 != args[0] || a1 != args[1] || a2 != args[2] || a3 != args[3])
		fake_wrong("audit", "other arguments");
	fake_sleeps_val("audit", nr);
}

static void fake_audit_exit(int success, long result)
{
	fake_sleeps_val(success ? "audit_exit" : "audit_fail", result);
}
#endif

static void fake_rseq_debug(struct pt_regs *regs)
{
	fake_check_regs("check", regs);
	fake_sleeps("check");
}

/*
 * Transition
 */

static void fake_begin(void)
{
	fake.instrumentable++;
	fake_append("{");
}

static void fake_end(void)
{
	fake.instrumentable--;
	fake_append("}");
}

static void fake_user_exit(void)
{
	fake_noinstr("ct_exit");
	fake.ct_state = CT_STATE_KERNEL;
}

static void fake_user_enter(void)
{
	fake_noinstr("ct_enter");
	fake.ct_state = CT_STATE_USER;
}

static void fake_arch_enter(struct pt_regs *regs)
{
	fake_check_regs("arch_enter", regs);
	fake_noinstr("arch_enter");
}

static void fake_kmsan(struct pt_regs *regs)
{
	fake_check_regs("kmsan", regs);
	fake_instr("kmsan");
}

static void fake_arch_exit(void)		{ fake_noinstr("arch_exit"); }
static void fake_lockdep_off(unsigned long ip)	{ fake_noinstr("lockdep_off"); }
static void fake_lockdep_on(unsigned long ip)	{ fake_noinstr("lockdep_on"); }
static void fake_lockdep_prepare(void)		{ fake_instr("lockdep_prepare"); }
static void fake_trace_off_finish(void)		{ fake_instr("trace_off"); }
static void fake_trace_on_prepare(void)		{ fake_instr("trace_prepare"); }
static void fake_trace_on(void)			{ fake_instr("trace_on"); }
static void fake_unwind_reset(void)		{ fake_instr("unwind"); }
static __maybe_unused void fake_random_kstack(void) { fake_instr("kstack"); }
static void fake_rseq_note(void)		{ fake_atomic("rseq_note"); }

/*
 * Interrupts that hit the kernel, and NMIs
 */

static bool fake_user_mode(struct pt_regs *regs)
{
	fake_check_regs("user_mode", regs);
	return fake.from_user;
}

static bool fake_regs_irqs_disabled(struct pt_regs *regs)
{
	fake_check_regs("regs_irqs", regs);
	return fake.regs_irqs_off;
}

static bool fake_is_idle(const struct task_struct *task)
{
	if (task != fake.task)
		fake_wrong("idle", "other task");
	return fake.idle;
}

static void fake_preempt(void)
{
	fake.ti->flags &= ~_TIF_NEED_RESCHED;
	fake_instr("preempt");
}

static void fake_rearm(void)			{ fake_instr("rearm"); }
static void fake_hardirq_enter(void)		{ fake_atomic("hardirq"); }
static void fake_hardirq_exit(void)		{ fake_atomic("hardirq_end"); }
static void fake_ct_irq_enter(void)		{ fake_noinstr("ct_irq"); }
static void fake_ct_irq_exit(void)		{ fake_noinstr("ct_irq_end"); }
static void fake_check_tick(void)		{ fake_instr("check_tick"); }
static void fake_check_preempt(void)		{ fake_instr("check_rcu"); }
static void fake_nmi_enter(void)		{ fake_noinstr("nmi"); }
static void fake_nmi_exit(void)			{ fake_noinstr("nmi_end"); }
static void fake_ct_nmi_enter(void)		{ fake_noinstr("ct_nmi"); }
static void fake_ct_nmi_exit(void)		{ fake_noinstr("ct_nmi_end"); }
static void fake_ftrace_nmi_enter(void)		{ fake_instr("ftrace"); }
static void fake_ftrace_nmi_exit(void)		{ fake_instr("ftrace_end"); }

/*
 * Replace what the code calls. Some of it is a macro in some configurations.
 */

#undef current
#define current					fake_current()
#undef current_thread_info
#define current_thread_info			fake_thread_info
#undef task_thread_info
#define task_thread_info			fake_task_thread_info
#undef read_thread_flags
#define read_thread_flags			fake_flags
#undef arch_syscall_current
#define arch_syscall_current			fake_current
#undef WARN
#define WARN(cond, ...)				({ bool __c = (cond); fake_warn(__c); __c; })
#undef WARN_ON_ONCE
#define WARN_ON_ONCE(cond)			fake_warn(cond)

#undef local_irq_enable
#define local_irq_enable			fake_irq_enable
#undef local_irq_disable
#define local_irq_disable			fake_irq_disable
#undef irqs_disabled
#define irqs_disabled				fake_irqs_disabled
#undef lockdep_assert_irqs_disabled
#define lockdep_assert_irqs_disabled		fake_assert_irqs_off
#define tick_nohz_user_enter_prepare		fake_tick

#define rseq_grant_slice_extension		fake_grant_slice
#undef schedule
#define schedule				fake_schedule
#define uprobe_notify_resume			fake_uprobe
#define klp_update_patch_state			fake_klp
#undef arch_syscall_step
#define arch_syscall_step			fake_step
#define futex_fixup_robust_unlock		fake_futex
#define arch_do_signal_or_restart		fake_signal
#define resume_user_mode_work			fake_resume
#undef arch_exit_to_user_mode_work
#define arch_exit_to_user_mode_work		fake_arch_work
#define rseq_exit_to_user_mode_restart		fake_rseq_restart
#undef arch_exit_to_user_mode_late
#define arch_exit_to_user_mode_late		fake_late
#define hrtimer_rearm_deferred_user_irq		fake_rearm_user

#undef arch_exit_to_user_mode_prepare
#define arch_exit_to_user_mode_prepare		fake_prepare
#define rseq_syscall_exit_to_user_mode		fake_rseq_syscall_exit
#define rseq_irqentry_exit_to_user_mode		fake_rseq_irq_exit
#undef kmap_assert_nomap
#define kmap_assert_nomap			fake_kmap
#undef lockdep_sys_exit
#define lockdep_sys_exit			fake_sys_exit

#undef arch_syscall_enter
#define arch_syscall_enter			fake_syscall_enter
#undef arch_syscall_preset
#define arch_syscall_preset			fake_syscall_preset
#define syscall_user_dispatch			fake_user_dispatch
#define syscall_user_dispatch_clear_on_dispatch	fake_user_dispatch_clear
#define rseq_syscall_enter_work			fake_rseq_slice
#define __seccomp_permit_syscall		fake_seccomp
#undef arch_ptrace_report_syscall_permit_entry
#define arch_ptrace_report_syscall_permit_entry	fake_ptrace_entry
#undef arch_ptrace_report_syscall_exit
#define arch_ptrace_report_syscall_exit		fake_ptrace_exit
#define trace_sys_enter				fake_trace_enter
#define trace_sys_exit				fake_trace_exit
#define __audit_syscall_entry			fake_audit_enter
#define __audit_syscall_exit			fake_audit_exit
#define rseq_debug_syscall_return		fake_rseq_debug

#undef instrumentation_begin
#define instrumentation_begin			fake_begin
#undef instrumentation_end
#define instrumentation_end			fake_end
#define context_tracking_enabled()		(fake.ct_enabled)
#define __ct_state()				(fake.ct_state)
#undef CT_WARN_ON
#define CT_WARN_ON				fake_warn
#define user_exit_irqoff			fake_user_exit
#define user_enter_irqoff			fake_user_enter
#undef arch_enter_from_user_mode
#define arch_enter_from_user_mode		fake_arch_enter
#undef arch_exit_to_user_mode
#define arch_exit_to_user_mode			fake_arch_exit
#define lockdep_hardirqs_off			fake_lockdep_off
#define lockdep_hardirqs_on			fake_lockdep_on
#define lockdep_hardirqs_on_prepare		fake_lockdep_prepare
#undef trace_hardirqs_off_finish
#define trace_hardirqs_off_finish		fake_trace_off_finish
#undef trace_hardirqs_on_prepare
#define trace_hardirqs_on_prepare		fake_trace_on_prepare
#undef trace_hardirqs_on
#define trace_hardirqs_on			fake_trace_on
#define kmsan_unpoison_entry_regs		fake_kmsan
#define unwind_reset_info			fake_unwind_reset
#undef add_random_kstack_offset_irqsoff
#define add_random_kstack_offset_irqsoff	fake_random_kstack
#define rseq_note_user_irq_entry		fake_rseq_note

#undef user_mode
#define user_mode				fake_user_mode
#undef regs_irqs_disabled
#define regs_irqs_disabled			fake_regs_irqs_disabled
#define is_idle_task				fake_is_idle
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
#define preempt_schedule_irq			fake_preempt
#define hrtimer_rearm_deferred			fake_rearm
#undef lockdep_hardirq_enter
#define lockdep_hardirq_enter			fake_hardirq_enter
#undef lockdep_hardirq_exit
#define lockdep_hardirq_exit			fake_hardirq_exit
#define ct_irq_enter				fake_ct_irq_enter
#define ct_irq_exit				fake_ct_irq_exit
#define rcu_irq_enter_check_tick		fake_check_tick
#define rcu_irq_exit_check_preempt		fake_check_preempt
#undef __nmi_enter
#define __nmi_enter				fake_nmi_enter
#undef __nmi_exit
#define __nmi_exit				fake_nmi_exit
#define ct_nmi_enter				fake_ct_nmi_enter
#define ct_nmi_exit				fake_ct_nmi_exit
#define ftrace_nmi_enter			fake_ftrace_nmi_enter
#define ftrace_nmi_exit				fake_ftrace_nmi_exit

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
static __maybe_unused bool syscall_enter_work(struct pt_regs *regs, unsigned long work);
static __maybe_unused void syscall_exit_work(struct pt_regs *regs, unsigned long work);
static __maybe_unused unsigned long syscall_exit_all_work(struct pt_regs *regs);
static __maybe_unused unsigned long syscall_exit_skipped(struct pt_regs *regs);
static __maybe_unused unsigned long syscall_exit_any_work(struct pt_regs *regs,
							  unsigned long pending);
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
			fake_wrong(fake.on[i].at, "never");
	}
	return fake.log;
}

/* Exactly these words were logged, and each requested reaction happened */
#define expect_log(expected, ...)	\
	KUNIT_EXPECT_STREQ_MSG(fake.test, fake_log(), expected, __VA_ARGS__)

/* The two halves of the transition, without context tracking */
#define ENTER	"arch_enter lockdep_off { kmsan trace_off }"
#define LEAVE	"{ unwind trace_prepare lockdep_prepare } arch_exit lockdep_on"

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

/* TIF bits that are handled after the exit loop, not in a round of it */
#define BEHIND_ROUNDS	(ARCH_EXIT_TO_USER_MODE_LATE |						\
			 (IS_ENABLED(CONFIG_HAVE_GENERIC_TIF_BITS) ? _TIF_RSEQ : 0))

static void expect_round(struct expected *e, unsigned long ti_work)
{
	if (!(ti_work & EXIT_TO_USER_MODE_ANY & ~BEHIND_ROUNDS))
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
	/* Late work alone does not need the loop */
	if ((ti_work | later) & EXIT_TO_USER_MODE_WORK) {
		expect_round(e, ti_work);
		expect_round(e, later);
		expect(e, "rseq");
	}
	if ((ti_work | later) & ARCH_EXIT_TO_USER_MODE_LATE)
		expect(e, "late");
}

#endif /* _KERNEL_ENTRY_ENTRY_TEST_H */
