/* SPDX-License-Identifier: GPL-2.0-only */
/* What a worker of the mixer does, but for tracers: mixer-trace.h */
#ifndef MIXER_ACTION_H
#define MIXER_ACTION_H

#include <linux/futex.h>

#include "mixer-signal.h"

static void identities(void)
{
	int i;

	for (i = 0; i < 6; i++) {
		expect("getpid()", me->pid, any(GETPID));
		expect("gettid()", me->tid, any(GETTID));
		expect("getppid()", me->ppid, any(GETPPID));
	}
	expect("sched_yield()", 0, any(YIELD));
}

static void no_such_call(void)
{
	static const int numbers[] = { -1, 1000, 4095, 0x12345, 0x3fffffff, INT_MIN, INT_MAX };
	int i, nr;

	for (i = 0; i < 6; i++) {
		nr = below(2) ? numbers[below(7)] : 1000 + (int)below(0x3fff0000);
		expect("a call that there is not", -ENOSYS, any(((struct call){ nr, nr })));
	}
}

/* All of its six arguments matter */
static long requeue(int number, int misplaced, uint32_t value)
{
	struct arena *arena = me->arena;

	return any(FUTEX, (word)&arena->futex, FUTEX_CMP_REQUEUE, 1, number,
		   (word)&arena->status + misplaced, value);
}

static void arguments(void)
{
	unsigned int i, offset, value = chance();

	for (i = 0; i < 3; i++) {
		offset = below(INT_MAX);
		expect("lseek()", offset, any(LSEEK, me->file, offset, SEEK_SET));
		expect("lseek() by nothing", offset, any(LSEEK, me->file, 0, SEEK_CUR));
	}
	me->arena->futex = value;
	expect("futex()", 0, requeue(1, 0, value));
	expect("futex(), other value", -EAGAIN, requeue(1, 0, value + 1));
	expect("futex(), not aligned", -EINVAL, requeue(1, 1, value));
	expect("futex(), negative", -EINVAL, requeue(-1, 0, value));
}

static void send_signals(void)
{
	int i, to, which;
	long error;

	for (i = 0; i < 3; i++) {
		to = below(3) ? (int)below(WORKERS) : me->number;
		which = below(SIGNALS);
		__atomic_fetch_add(&shared->worker[to].sent[which], 1, __ATOMIC_SEQ_CST);
		error = any(TGKILL, shared->worker[to].pid, shared->worker[to].tid,
			    SIGRTMIN + which);
		/* There is a limit to what may be pending */
		if (error == -EAGAIN)
			__atomic_fetch_sub(&shared->worker[to].sent[which], 1, __ATOMIC_SEQ_CST);
		else
			expect("tgkill()", 0, error);
	}
}

static void start_timer(int which)
{
	struct itimerspec when = { .it_value.tv_nsec = 1000 + below(2000000) };

	expect("timer_settime()", 0, timer_settime(me->timer[which], 0, &when, NULL));
}

/* A temporary mask lets one signal in, which ends the call */
static void suspend(void)
{
	struct arena *arena = me->arena;
	int which = below(SIGNALS), got = me->timer_got[which], how = any_how();

	expect("mask of signals", 0, set_mask(all_of_ours()));
	/* Then the handler runs with this mask as well */
	me->trap_blocked = below(2);
	arena->mask = me->trap_blocked ? ~mask_of(which) : all_of_ours() & ~mask_of(which);
	start_timer(which);
	if (below(2))
		expect("sigsuspend()", -EINTR, any(SIGSUSPEND, (word)&arena->mask, 8));
	else
		expect("ppoll()", -EINTR, any(PPOLL, 0, 0, 0, (word)&arena->mask, 8));
	me->trap_blocked = false;
	unmask(all_of_ours());
	/* Others may have sent the same signal meanwhile, and be first: wait for the timer's */
	while (me->timer_got[which] == got)
		call(how, YIELD);
	expect("signals of a timer", got + 1, me->timer_got[which]);
}

/* Whether the signal comes before or in the call: it ends when there is a byte */
static void restart(void)
{
	struct arena *arena = me->arena;
	int got = me->timer_got[SIG_RESTART];

	expect("mask of signals", 0, set_mask(mask_of(SIG_PLAIN)));
	me->write_on_timer = true;
	start_timer(SIG_RESTART);
	expect("read() that is restarted", 1, any(READ, me->pipe[0], (word)&arena->byte, 1));
	me->write_on_timer = false;
	expect("signals of a timer", got + 1, me->timer_got[SIG_RESTART]);
	unmask(mask_of(SIG_PLAIN));
}

static void set_cpus(int mask)
{
	struct arena *arena = me->arena;

	arena->mask = mask;
	expect("sched_setaffinity()", 0,
	       any(SETAFFINITY, 0, sizeof(arena->mask), (word)&arena->mask));
}

static void migrate(void)
{
	struct arena *arena = me->arena;
	unsigned int cpu = below(cpus);

	set_cpus(1 << cpu);
	expect("getcpu()", 0, any(GETCPU, (word)&arena->cpu, 0, 0));
	expect("CPU", cpu, arena->cpu);
	set_cpus(3);
}

/* Returns in both; parent and child have the same steps to take after the call */
static pid_t start_child(void)
{
	pid_t parent = me->pid, child = any(FORK);

	if (child < 0)
		fail("fork(): %d", child);
	if (child) {
		count(N_TASKS);
		return child;
	}
	me->pid = me->tid = getpid();
	me->ppid = parent;
	me->number += 1000;
	/* User dispatch is not inherited */
	me->selector = 1;
	return 0;
}

__attribute__((noreturn))
static void leave(int status)
{
	any(EXIT, status);
	fail("exit_group() returned");
}

static void child_exits(void)
{
	int status = below(99);
	pid_t child = start_child();

	if (!child) {
		identities();
		leave(status);
	}
	wait_for(child, status << 8);
}

static int vfork_child(void *parent)
{
	struct worker *outer = me, inner = *me;

	me = &inner;
	inner.pid = inner.tid = getpid();
	inner.ppid = (long)parent;
	identities();
	/* These are the parent's as well */
	me = outer;
	return 42;
}

static void child_in_our_memory(void)
{
	char *stack = me->arena->vfork_stack + sizeof(me->arena->vfork_stack);
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	pid_t child = clone(vfork_child, stack, flags, (void *)(long)me->pid);

	if (child < 0)
		fail("clone(): %d", errno);
	count(N_TASKS);
	wait_for(child, 42 << 8);
}

static void *thread(void *outer)
{
	struct worker worker = *(struct worker *)outer;

	me = &worker;
	worker.tid = gettid();
	worker.step = NULL;
	identities();
	arguments();
	return NULL;
}

static void other_thread(void)
{
	pthread_t other;

	expect("pthread_create()", 0, pthread_create(&other, NULL, thread, me));
	pthread_join(other, NULL);
	count(N_TASKS);
}

/* The new program is the one here, or that with the other number of bits */
static void child_executes(void)
{
	char number[12], *path = below(2) ? self : twin, *args[] = { path, "exit", number, NULL };
	int status = below(99), how = IS_64 ? (plain || below(2) ? 0 : STEPPED) : any_how();
	pid_t child = start_child();

	if (!child) {
		snprintf(number, sizeof(number), "%d", status);
		expect("execve() of nothing", -ENOENT,
		       call(how, EXECVE, (word)"/none", (word)args, 0));
		fail("execve(): %ld", call(how, EXECVE, (word)path, (word)args, 0));
	}
	wait_for(child, status << 8);
}

static void stop_and_continue(void)
{
	int i, stops = 1 + below(4);
	pid_t child = start_child();

	if (!child) {
		me->arena->time[0] = 0;
		me->arena->time[1] = 4000000;
		expect("sleep", 0, any(NANOSLEEP, CLOCK_MONOTONIC, 0, (word)me->arena->time, 0));
		leave(3);
	}
	for (i = 0; i < stops; i++) {
		kill(child, SIGSTOP);
		any(YIELD);
		kill(child, SIGCONT);
	}
	wait_for(child, 3 << 8);
}

static void page_fault(void)
{
	struct arena *arena = me->arena;
	volatile char *byte = &arena->page[below(sizeof(arena->page))];

	*byte = 77;
	expect("mprotect()", 0, any(MPROTECT, (word)arena->page, sizeof(arena->page), PROT_NONE));
	me->fault = (word)byte;
	expect("byte after a fault", 77, *byte);
	expect("faults left", 0, me->fault);
}

/*
 * Of calls with this second argument only. The first is in EBX, which a handler hands
 * on to sigreturn.
 */
static void install_filter(int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		fail("seccomp: %d", errno);
}

/* A call that SIGSYS takes the place of, and whose result its handler sets */
static void expect_sigsys(int how, struct call which, word arg, int code)
{
	const struct entry *entry = &entries[how & ~STEPPED];
	int before = me->n_sigsys;
	word result = me->sigsys_result = chance() >> 40;

	expect("result by a handler of SIGSYS", result, call(how, which, 0, arg));
	expect("SIGSYS", before + 1, me->n_sigsys);
	expect("si_code of SIGSYS", code, me->sigsys.si_code);
	expect("si_syscall", number_of(entry, which), me->sigsys.si_syscall);
	expect("si_arch", architecture(entry), (unsigned int)me->sigsys.si_arch);
	expect("si_call_addr", me->sigsys_ip, (word)me->sigsys.si_call_addr);
	expect("AX for SIGSYS", number_of(entry, which), (int)me->sigsys_ax);
}

static void filtered(void)
{
	static const int actions[] = {
		SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP, SECCOMP_RET_TRACE,
		SECCOMP_RET_LOG
	};
	/* The kernel writes about what it logs: seldom */
	int i, value = 1 + below(200), action = actions[below(20) ? below(4) : 4];
	long want = action == SECCOMP_RET_ERRNO ? -value : -ENOSYS;
	pid_t child = start_child();

	if (child) {
		wait_for(child, 0);
		return;
	}
	install_filter(action | value);
	if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG)
		want = me->ppid;
	for (i = 0; i < 4; i++) {
		if (action == SECCOMP_RET_TRAP) {
			expect_sigsys(any_how(), GETPPID, MAGIC, 1);
			expect("si_errno", value, me->sigsys.si_errno);
		} else {
			expect("getppid(), filtered", want, any(GETPPID, 0, MAGIC));
		}
		expect("getppid(), not filtered", me->ppid, any(GETPPID, MAGIC, MAGIC + 1));
	}
	leave(0);
}

/* All but the entries, and the vDSO, may always call */
static int dispatch(int on)
{
	if (!on)
		return prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 4096, (word)entries[0].enter - 8192,
		     &me->selector);
}

static void dispatched(void)
{
	int i, how;

	expect("user dispatch on", 0, dispatch(1));
	for (i = 0; i < 4; i++) {
		how = any_how();
		me->selector = 1;
		expect_sigsys(how, GETPPID, 0, 2);
		expect("getppid(), selector off", me->ppid, any(GETPPID));
	}
	if (!below(3))
		child_exits();
	expect("user dispatch off", 0, dispatch(0));
	me->selector = 1;
	expect("getppid(), dispatch off", me->ppid, any(GETPPID));
	me->selector = 0;
}

extern const ptrdiff_t __rseq_offset;
extern const unsigned int __rseq_size;

static void other_rseq(void)
{
	struct arena *arena = me->arena;
	char *libc = (char *)__builtin_thread_pointer() + __rseq_offset;
	word own = (word)&arena->rseq;
	int cpu = below(cpus);

	if (__rseq_size && syscall(SYS_rseq, libc, 32, 1, RSEQ_SIGNATURE))
		fail("the C library's rseq: %d", errno);
	memset(&arena->rseq, 0, sizeof(arena->rseq));
	expect("rseq()", 0, any(RSEQ, own, 32, 0, RSEQ_SIGNATURE));
	expect("rseq() again", -EBUSY, any(RSEQ, own, 32, 0, RSEQ_SIGNATURE));
	expect("rseq() elsewhere", -EINVAL, any(RSEQ, own + 4096, 32, 0, RSEQ_SIGNATURE));
	expect("rseq(), other signature", -EPERM, any(RSEQ, own, 32, 1, RSEQ_SIGNATURE + 1));
	migrate();
	set_cpus(1 << cpu);
	expect("CPU of rseq", cpu, arena->rseq.cpu);
	expect("first CPU of rseq", cpu, arena->rseq.cpu_start);
	set_cpus(3);
	expect("rseq() off", 0, any(RSEQ, own, 32, 1, RSEQ_SIGNATURE));
	expect("CPU of rseq when it is off", -1, (int)arena->rseq.cpu);
	if (__rseq_size && syscall(SYS_rseq, libc, 32, 0, RSEQ_SIGNATURE))
		fail("the C library's rseq: %d", errno);
}

#ifdef __x86_64__
static void emulated(void)
{
	static const word pages[] = { 0xffffffffff600000, 0xffffffffff600400, 0xffffffffff600800 };
	int which = below(3), step = plain || below(2) ? 0 : STEPPED;
	time_t before = time(NULL);
	struct use use;
	long result;

	prepare(&use, SGDT | step);
	enter(&use);
	expect("AX after SGDT", use.in[AX], verify(&use));
	prepare(&use, VSYSCALL | step);
	use.in[AX] = pages[which];
	use.in[DI] = which == 2 ? (word)&me->arena->cpu : 0;
	use.in[SI] = use.in[DX] = 0;
	enter(&use);
	result = verify(&use);
	if (which != 1)
		expect("vsyscall", 0, result);
	else if (result < before || result > time(NULL))
		fail("time() by vsyscall: %ld, not between %ld and %ld", result, before,
		     time(NULL));
}
#else
static void emulated(void) { arguments(); }
#endif

#endif
