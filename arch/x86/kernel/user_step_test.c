// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the rules by which single steps over system calls are reported, with
 * made-up registers. The selftests cover what a program sees. They cannot cover
 * frames as FRED leaves them on CPUs without FRED; these tests do.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>

#include <linux/cleanup.h>
#include <linux/entry-common.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/spinlock.h>
#include <linux/thread_info.h>

#include <asm/debugreg.h>
#include <asm/fred.h>
#include <asm/ptrace.h>
#include <asm/segment.h>
#include <asm/syscall.h>
#include <asm/user_step.h>

#define USER_IP	0x1234UL

static bool step_noted(void)
{
	return test_thread_flag(TIF_SYSCALL_STEP);
}

/* The registers after a syscall that was made with @flags and returned @ax */
static struct pt_regs user_regs(unsigned long flags, long ax)
{
	return (struct pt_regs) {
		.ip		= USER_IP,
		.cs		= __USER_CS,
		.ss		= __USER_DS,
		.flags		= flags | X86_EFLAGS_IF | X86_EFLAGS_FIXED,
		.orig_ax	= 1,
		.ax		= ax,
	};
}

/* Replaces user_step_trap(), because a kernel thread gets no siginfo */
static void count_trap(struct pt_regs *regs)
{
	struct kunit *test = kunit_get_current_test();

	KUNIT_EXPECT_EQ(test, regs->ip, USER_IP);
	(*(int *)test->priv)++;
}

/* The number of traps since the last call */
static int take_traps(struct kunit *test)
{
	int *count = test->priv, traps = *count;

	*count = 0;
	clear_thread_flag(TIF_SIGPENDING);
	return traps;
}

/* Signals of this kernel thread. They stay pending: it never returns to user mode. */

#define HANDLER	((__force __sighandler_t)USER_IP)

static struct sighand_struct *own_sighand(void)
{
	return rcu_dereference_protected(current->sighand, true);
}

static void set_handler(int sig, __sighandler_t handler, unsigned long flags, sigset_t mask)
{
	guard(spinlock_irq)(&own_sighand()->siglock);

	own_sighand()->action[sig - 1].sa = (struct sigaction) {
		.sa_handler	= handler,
		.sa_flags	= flags,
		.sa_mask	= mask,
	};
}

static void make_pending(struct sigpending *pending, int sig, bool on)
{
	guard(spinlock_irq)(&own_sighand()->siglock);

	if (on)
		sigaddset(&pending->signal, sig);
	else
		sigdelset(&pending->signal, sig);
}

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static int user_step_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(int), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, test->priv);
	kunit_activate_static_stub(test, user_step_trap, count_trap);
	return 0;
}

static void user_step_exit(struct kunit *test)
{
	syscall_step_drop();
	clear_thread_flag(TIF_FORCED_TF);
	clear_restore_sigmask();
	clear_thread_flag(TIF_SIGPENDING);
	set_handler(SIGTRAP, SIG_IGN, 0, set_of(0));
	set_handler(SIGUSR1, SIG_IGN, 0, set_of(0));
}

/* All combinations of TF at entry, TF at exit, and TF forced by a tracer */
static void test_due(struct kunit *test)
{
	int entry, exit, forced;
	struct pt_regs regs;

	for (entry = 0; entry < 2; entry++) {
		for (exit = 0; exit < 2; exit++) {
			for (forced = 0; forced < 2; forced++) {
				int due = entry && exit && !forced;

				if (forced)
					set_thread_flag(TIF_FORCED_TF);
				regs = user_regs(entry ? X86_EFLAGS_TF : 0, 0);
				arch_syscall_enter(&regs);
				KUNIT_EXPECT_EQ(test, step_noted(), entry && !forced);

				regs = user_regs(exit ? X86_EFLAGS_TF : 0, 0);
				if (step_noted())
					arch_syscall_step(&regs);
				KUNIT_EXPECT_FALSE(test, step_noted());
				KUNIT_EXPECT_EQ_MSG(test, take_traps(test), due,
						    "entry %d, exit %d, forced %d",
						    entry, exit, forced);
				clear_thread_flag(TIF_FORCED_TF);
			}
		}
	}
}

/* A tracer takes over in the middle of the call */
static void test_forced_later(struct kunit *test)
{
	struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);

	arch_syscall_enter(&regs);
	set_thread_flag(TIF_FORCED_TF);
	arch_syscall_step(&regs);
	KUNIT_EXPECT_FALSE(test, step_noted());
	KUNIT_EXPECT_EQ(test, take_traps(test), 0);
}

static const struct {
	const char *name;
	long orig_ax, ax;
	bool pending, temporary_mask, undecided;
} results[] = {
	{ "success",			 1, 0,				true },
	{ "-EINTR",			 1, -EINTR,			true },
	{ "-ERESTARTSYS",		 1, -ERESTARTSYS,		true, .undecided = true },
	{ "-ERESTARTNOINTR",		 1, -ERESTARTNOINTR,		true, .undecided = true },
	{ "-ERESTARTNOHAND",		 1, -ERESTARTNOHAND,		true, .undecided = true },
	{ "-ERESTART_RESTARTBLOCK",	 1, -ERESTART_RESTARTBLOCK,	true, .undecided = true },
	{ "temporary mask",		 1, -EINTR,	true, true, .undecided = true },
	{ "temporary mask, restart",	 1, -ERESTARTNOHAND, true, true, .undecided = true },
	{ "restored by sigreturn",	-1, -ERESTARTSYS,		true },
	{ "made up by a tracer",	 1, -ERESTARTSYS,		false },
};

static void test_undecided(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(results); i++) {
		struct pt_regs regs = user_regs(X86_EFLAGS_TF, results[i].ax);

		regs.orig_ax = results[i].orig_ax;
		if (results[i].pending)
			set_thread_flag(TIF_SIGPENDING);
		if (results[i].temporary_mask)
			set_restore_sigmask();

		arch_syscall_enter(&regs);
		arch_syscall_step(&regs);
		KUNIT_EXPECT_EQ_MSG(test, step_noted(), results[i].undecided, "%s",
				    results[i].name);
		clear_restore_sigmask();
		KUNIT_EXPECT_EQ_MSG(test, take_traps(test), !results[i].undecided, "%s",
				    results[i].name);
		syscall_step_drop();
	}
}

static const struct {
	const char *name;
	long ax, want_ax;
	bool ends;
	int sa_mask;		/* what SIGTRAP's handler blocks */
	int saved_mask;		/* with a temporary mask: what the program blocks */
	bool temporary_mask, shared, no_handler, no_trap_handler;
	unsigned long flags;	/* of SIGUSR1's handler */
} ends[] = {
	{ "pause",	 -ERESTARTNOHAND,	-EINTR, true, SIGUSR1 },
	{ "nanosleep",	 -ERESTART_RESTARTBLOCK, -EINTR, true, SIGUSR1 },
	{ "read",	 -ERESTARTSYS,		-EINTR, true, SIGUSR1 },
	{ "sent to the process", -ERESTARTSYS,	-EINTR, true, SIGUSR1, .shared = true },
	{ "not blocked", -ERESTARTSYS,		-ERESTARTSYS, false, SIGUSR2 },
	{ "SA_RESTART",	 -ERESTARTSYS,		-ERESTARTSYS, false, SIGUSR1,
	  .flags = SA_RESTART },
	{ "SA_RESTART, but not restarted", -ERESTARTNOHAND, -EINTR, true, SIGUSR1,
	  .flags = SA_RESTART },
	{ "restarts always", -ERESTARTNOINTR,	-ERESTARTNOINTR, false, SIGUSR1 },
	{ "no handler",	 -ERESTARTSYS,		-ERESTARTSYS, false, SIGUSR1, .no_handler = true },
	{ "fatal trap",	 -ERESTARTSYS,		-ERESTARTSYS, false, SIGUSR1,
	  .no_trap_handler = true },
	{ "ppoll",	 -ERESTARTNOHAND,	-EINTR, true, SIGUSR1, .temporary_mask = true },
	{ "epoll_pwait", -EINTR,		-EINTR, true, SIGUSR1, .temporary_mask = true },
	{ "epoll_pwait, success", 1,		1, true, SIGUSR1, .temporary_mask = true },
	{ "sigsuspend",	 -ERESTARTNOHAND,	-ERESTARTNOHAND, false, SIGUSR1, SIGUSR1,
	  .temporary_mask = true },
};

/* A signal that must wait for SIGTRAP's handler ends the call before it is delivered */
static void test_waiting_handler(struct kunit *test)
{
	struct sigpending *pending;
	int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct pt_regs regs = user_regs(X86_EFLAGS_TF, ends[i].ax);

		pending = ends[i].shared ? &current->signal->shared_pending : &current->pending;
		set_handler(SIGTRAP, ends[i].no_trap_handler ? SIG_DFL : HANDLER, 0,
			    set_of(ends[i].sa_mask));
		set_handler(SIGUSR1, ends[i].no_handler ? SIG_DFL : HANDLER, ends[i].flags,
			    set_of(0));
		if (ends[i].temporary_mask) {
			current->saved_sigmask = set_of(ends[i].saved_mask);
			set_restore_sigmask();
		}
		make_pending(pending, SIGUSR1, true);
		set_thread_flag(TIF_SIGPENDING);

		arch_syscall_enter(&regs);
		arch_syscall_step(&regs);
		KUNIT_EXPECT_EQ_MSG(test, step_noted(), !ends[i].ends, "%s", ends[i].name);
		KUNIT_EXPECT_EQ_MSG(test, (long)regs.ax, ends[i].want_ax, "%s", ends[i].name);
		KUNIT_EXPECT_EQ_MSG(test, test_restore_sigmask(),
				    ends[i].temporary_mask && !ends[i].ends, "%s", ends[i].name);

		make_pending(pending, SIGUSR1, false);
		clear_restore_sigmask();
		KUNIT_EXPECT_EQ_MSG(test, take_traps(test), ends[i].ends, "%s", ends[i].name);
		syscall_step_drop();
	}
}

static const struct {
	int sig, code;
	bool trap, blocked;
} queued[] = {
	{ SIGSEGV, SEGV_MAPERR,	false },
	{ SIGSEGV, SI_KERNEL,	false },
	{ SIGBUS,  BUS_ADRALN,	false },
	{ SIGILL,  ILL_ILLOPN,	false },
	{ SIGFPE,  FPE_INTDIV,	false },
	{ SIGSYS,  SYS_SECCOMP,	false },
	{ SIGTRAP, TRAP_BRKPT,	false },
	{ SIGSEGV, SI_USER,	true },
	{ SIGSEGV, SI_QUEUE,	true },
	{ SIGCHLD, CLD_EXITED,	true },
	{ SIGUSR1, SI_KERNEL,	true },
	{ SIGSEGV, SEGV_MAPERR,	true,	.blocked = true },
	{ SIGTRAP, TRAP_PERF,	true,	.blocked = true },
};

/* A synchronous signal of the call replaces the trap. One that was sent or blocked does not */
static void test_synchronous(struct kunit *test)
{
	struct sigqueue *q = kunit_kzalloc(test, sizeof(*q), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, q);
	for (i = 0; i < ARRAY_SIZE(queued); i++) {
		struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);

		q->info.si_signo = queued[i].sig;
		q->info.si_code = queued[i].code;
		scoped_guard(spinlock_irq, &own_sighand()->siglock) {
			list_add_tail(&q->list, &current->pending.list);
			if (queued[i].blocked)
				sigaddset(&current->blocked, queued[i].sig);
		}

		arch_syscall_enter(&regs);
		arch_syscall_step(&regs);
		KUNIT_EXPECT_EQ(test, syscall_step_traced(&regs), queued[i].trap);

		scoped_guard(spinlock_irq, &own_sighand()->siglock) {
			list_del(&q->list);
			if (queued[i].blocked)
				sigdelset(&current->blocked, queued[i].sig);
		}
		KUNIT_EXPECT_FALSE(test, step_noted());
		KUNIT_EXPECT_EQ_MSG(test, take_traps(test), queued[i].trap,
				    "signal %d, code %d", queued[i].sig, queued[i].code);
	}
}

/* One report for tracer and program. DR6 only has the step. */
static void test_traced(struct kunit *test)
{
	struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);

	arch_syscall_enter(&regs);
	current->thread.virtual_dr6 = DR_TRAP0;
	KUNIT_EXPECT_TRUE(test, syscall_step_traced(&regs));
	KUNIT_EXPECT_FALSE(test, step_noted());
	KUNIT_EXPECT_EQ(test, current->thread.virtual_dr6, DR_STEP);
}

#ifdef CONFIG_X86_64
/* R11 has TF after SYSCALL only if the program has set TF */
static void test_r11(struct kunit *test)
{
	int forced, compat, same;

	for (forced = 0; forced < 2; forced++) {
		for (compat = 0; compat < 2; compat++) {
			for (same = 0; same < 2; same++) {
				struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);
				int hidden = forced && same &&
					     !(compat && IS_ENABLED(CONFIG_IA32_EMULATION));

				if (forced)
					set_thread_flag(TIF_FORCED_TF);
				if (compat)
					current_thread_info()->status |= TS_COMPAT;
				regs.r11 = same ? regs.flags : regs.flags | X86_EFLAGS_CF;
				arch_syscall_enter(&regs);
				current_thread_info()->status &= ~TS_COMPAT;
				clear_thread_flag(TIF_FORCED_TF);
				syscall_step_drop();

				KUNIT_EXPECT_EQ_MSG(test, !(regs.r11 & X86_EFLAGS_TF), hidden,
						    "forced %d, compat %d, same %d",
						    forced, compat, same);
				KUNIT_EXPECT_TRUE(test, regs.flags & X86_EFLAGS_TF);
			}
		}
	}
}
#endif

/* If a tracer writes the same ip, nothing changes */
static void test_moved(struct kunit *test)
{
	struct pt_regs regs = user_regs(X86_EFLAGS_TF, -ERESTARTSYS);

	arch_syscall_enter(&regs);
	syscall_step_moved(current, &regs, USER_IP);
	KUNIT_EXPECT_TRUE(test, step_noted());
	syscall_step_moved(current, &regs, USER_IP + 1);
	KUNIT_EXPECT_FALSE(test, step_noted());

	/* Elsewhere, then back */
	regs.ip = USER_IP + 1;
	syscall_step_moved(current, &regs, USER_IP + 2);
	KUNIT_EXPECT_FALSE(test, step_noted());
	regs.ip = USER_IP + 2;
	syscall_step_moved(current, &regs, USER_IP);
	KUNIT_EXPECT_TRUE(test, step_noted());
	syscall_step_drop();

	/* It is put back only once */
	syscall_step_moved(current, &regs, USER_IP);
	KUNIT_EXPECT_FALSE(test, step_noted());
}

/* seccomp and user dispatch send SIGSYS instead */
static void test_rollback(struct kunit *test)
{
	struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);

	arch_syscall_enter(&regs);
	KUNIT_EXPECT_TRUE(test, step_noted());
	syscall_rollback(current, &regs);
	KUNIT_EXPECT_FALSE(test, step_noted());
}

static void test_emulated(struct kunit *test)
{
	struct pt_regs regs = user_regs(X86_EFLAGS_TF, 0);

	emulated_insn_step(&regs);
	KUNIT_EXPECT_EQ(test, take_traps(test), 1);

	emulated_plain_insn_step(&regs);
	KUNIT_EXPECT_EQ(test, take_traps(test), 1);

	/* Block stepping. A task switch would enable it in the CPU, so prevent that. */
	preempt_disable();
	set_thread_flag(TIF_BLOCKSTEP);
	emulated_plain_insn_step(&regs);
	clear_thread_flag(TIF_BLOCKSTEP);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, take_traps(test), 0);

	regs.flags &= ~X86_EFLAGS_TF;
	emulated_insn_step(&regs);
	emulated_plain_insn_step(&regs);
	KUNIT_EXPECT_EQ(test, take_traps(test), 0);
}

#ifdef CONFIG_X86_FRED
/* How often a step over a syscall is reported, by the kernel and by ERETU */
static int reports(struct kunit *test, struct pt_regs *regs)
{
	if (step_noted())
		arch_syscall_step(regs);

	return take_traps(test) +
	       (regs->fred_ss.swevent && (regs->flags & X86_EFLAGS_TF) ? 1 : 0);
}

static struct pt_regs fred_syscall(unsigned long flags)
{
	struct pt_regs regs = user_regs(flags, 0);

	regs.fred_ss.swevent = 1;
	regs.fred_ss.nmi = 1;
	regs.fred_ss.insnlen = 2;
	regs.fred_ss.l = 1;
	return regs;
}

/* The kernel must not change anything else in the frame */
static void test_fred_own_step(struct kunit *test)
{
	struct pt_regs regs = fred_syscall(0), was = regs;

	fred_own_step(&regs);
	KUNIT_EXPECT_FALSE(test, regs.fred_ss.swevent);
	was.fred_ss.swevent = 0;
	KUNIT_EXPECT_MEMEQ(test, &regs, &was, sizeof(regs));
}

static void test_fred_reports(struct kunit *test)
{
	struct pt_regs regs = fred_syscall(X86_EFLAGS_TF);

	/* Without fred_own_step(), a tracer that discards the SIGTRAP gets another */
	arch_syscall_enter(&regs);
	KUNIT_EXPECT_EQ(test, reports(test, &regs), 2);

	/* A step over a syscall */
	fred_own_step(&regs);
	arch_syscall_enter(&regs);
	KUNIT_EXPECT_EQ(test, reports(test, &regs), 1);

	/* sigreturn sets TF, or a tracer steps from the exit stop */
	regs = fred_syscall(0);
	fred_own_step(&regs);
	arch_syscall_enter(&regs);
	regs.flags |= X86_EFLAGS_TF;
	KUNIT_EXPECT_EQ(test, reports(test, &regs), 0);

	/* The call may be restarted: no report yet */
	regs = fred_syscall(X86_EFLAGS_TF);
	regs.ax = -ERESTARTSYS;
	fred_own_step(&regs);
	arch_syscall_enter(&regs);
	set_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, reports(test, &regs), 0);
	KUNIT_EXPECT_TRUE(test, step_noted());
}
#endif

static struct kunit_case user_step_cases[] = {
	KUNIT_CASE(test_due),
	KUNIT_CASE(test_forced_later),
	KUNIT_CASE(test_undecided),
	KUNIT_CASE(test_waiting_handler),
	KUNIT_CASE(test_synchronous),
	KUNIT_CASE(test_traced),
#ifdef CONFIG_X86_64
	KUNIT_CASE(test_r11),
#endif
	KUNIT_CASE(test_moved),
	KUNIT_CASE(test_rollback),
	KUNIT_CASE(test_emulated),
#ifdef CONFIG_X86_FRED
	KUNIT_CASE(test_fred_own_step),
	KUNIT_CASE(test_fred_reports),
#endif
	{ }
};

static struct kunit_suite user_step_suite = {
	.name		= "x86_user_step",
	.init		= user_step_init,
	.exit		= user_step_exit,
	.test_cases	= user_step_cases,
};

kunit_test_suite(user_step_suite);
