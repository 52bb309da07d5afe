/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way out to user mode as a model, for spin: series/tools/model.
 *
 * One task on one CPU, its interrupts, and another CPU. An inline that has the name
 * of a function of the kernel's is that function: the calls in it, also those that
 * only a comment has, are the ones which the function makes, in its order, or the
 * tool complains. Nobody's work is limited in number: all of it may come again and
 * again, at any time at which it can come.
 *
 * -DSHARED_TIF: the architecture has no CONFIG_HAVE_GENERIC_TIF_BITS
 */

/* TIF bits */
#define RESCHED		1	/* TIF_NEED_RESCHED, TIF_NEED_RESCHED_LAZY */
#define SIGNAL		2	/* TIF_SIGPENDING, TIF_NOTIFY_SIGNAL; others have bits alike */
#define RESUME		4	/* TIF_NOTIFY_RESUME */
#define LATE		8	/* ARCH_EXIT_TO_USER_MODE_LATE, as TIF_NEED_FPU_LOAD */
#define UNWIND		64	/* TIF_UNWIND */
#define REARM		16	/* TIF_HRTIMER_REARM */
#ifdef SHARED_TIF
#define RSEQ		RESUME
#define LOOP_WORK	WORK
#else
#define RSEQ		32	/* TIF_RSEQ */
#define LOOP_WORK	(RESCHED | SIGNAL | RESUME)
#endif
#define WORK		(RESCHED | SIGNAL | RESUME | RSEQ)	/* EXIT_TO_USER_MODE_WORK */
#define MASK		(from_irq -> WORK | REARM : WORK)

/* SYSCALL_WORK bits */
#define ONETIME		1	/* of SYSCALL_WORK_ENTER and SYSCALL_WORK_EXIT, as audit's */
#define DISPATCH	2	/* SYSCALL_WORK_SYSCALL_USER_DISPATCH: of SYSCALL_WORK_ENTER only */

/* The machine */
byte flags, syscall_work;	/* of the task's thread_info */
bool user = true;		/* user mode, else the kernel */
bool irqs_on = true;
bool ipi;			/* sent, and not taken yet */
bool rseq_event;		/* sched_switch of struct rseq_event */
bool rseq_absent;		/* the user's struct rseq would fault */
bool granted;			/* slice extension */
bool on_dispatch;		/* user dispatch has rolled this call back, or an earlier one */

/* The code's variables */
byte ti_work;
bool from_irq, again, permit;

/* What the properties ask for */
byte owed;		/* work that came and was not done */
byte since;		/* came from the other CPU since the CPU last read flags */
bool sending;		/* the other CPU is between the bit and the IPI */
bool checked = true;	/* flags were read, and interrupts have been off since */
byte onetime;		/* how often one-time work was done for this call */
bool rolled_back;	/* by user dispatch */
bool may, shall;	/* be done: its bit was set at some time since the call was made, at all times */
bool in_call;		/* only then is it of interest who sets it */
byte bad;		/* broken: */
#define IRQS	1
#define TWICE	2
#define TIMER	4
#define ONCE	8
#define must(property, x)	bad = bad | ((x) -> 0 : property)

#ifdef LIVENESS
bool produced;		/* work for the loop came, from elsewhere than the loop itself */
#define PRODUCED(x)	produced = produced || (x)
#define QUIET		produced = false
#else
#define PRODUCED(x)
#define QUIET		skip
#endif

#define RAISE(b)	flags = flags | (b); owed = owed | (b)
#define PRODUCE(b)	d_step { RAISE(b); PRODUCED((b) & LOOP_WORK) }
/* A variable's old value, which nobody looks at any more, would only be more states */
#define USED(b)		d_step { ti_work = ti_work & ~(b); permit = false }
#define CLEAR(b)	flags = flags & ~(b); owed = owed & ~(b)
#define READ_FLAGS	d_step { ti_work = flags; since = 0; checked = !irqs_on }

inline local_irq_enable()
{
	d_step {
		must(TIMER, !(flags & REARM) || (flags & RESCHED));
		irqs_on = true; checked = false; since = 0
	}
}

#define local_irq_disable()	irqs_on = false

/* Wakes the rcuog kthread, or does not */
inline tick_nohz_user_enter_prepare()
{
	if :: PRODUCE(RESCHED) :: skip fi
}

/* __schedule(): switch_fpu(), rseq_sched_switch_event() */
inline switch_away_and_back(rseq)
{
	d_step { CLEAR(RESCHED); CLEAR(REARM) }
	if
	:: PRODUCE(LATE)
	:: d_step { RAISE(rseq | LATE); rseq_event = true }
	:: d_step { RAISE(rseq | LATE); rseq_event = true; rseq_absent = true }
	:: skip
	fi
}

/*** Work of the loop. Handlers raise work themselves ***/

inline schedule()
{
	must(IRQS, irqs_on);
	switch_away_and_back(RSEQ)
}

/* Only after an interrupt, only if there is nothing else, and only once */
inline rseq_grant_slice_extension()
{
	if
	:: from_irq && !granted && !(ti_work & WORK & ~RESCHED) ->
		d_step { CLEAR(RESCHED); granted = true }	/* __rseq_grant_slice_extension() */
		/* guard() */
		if
		:: ti_work & REARM -> d_step { CLEAR(REARM) }	/* hrtimer_rearm_deferred_tif() */
		:: else
		fi;
		permit = true
	:: d_step { granted = false; permit = false }
	fi
}

/* get_signal(), x64_setup_rt_frame(), rseq_signal_deliver() */
inline arch_do_signal_or_restart()
{
	d_step { must(IRQS, irqs_on); must(TWICE, owed & SIGNAL); CLEAR(SIGNAL) }
	if
	:: PRODUCE(RESUME)
	:: d_step { RAISE(RSEQ | LATE); rseq_event = true }
	:: skip
	fi
}

inline resume_user_mode_work()
{
	d_step { must(IRQS, irqs_on); must(TWICE, owed & RESUME); CLEAR(RESUME) }
	/* clear_thread_flag() smp_mb__after_atomic() */
	/* task_work_pending() task_work_run() key_put() mem_cgroup_handle_over_high() */
	if :: PRODUCE(SIGNAL) :: PRODUCE(RESUME) :: PRODUCE(UNWIND) :: skip fi;
	/* blkcg_maybe_throttle_current() rseq_handle_slowpath() */
	d_step { granted = granted && !rseq_event; rseq_event = false; rseq_absent = false }
}

/*** entry-user.h, user.c ***/

inline exit_work_round()
{
	atomic { local_irq_enable(); QUIET }
	if
	:: ti_work & RESCHED -> atomic {
		rseq_grant_slice_extension();
		if :: !permit -> schedule() :: else fi;
		USED(RESCHED | RSEQ | LATE | UNWIND | REARM) }
	:: else -> USED(RSEQ | LATE | UNWIND | REARM)
	fi;
	/* uprobe_notify_resume() klp_update_patch_state() arch_syscall_step() */
	if
	:: ti_work & SIGNAL -> atomic {
		/* futex_fixup_robust_unlock() */
		arch_do_signal_or_restart(); USED(SIGNAL) }
	:: else
	fi;
	if :: ti_work & RESUME -> resume_user_mode_work() :: else fi;
	/* arch_exit_to_user_mode_work() */
	atomic {
		local_irq_disable();
		tick_nohz_user_enter_prepare();
		READ_FLAGS	/* read_thread_flags() */
	}
}

inline rseq_exit_to_user_mode_restart()
{
	d_step { must(IRQS, !irqs_on); again = false; QUIET }
	if
	:: (RSEQ == RESUME) || (ti_work & RSEQ) ->	/* test_tif_rseq() */
		if
		:: rseq_event && rseq_absent ->		/* __rseq_exit_to_user_mode_restart() */
			d_step { RAISE(RESUME); again = true }	/* set_tsk_thread_flag() */
		:: else ->
			d_step { granted = granted && !rseq_event; rseq_event = false; if :: RSEQ != RESUME -> CLEAR(RSEQ) :: else fi }
			/* clear_tif_rseq() */
		fi
	:: else
	fi;
	if
	:: !again && granted -> d_step { RAISE(RESCHED); again = true }
	:: skip		/* rseq_arm_slice_extension_timer() */
	fi
}

inline exit_to_user_mode_loop()
{
	do
	:: ti_work & LOOP_WORK -> exit_work_round()
	:: else ->
		rseq_exit_to_user_mode_restart();
		if
		:: again -> READ_FLAGS	/* read_thread_flags() */
		:: else -> break
		fi
	od
}

inline hrtimer_rearm_deferred_user_irq()
{
	if
	:: from_irq && (ti_work & (RESCHED | REARM)) == REARM ->	/* clear_thread_flag() */
		d_step { CLEAR(REARM); ti_work = ti_work & ~REARM }	/* __hrtimer_rearm_deferred() */
	:: else		/* RESCHED as well: the scheduler does it */
	fi
}

/* x86's */
inline arch_exit_to_user_mode_late()
{
	must(IRQS, !irqs_on);
	if
	:: ti_work & LATE -> d_step { CLEAR(LATE) }	/* x86_exit_late() */
	:: else
	fi
}

inline unwind_reset_info()
{
	must(IRQS, !irqs_on);
	if
	:: flags & UNWIND -> d_step { CLEAR(UNWIND) }	/* test_thread_flag() __unwind_reset_info() */
	:: else
	fi
}

/* x86's */
inline arch_exit_to_user_mode_prepare()
{
	must(IRQS, !irqs_on)
	/* fpregs_assert_state_consistent() cpu_feature_enabled() */
	/* raw_cpu_read() this_cpu_write() indirect_branch_prediction_barrier() */
}

inline exit_to_user_mode_prepare()
{
	/* lockdep_assert_irqs_disabled() */
	tick_nohz_user_enter_prepare();
	READ_FLAGS;	/* read_thread_flags() */
	if
	:: ti_work & (MASK | LATE | UNWIND) ->
		hrtimer_rearm_deferred_user_irq();
		if
		:: ti_work & MASK -> exit_to_user_mode_loop()
		:: else
		fi;
		arch_exit_to_user_mode_late();
		unwind_reset_info()
	:: else
	fi;
	arch_exit_to_user_mode_prepare();
	/* rseq_irqentry_exit_to_user_mode() rseq_syscall_exit_to_user_mode() */
	/* kmap_assert_nomap() lockdep_assert_irqs_disabled() lockdep_sys_exit() */
	must(IRQS, !irqs_on && checked)
}

/*** entry-common.h, syscall-common.c ***/

#define syscall_work_now()	syscall_work
#define MADE		d_step { may = syscall_work & ONETIME && !rolled_back; shall = may }
#define JUDGE		d_step { must(ONCE, onetime <= may && onetime >= shall); \
				 onetime = 0; may = false; shall = false; in_call = false; \
				 syscall_work = 0; permit = false; rolled_back = false }

/* User dispatch rolls back; ptrace and seccomp forbid */
inline permitted()
{
	if
	:: syscall_work_now() & DISPATCH ->
		on_dispatch = false;	/* syscall_user_dispatch_clear_on_dispatch() */
		if	/* syscall_user_dispatch() */
		:: on_dispatch = true; rolled_back = true; permit = false
		:: skip
		fi
	:: else
	fi;
	/* syscall_work_now() rseq_syscall_enter_work() syscall_work_now() tracer_permits() */
	if :: permit = false :: skip fi
	/* syscall_work_now() filter_and_trace() syscall_work_now() trace_enter() */
}

inline syscall_enter_work()
{
	/* syscall_work_now() syscall_work_now() __seccomp_permit_syscall() */
	permitted()
	/* syscall_work_now() trace_enter() audit_context() audit_enter() */
}

inline syscall_enter_permits()
{
	atomic {
		permit = true;	/* arch_syscall_enter() */
		if
		:: syscall_work_now() & (ONETIME | DISPATCH) -> syscall_enter_work()
		:: else
		fi;
		MADE
	}
}

inline syscall_enter_from_user_mode_work()
{
	atomic {
		permit = true;	/* arch_syscall_enter() */
		if
		:: syscall_work_now() & (ONETIME | DISPATCH) -> syscall_enter_work()
		:: else
		fi;
		MADE
	}
}

/*
 * The call itself: may raise any work, with rseq_force_update() among it, and may turn
 * user dispatch on, see set_syscall_user_dispatch()
 */
inline dispatch()
{
	atomic {
		if
		:: PRODUCE(SIGNAL)
		:: PRODUCE(RESUME)
		:: PRODUCE(UNWIND)	/* Before a guest is entered RESUME's work is done */
		:: d_step { RAISE(RSEQ | LATE); rseq_event = true }
		:: d_step { syscall_work = syscall_work | DISPATCH; on_dispatch = false }
		:: skip
		fi
	}
}

/* It stands for audit and the tracepoint as well */
inline report_exit()
{
	d_step { must(IRQS, irqs_on); onetime = onetime + (onetime < 2 -> 1 : 0) }
	/* READ_ONCE() arch_ptrace_report_syscall_exit() */
	if :: PRODUCE(SIGNAL) :: PRODUCE(RESUME) :: skip fi
}

inline syscall_exit_work()
{
	atomic {
		if
		:: (syscall_work_now() & DISPATCH) && on_dispatch ->
			on_dispatch = false	/* syscall_user_dispatch_clear_on_dispatch() */
		:: else ->	/* audit_syscall_exit() syscall_work_now() trace_exit() */
			if
			:: syscall_work_now() & ONETIME -> report_exit()
			:: else
			fi
		fi
	}
}

inline syscall_exit_to_user_mode_work()
{
	/* irqs_disabled() WARN() local_irq_enable() rseq_debug_syscall_return() */
	if
	:: syscall_work_now() & ONETIME -> syscall_exit_work()
	:: else
	fi
}

inline generic_do_syscall()
{
	syscall_enter_permits();
	if :: permit -> dispatch() :: else fi;
	syscall_exit_to_user_mode_work();
	local_irq_disable();
	goto prepare	/* exit_to_user_mode_prepare() */
}

/* Other architectures', and the first return of a new task */
inline syscall_exit_to_user_mode()
{
	syscall_exit_to_user_mode_work();
	local_irq_disable();
	goto prepare	/* exit_to_user_mode_prepare() exit_to_user_mode() */
}

/*** Interrupts ***/

/* What a handler may raise. One of an IPI has nothing to do: scheduler_ipi() */
inline handler()
{
	ipi = false;
	if
	:: PRODUCE(RESCHED) :: PRODUCE(SIGNAL) :: PRODUCE(RESUME) :: PRODUCE(LATE) :: PRODUCE(REARM)
	:: PRODUCE(UNWIND | RESUME)	/* unwind_deferred_request() */
	:: PRODUCE(REARM | RESCHED)
	:: skip
	fi
}

/* preempt_schedule_irq() only where CONFIG_PREEMPTION, preempt_count() and others allow it */
inline irqentry_exit_to_kernel_mode_preempt()
{
	/* lockdep_assert_irqs_disabled() regs_irqs_disabled() */
	if
	:: flags & RESCHED -> switch_away_and_back(RSEQ)	/* irqentry_exit_cond_resched() */
	:: skip
	fi
}

inline irqentry_exit_to_kernel_mode_after_preempt()
{
	/* regs_irqs_disabled() lockdep_hardirq_enter() */
	d_step { CLEAR(REARM) }		/* hrtimer_rearm_deferred() */
	/* lockdep_hardirq_exit() entry_trace_irqs_on_prepare() trace_hardirqs_on() */
	/* ct_irq_exit() lockdep_hardirqs_on() */
}

/* One that hits the kernel. The CPU does nothing else meanwhile: atomic */
active proctype interrupts()
{
	do
	:: atomic { !user && irqs_on -> irqs_on = false;
			handler();		/* irqentry_exit_to_kernel_mode() */
			irqentry_exit_to_kernel_mode_preempt();
			irqentry_exit_to_kernel_mode_after_preempt();
			local_irq_enable() }
	od
}

/*** The CPU. What the user runs may be endless, what he calls is not ***/

#define ENTER		d_step { user = false; irqs_on = false; checked = false; since = 0 }

active proctype cpu()
{
	do
	:: !ipi -> skip
	:: atomic { !ipi -> ENTER; in_call = true; granted = false;
			if :: syscall_work = ONETIME :: syscall_work = DISPATCH
			:: syscall_work = ONETIME | DISPATCH :: skip fi;
			local_irq_enable() }
		if
		:: generic_do_syscall()
		:: syscall_enter_from_user_mode_work(); syscall_exit_to_user_mode()
		fi
	:: atomic { ENTER -> from_irq = true;	/* irqentry_enter_from_user_mode() */
			handler() }
		/* An exception may sleep, an interrupt may not */
		if :: !(flags & REARM) -> local_irq_enable(); local_irq_disable() :: skip fi;
		/* irqentry_exit_to_user_mode() */
prepare:	skip; JUDGE; exit_to_user_mode_prepare();
		/* exit_to_user_mode(), and the instruction after it */
		d_step {
			must(TIMER, !(flags & REARM));
			must(ONCE, onetime == 0);
			ti_work = 0; again = false; from_irq = false;
			user = true; irqs_on = true
		}
	od
}

/*** The other CPU ***/

/*
 * set_tsk_thread_flag() and kick_process(), or what resched_curr() has instead. Who
 * finds the bit set leaves it at that.
 */
#define SEND(b)		d_step { !(flags & (b)) -> RAISE(b); since = since | (checked -> (b) : 0); sending = true; \
				 PRODUCED(true) }

active proctype other_cpu()
{
	do
	:: !sending		/* Or nothing */
	:: if :: SEND(RESCHED) :: SEND(SIGNAL) :: SEND(RESUME) fi;
		d_step { ipi = true; sending = false }
	:: d_step { in_call ->	/* A tracer, or who enables a tracepoint */
			syscall_work = syscall_work ^ ONETIME;
			may = may || (syscall_work & ONETIME && !rolled_back);
			shall = shall && (syscall_work & ONETIME)
		}
	od
}

/*** Properties, of the states that are not in the middle of atomic { } ***/

/*
 * In user mode nothing is pending that came before flags were read last, or that this
 * CPU raised. What another CPU raised later is pending as long as its interrupt is.
 */
ltl work	{ [] (user -> !(flags & (WORK | LATE | UNWIND) & ~since) && !rseq_event) }
ltl noticed	{ [] (user && (flags & (WORK | LATE | UNWIND)) -> ipi || sending) }
/* Off from the last look at flags to user mode and in work that is last, else on */
ltl irqs	{ [] !(bad & IRQS) }
/* Done as often as it was raised, where raising again what is pending does not count */
ltl lost	{ [] !(owed & ~flags) }
ltl twice	{ [] !(bad & TWICE) }
/* The timer is armed before interrupts are on, unless schedule() comes first */
ltl timer	{ [] !(bad & TIMER) }
/* One-time work is done once if its bit is set, and not at all if not */
ltl once	{ [] !(bad & ONCE) }
#ifdef LIVENESS
/* User mode comes, unless others raise work in one round after the other for ever */
ltl ends	{ [] <> (user || produced) }
/* All is done in the end, even then. What is not the loop's is done when that ends */
ltl resched	{ [] <> !(owed & RESCHED) }
ltl signal	{ [] <> !(owed & SIGNAL) }
ltl resume	{ [] <> !(owed & RESUME) }
#endif
