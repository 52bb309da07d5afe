// SPDX-License-Identifier: GPL-2.0
/*
 * If a signal interrupts a system call, the call either fails with EINTR or is made
 * again, with the same number or as restart_syscall(). This depends on the call, on
 * whether a handler runs and how it was installed, and on a tracer, which may discard
 * or replace the signal. It does not depend on how the call was made, or whether it
 * is traced or filtered.
 *
 * Each test compares what happened with a text:
 *	entry CALL, seccomp CALL, exit RESULT	the tracer's stops
 *	sleeps CALL		the program sleeps in the call with this number
 *	signal NAME		the tracer's stop before a signal is delivered
 *	stopped			by SIGSTOP
 *	NAME EINTR, NAME restarts	a handler runs, and what its frame has
 *	returns AX		the tracer's stop on exit of sigreturn
 *	end RESULT		what the program gets
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <time.h>

#include "kselftest_harness.h"
#include "seccomp_filter.h"
#include "syscall_entry.h"

#define FOREVER		1000000	/* seconds */
#define POLLS		20000	/* of a sleeping program, then the test fails */

/* Both instructions that make system calls have this length */
#define INSN_LEN	2

struct handled {
	int sig;
	long ax;
	unsigned long ip;
};

/* The program's memory */
struct program {
	long args[6];
	struct { long long sec, nsec; } time;
	struct pollfd pollfd;
	unsigned int futex;
	long result;
	char byte;
	unsigned int handled;
	struct handled handler[8];
};

static struct program *prog;
static int pipe_fd[2];

/* Read by user dispatch, if that is on */
static char selector = SYSCALL_DISPATCH_FILTER_ALLOW;

static void select_calls(char value)
{
	__atomic_store_n(&selector, value, __ATOMIC_SEQ_CST);
}

static void handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	struct handled *h = &prog->handler[prog->handled];

	select_calls(SYSCALL_DISPATCH_FILTER_ALLOW);
	/* The call is made again and again: give up */
	if (prog->handled == ARRAY_SIZE(prog->handler))
		_exit(2);
	h->sig = sig;
	h->ax = gregs[ENTRY_GREG_AX];
	h->ip = gregs[ENTRY_GREG_IP];
	prog->handled++;
}

static bool catch(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	return !sigaction(sig, &sa, NULL);
}

/*
 * The calls, and how the test lets them succeed
 */

#define ARG(x)		((long)(x))

static void let_read(pid_t pid)
{
	if (write(pipe_fd[1], "x", 1) != 1)
		fprintf(stderr, "# write: %s\n", strerror(errno));
}

static void let_wake(pid_t pid)
{
	if (syscall(SYS_futex, &prog->futex, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
		fprintf(stderr, "# futex: nobody to be woken up\n");
}

/*
 * The lock's owner is a process that sleeps: while the owner runs, a waiter does not
 * sleep
 */
static pid_t owner;

static void own_lock(void)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &byte, 1) == 1)
		syscall(SYS_futex, &prog->futex, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	_exit(0);
}

static void send_usr1(pid_t pid)
{
	kill(pid, SIGUSR1);
}

static void args_read(long *args)
{
	args[0] = pipe_fd[0];
	args[1] = ARG(&prog->byte);
	args[2] = 1;
}

static void args_ppoll(long *args)
{
	args[0] = ARG(&prog->pollfd);
	args[1] = 1;
}

static void args_poll(long *args)
{
	args_ppoll(args);
	args[2] = FOREVER * 1000;
}

static void args_lock_pi(long *args)
{
	owner = fork();
	if (!owner)
		own_lock();
	prog->futex = owner;
	args[0] = ARG(&prog->futex);
	args[1] = FUTEX_LOCK_PI;
}

static void args_wait(long *args)
{
	args[0] = ARG(&prog->futex);
	args[1] = FUTEX_WAIT;
	args[3] = ARG(&prog->time);
}

static void args_sleep(long *args)
{
	args[0] = CLOCK_MONOTONIC;
	args[2] = ARG(&prog->time);
}

static const struct call {
	const char *name;
	enum entry_call call;
	void (*args)(long *args);
	void (*let_end)(pid_t pid);
	const char *result;		/* NULL: SIGUSR1 ends it */
	const char *error;		/* the kernel's internal result */
	/* Is it made again after a handler, without and with SA_RESTART? */
	bool usr1_restarts, usr2_restarts;
	enum entry_call restart;	/* how it is made again without a handler */
} calls[] = {
	{ "read", CALL_READ, args_read, let_read, "1",
	  "ERESTARTSYS", false, true, CALL_READ },
	{ "lock_pi", CALL_FUTEX, args_lock_pi, let_read, "0",
	  "ERESTARTNOINTR", true, true, CALL_FUTEX },
	{ "ppoll", CALL_PPOLL, args_ppoll, let_read, "1",
	  "ERESTARTNOHAND", false, false, CALL_PPOLL },
	{ "poll", CALL_POLL, args_poll, let_read, "1",
	  "ERESTART_RESTARTBLOCK", false, false, CALL_RESTART },
	{ "wait", CALL_FUTEX, args_wait, let_wake, "0",
	  "ERESTART_RESTARTBLOCK", false, false, CALL_RESTART },
	{ "nanosleep", CALL_CLOCK_NANOSLEEP, args_sleep, send_usr1, NULL,
	  "ERESTART_RESTARTBLOCK", false, false, CALL_RESTART },
};

/* What interrupts it. SIGUSR1's handler has no SA_RESTART, SIGUSR2's handler has. */
struct event {
	int sent;
	int delivered;		/* what a tracer replaces it by */
};

enum mode { UNTRACED, CONT, SYSCALL };

struct how {
	int way;
	enum mode mode;
	bool filter;
};

static __noreturn void program_main(const struct call *call, const struct how *how)
{
	unsigned int answer = how->mode == UNTRACED ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE;
	const struct entry_way *way = &entry_ways[how->way];
	int nr = entry_nr(way, call->call);

	/* If a test fails, nothing waits for this process */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!catch(SIGUSR1, 0) || !catch(SIGUSR2, SA_RESTART))
		_exit(1);
	if (how->mode != UNTRACED && ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(1);
	if (how->filter &&
	    (entry_filter(way, nr, 0, prog->args[0], answer, 0) ||
	     entry_filter(way, entry_nr(way, CALL_RESTART), 0, prog->args[0], answer, 0)))
		_exit(1);
	if (how->mode != UNTRACED)
		syscall(SYS_tgkill, getpid(), getpid(), SIGSTOP);
	prog->result = way->call(nr, prog->args);
	if (how->mode != UNTRACED)
		asm volatile("int3");
	_exit(0);
}

/*
 * What the test can see
 */

static const char *signal_name(int sig)
{
	return sig == SIGUSR1 ? "USR1" : sig == SIGUSR2 ? "USR2" :
	       sig == SIGSTOP ? "STOP" : sig == SIGCONT ? "CONT" : "other";
}

static void say_end(struct entry_log *log, const struct call *call)
{
	bool has_read = call->let_end == let_read && prog->result == 1;

	entry_say(log, "end ");
	entry_say_value(log, prog->result);
	if (has_read && call->call == CALL_READ && prog->byte != 'x')
		entry_say(log, "(but nothing was read)");
	if (has_read && call->call != CALL_READ && prog->pollfd.revents != POLLIN)
		entry_say(log, "(but events are %#x)", prog->pollfd.revents);
	entry_say(log, ", ");
}

/*
 * Wait until the program stops or ends, or sleeps in *call if it may sleep. Returns
 * false if none of this happens.
 */
static bool wait_for(const struct entry_log *log, bool may_sleep, int *status, long *call)
{
	pid_t pid;
	long nr;
	int i;

	*call = -1;
	for (i = 0; i < POLLS; i++) {
		pid = waitpid(log->pid, status, __WALL | WUNTRACED | WNOHANG);
		if (pid)
			return pid == log->pid;
		nr = may_sleep ? entry_sleeps_in(log->pid) : -1;
		if (nr >= 0 && (nr == log->nr || nr == entry_nr(log->way, CALL_RESTART))) {
			*call = nr;
			return true;
		}
		usleep(200);
	}
	return false;
}

struct run {
	struct entry_log log;
	const struct call *call;
	const struct event *event;
	const struct how *how;
	unsigned int sleeps, handlers_said;
	bool in_sigreturn;
};

static void say_handlers(struct run *r)
{
	unsigned long next = entry_next(r->log.way);
	struct entry_log *log = &r->log;
	const struct handled *h;

	for (; r->handlers_said < prog->handled; r->handlers_said++) {
		h = &prog->handler[r->handlers_said];
		entry_say(log, "%s ", signal_name(h->sig));
		if (h->ax == log->nr && h->ip == next - INSN_LEN) {
			entry_say(log, "restarts, ");
			continue;
		}
		entry_say_value(log, h->ax);
		if (h->ip != next)
			entry_say(log, "(ip %+ld)", (long)(h->ip - next));
		entry_say(log, ", ");
	}
}

/* Interrupt the call the first time, end it the second time */
static void at_sleep(struct run *r, long call)
{
	pid_t pid = r->log.pid;

	entry_say(&r->log, "sleeps ");
	entry_say_call(&r->log, call);
	entry_say(&r->log, ", ");
	if (r->sleeps++)
		r->call->let_end(pid);
	else
		kill(pid, r->event->sent);
}

/* Log what stop it is in. Returns the signal to go on with. */
static int at_stop(struct run *r, int status)
{
	struct ptrace_syscall_info info = { 0 };
	struct entry_log *log = &r->log;
	int sig = WSTOPSIG(status);
	siginfo_t si;

	if (status == ENTRY_SYSCALL_STOP || status == ENTRY_SECCOMP_STOP) {
		ptrace(PTRACE_GET_SYSCALL_INFO, log->pid, sizeof(info), &info);
		if (r->in_sigreturn) {
			entry_say(log, "returns ");
			entry_say_value(log, info.exit.rval);
			entry_say(log, ", ");
			r->in_sigreturn = false;
		} else if (info.op == PTRACE_SYSCALL_INFO_ENTRY &&
			   info.entry.nr == SYS_rt_sigreturn) {
			r->in_sigreturn = true;
		} else {
			entry_say_stop(log, NULL);
		}
		return 0;
	}
	if (ptrace(PTRACE_GETSIGINFO, log->pid, 0, &si)) {
		entry_say(log, "stopped, ");
		kill(log->pid, SIGCONT);
		return 0;
	}
	entry_say(log, "signal %s, ", signal_name(sig));
	return r->sleeps == 1 && sig == r->event->sent ? r->event->delivered : sig;
}

static void follow(struct __test_metadata *_metadata, struct run *r)
{
	int request = r->how->mode == SYSCALL ? PTRACE_SYSCALL : PTRACE_CONT;
	bool traced = r->how->mode != UNTRACED;
	struct entry_log *log = &r->log;
	int i, status, sig = 0;
	long call = -1;

	for (i = 0; i < 32; i++) {
		if (traced && call < 0)
			ASSERT_EQ(ptrace(request, log->pid, 0, (long)sig), 0);
		/* When the second sleep has ended, it has no reason to sleep again */
		ASSERT_TRUE(wait_for(log, r->sleeps < 2, &status, &call)) {
			TH_LOG("neither asleep nor stopped: %s", log->text);
		}
		say_handlers(r);
		if (call >= 0) {
			at_sleep(r, call);
			continue;
		}
		if (!WIFSTOPPED(status))
			log->pid = 0;
		if (status == (traced ? SIGTRAP << 8 | 0x7f : 0)) {
			say_end(log, r->call);
			break;
		}
		if (!WIFSTOPPED(status)) {
			entry_say(log, "status %#x, ", status);
			break;
		}
		sig = at_stop(r, status);
	}
}

static void want_made(struct entry_log *want, enum entry_call call)
{
	const char *name = entry_calls[call].name;

	entry_say(want, "entry %s, seccomp %s, sleeps %s, ", name, name, name);
}

static void want_failed(struct entry_log *want, const char *usr)
{
	entry_say(want, "%s EINTR, returns EINTR, end EINTR, ", usr);
}

/* What must happen, if everything is observed */
static void want_all(struct entry_log *want, const struct call *c, const struct event *e)
{
	const char *usr = e->delivered == SIGUSR1 ? "USR1" : "USR2";
	enum entry_call again = c->restart;

	want_made(want, c->call);
	entry_say(want, "exit %s, signal %s, ", c->error, signal_name(e->sent));
	if (e->delivered == SIGSTOP) {
		entry_say(want, "stopped, signal CONT, ");
	} else if (e->delivered) {
		if (!(e->delivered == SIGUSR1 ? c->usr1_restarts : c->usr2_restarts)) {
			want_failed(want, usr);
			return;
		}
		entry_say(want, "%s restarts, returns number, ", usr);
		again = c->call;
	}
	want_made(want, again);
	if (c->result) {
		entry_say(want, "exit %s, end %s, ", c->result, c->result);
	} else {
		entry_say(want, "exit %s, signal USR1, ", c->error);
		want_failed(want, "USR1");
	}
}

static void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

static void run_call(struct __test_metadata *_metadata, struct run *r)
{
	static const char *const less[] = { "entry ", "exit ", "returns " };
	struct entry_log *log = &r->log, want = { 0 };
	char name[64];
	int i, status;

	log->way = &entry_ways[r->how->way];
	log->nr = entry_nr(log->way, r->call->call);
	want_all(&want, r->call, r->event);
	for (i = 0; r->how->mode != SYSCALL && i < ARRAY_SIZE(less); i++)
		entry_want_less(want.text, less[i]);
	if (r->how->mode == UNTRACED)
		entry_want_less(want.text, "signal ");
	if (r->how->mode == UNTRACED || !r->how->filter)
		entry_want_less(want.text, "seccomp ");

	ASSERT_EQ(pipe(pipe_fd), 0);
	prog = entry_shared(sizeof(*prog));
	ASSERT_TRUE(!!prog);
	prog->time.sec = FOREVER;
	prog->pollfd = (struct pollfd){ .fd = pipe_fd[0], .events = POLLIN };
	owner = 0;
	r->call->args(prog->args);

	log->pid = fork();
	ASSERT_GE(log->pid, 0);
	if (!log->pid)
		program_main(r->call, r->how);
	if (r->how->mode != UNTRACED) {
		ASSERT_EQ(waitpid(log->pid, &status, 0), log->pid);
		ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, log->pid, 0, PTRACE_O_TRACESYSGOOD |
				 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL), 0);
	}
	follow(_metadata, r);
	snprintf(name, sizeof(name), "%s of %s", _metadata->name, r->call->name);
	EXPECT_TRUE(entry_check(name, log, want.text));
	if (log->pid)
		kill_child(log->pid);
	if (owner > 0)
		kill_child(owner);
	munmap(prog, sizeof(*prog));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void run(struct __test_metadata *_metadata, const struct how *how, int sent, int delivered)
{
	const struct event event = { sent, delivered };
	int i;

	if (!entry_works(&entry_ways[how->way]))
		SKIP(return, "no %s in this kernel", entry_ways[how->way].name);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		struct run r = { .call = &calls[i], .event = &event, .how = how };

		run_call(_metadata, &r);
	}
}

/*
 * The tests: signals that are delivered as sent, and a tracer that discards or replaces
 * them
 */

FIXTURE(signals) { };
FIXTURE_VARIANT(signals) { struct how how; };
FIXTURE_SETUP(signals) { }
FIXTURE_TEARDOWN(signals) { }

FIXTURE(tracer) { };
FIXTURE_VARIANT(tracer) { struct how how; };
FIXTURE_SETUP(tracer) { }
FIXTURE_TEARDOWN(tracer) { }

FIXTURE_VARIANT_ADD(signals, int80_untraced) { { WAY_INT80, UNTRACED } };
FIXTURE_VARIANT_ADD(signals, int80_untraced_filter) { { WAY_INT80, UNTRACED, true } };
FIXTURE_VARIANT_ADD(signals, int80_cont) { { WAY_INT80, CONT } };
FIXTURE_VARIANT_ADD(signals, int80_cont_filter) { { WAY_INT80, CONT, true } };
FIXTURE_VARIANT_ADD(signals, int80_syscall) { { WAY_INT80, SYSCALL } };
FIXTURE_VARIANT_ADD(signals, int80_syscall_filter) { { WAY_INT80, SYSCALL, true } };
FIXTURE_VARIANT_ADD(tracer, int80_cont) { { WAY_INT80, CONT } };
FIXTURE_VARIANT_ADD(tracer, int80_cont_filter) { { WAY_INT80, CONT, true } };
FIXTURE_VARIANT_ADD(tracer, int80_syscall) { { WAY_INT80, SYSCALL } };
FIXTURE_VARIANT_ADD(tracer, int80_syscall_filter) { { WAY_INT80, SYSCALL, true } };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(signals, syscall_untraced) { { WAY_SYSCALL, UNTRACED } };
FIXTURE_VARIANT_ADD(signals, syscall_untraced_filter) { { WAY_SYSCALL, UNTRACED, true } };
FIXTURE_VARIANT_ADD(signals, syscall_cont) { { WAY_SYSCALL, CONT } };
FIXTURE_VARIANT_ADD(signals, syscall_cont_filter) { { WAY_SYSCALL, CONT, true } };
FIXTURE_VARIANT_ADD(signals, syscall_syscall) { { WAY_SYSCALL, SYSCALL } };
FIXTURE_VARIANT_ADD(signals, syscall_syscall_filter) { { WAY_SYSCALL, SYSCALL, true } };
FIXTURE_VARIANT_ADD(tracer, syscall_cont) { { WAY_SYSCALL, CONT } };
FIXTURE_VARIANT_ADD(tracer, syscall_cont_filter) { { WAY_SYSCALL, CONT, true } };
FIXTURE_VARIANT_ADD(tracer, syscall_syscall) { { WAY_SYSCALL, SYSCALL } };
FIXTURE_VARIANT_ADD(tracer, syscall_syscall_filter) { { WAY_SYSCALL, SYSCALL, true } };
FIXTURE_VARIANT_ADD(signals, x32_untraced) { { WAY_X32, UNTRACED } };
FIXTURE_VARIANT_ADD(signals, x32_untraced_filter) { { WAY_X32, UNTRACED, true } };
FIXTURE_VARIANT_ADD(signals, x32_cont) { { WAY_X32, CONT } };
FIXTURE_VARIANT_ADD(signals, x32_cont_filter) { { WAY_X32, CONT, true } };
FIXTURE_VARIANT_ADD(signals, x32_syscall) { { WAY_X32, SYSCALL } };
FIXTURE_VARIANT_ADD(signals, x32_syscall_filter) { { WAY_X32, SYSCALL, true } };
FIXTURE_VARIANT_ADD(tracer, x32_cont) { { WAY_X32, CONT } };
FIXTURE_VARIANT_ADD(tracer, x32_cont_filter) { { WAY_X32, CONT, true } };
FIXTURE_VARIANT_ADD(tracer, x32_syscall) { { WAY_X32, SYSCALL } };
FIXTURE_VARIANT_ADD(tracer, x32_syscall_filter) { { WAY_X32, SYSCALL, true } };
#else
FIXTURE_VARIANT_ADD(signals, vdso_untraced) { { WAY_VDSO, UNTRACED } };
FIXTURE_VARIANT_ADD(signals, vdso_untraced_filter) { { WAY_VDSO, UNTRACED, true } };
FIXTURE_VARIANT_ADD(signals, vdso_cont) { { WAY_VDSO, CONT } };
FIXTURE_VARIANT_ADD(signals, vdso_cont_filter) { { WAY_VDSO, CONT, true } };
FIXTURE_VARIANT_ADD(signals, vdso_syscall) { { WAY_VDSO, SYSCALL } };
FIXTURE_VARIANT_ADD(signals, vdso_syscall_filter) { { WAY_VDSO, SYSCALL, true } };
FIXTURE_VARIANT_ADD(tracer, vdso_cont) { { WAY_VDSO, CONT } };
FIXTURE_VARIANT_ADD(tracer, vdso_cont_filter) { { WAY_VDSO, CONT, true } };
FIXTURE_VARIANT_ADD(tracer, vdso_syscall) { { WAY_VDSO, SYSCALL } };
FIXTURE_VARIANT_ADD(tracer, vdso_syscall_filter) { { WAY_VDSO, SYSCALL, true } };
#endif

TEST_F(signals, usr1)
{
	run(_metadata, &variant->how, SIGUSR1, SIGUSR1);
}

TEST_F(signals, usr2)
{
	run(_metadata, &variant->how, SIGUSR2, SIGUSR2);
}

TEST_F(signals, stop)
{
	run(_metadata, &variant->how, SIGSTOP, SIGSTOP);
}

TEST_F(tracer, usr1_swallowed)
{
	run(_metadata, &variant->how, SIGUSR1, 0);
}

TEST_F(tracer, usr1_made_usr2)
{
	run(_metadata, &variant->how, SIGUSR1, SIGUSR2);
}

TEST_F(tracer, usr2_made_usr1)
{
	run(_metadata, &variant->how, SIGUSR2, SIGUSR1);
}

/*
 * If user dispatch or seccomp answers a call by SIGSYS, the call is not made, and its
 * result is its number. It is not restarted, even if the number looks like a restart.
 */

enum answer { BY_DISPATCH, BY_SECCOMP };

static __noreturn void not_made_main(const struct entry_way *way, int nr, enum answer answer,
				     bool traced)
{
	static const long no_args[6];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!catch(SIGSYS, SA_RESTART))
		_exit(1);
	if (traced && (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP)))
		_exit(1);
	if (answer == BY_SECCOMP && seccomp_answer(nr, SECCOMP_RET_TRAP, 0))
		_exit(1);
	if (answer == BY_DISPATCH && prctl(PR_SET_SYSCALL_USER_DISPATCH,
					   PR_SYS_DISPATCH_ON, 0, 0, &selector))
		_exit(1);
	if (answer == BY_DISPATCH)
		select_calls(SYSCALL_DISPATCH_FILTER_BLOCK);
	prog->result = way->call(nr, no_args);
	select_calls(SYSCALL_DISPATCH_FILTER_ALLOW);
	_exit(0);
}

/* Let the program go on without its SIGSYS, which must come once */
static void swallow_sigsys(struct __test_metadata *_metadata, pid_t pid, int *status)
{
	int stops = 0;

	ASSERT_EQ(waitpid(pid, status, 0), pid);
	ASSERT_TRUE(WIFSTOPPED(*status) && WSTOPSIG(*status) == SIGSTOP);
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL), 0);
	do {
		ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
		ASSERT_EQ(waitpid(pid, status, 0), pid);
		stops += WIFSTOPPED(*status) && WSTOPSIG(*status) == SIGSYS;
	} while (WIFSTOPPED(*status) && stops < 4);
	EXPECT_EQ(stops, 1);
	if (WIFSTOPPED(*status)) {
		kill_child(pid);
		*status = 0;
	}
}

static void not_made(struct __test_metadata *_metadata, const struct entry_way *way,
		     enum answer answer, bool traced)
{
	static const int numbers[] = { -512, -513, -514, -516 };
	int i, status;
	pid_t pid;

	if (!entry_works(way))
		SKIP(return, "no %s in this kernel", way->name);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		prog = entry_shared(sizeof(*prog));
		ASSERT_TRUE(!!prog);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			not_made_main(way, numbers[i], answer, traced);
		if (traced)
			swallow_sigsys(_metadata, pid, &status);
		else
			ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_EQ(status, 0);
		EXPECT_EQ((int)prog->result, numbers[i]);
		EXPECT_EQ(prog->handled, traced ? 0 : 1);
		if (prog->handled) {
			EXPECT_EQ((int)prog->handler[0].ax, numbers[i]);
			EXPECT_EQ(prog->handler[0].ip, entry_next(way));
		}
		munmap(prog, sizeof(*prog));
	}
}

FIXTURE(not_made) { };
FIXTURE_VARIANT(not_made) { int way; };
FIXTURE_SETUP(not_made) { }
FIXTURE_TEARDOWN(not_made) { }

FIXTURE_VARIANT_ADD(not_made, int80) { WAY_INT80 };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(not_made, syscall) { WAY_SYSCALL };
FIXTURE_VARIANT_ADD(not_made, x32) { WAY_X32 };
#else
FIXTURE_VARIANT_ADD(not_made, vdso) { WAY_VDSO };
#endif

TEST_F(not_made, by_dispatch)
{
	not_made(_metadata, &entry_ways[variant->way], BY_DISPATCH, false);
}

TEST_F(not_made, by_seccomp)
{
	not_made(_metadata, &entry_ways[variant->way], BY_SECCOMP, false);
}

TEST_F(not_made, by_dispatch_without_sigsys)
{
	not_made(_metadata, &entry_ways[variant->way], BY_DISPATCH, true);
}

TEST_F(not_made, by_seccomp_without_sigsys)
{
	not_made(_metadata, &entry_ways[variant->way], BY_SECCOMP, true);
}

TEST_HARNESS_MAIN
