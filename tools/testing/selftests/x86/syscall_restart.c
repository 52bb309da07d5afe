// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a system call that a signal interrupts: it fails with EINTR, or is
 * made again, with the same number or as restart_syscall(). Which one depends on the
 * call, on whether a handler runs and how that was installed, and on a tracer, which
 * may do away with the signal or make it another one. How the call was made, and
 * whether it is traced or filtered, has no influence.
 *
 * Each test compares what happened with a text:
 *	entry CALL, seccomp CALL, exit RESULT	the tracer's stops
 *	sleeps CALL		the number of the call that the program sleeps in
 *	signal NAME		the tracer's stop before a signal is delivered
 *	stopped			by SIGSTOP
 *	NAME EINTR, NAME restarts	a handler runs, and what is in its frame
 *	returns AX		the tracer's stop on exit of sigreturn
 *	end RESULT		what the program gets
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <time.h>

#include "kselftest_harness.h"
#include "syscall_entry.h"

#define FOREVER		1000000	/* seconds */
#define POLLS		20000	/* of a sleeping program, before this is a failure */

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

static void handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	struct handled *h = &prog->handler[prog->handled];

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

static void futex_op(int op, int value)
{
	if (syscall(SYS_futex, &prog->futex, op, value, NULL, NULL, 0) < 0)
		fprintf(stderr, "# futex: %s\n", strerror(errno));
}

static void let_wake(pid_t pid)
{
	futex_op(FUTEX_WAKE, 1);
}

static void let_lock(pid_t pid)
{
	futex_op(FUTEX_UNLOCK_PI, 0);
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
	prog->futex = getpid();
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

struct call {
	enum entry_call call;
	void (*args)(long *args);
	void (*let_end)(pid_t pid);
};

static const struct call
	call_read = { CALL_READ, args_read, let_read },
	call_lock_pi = { CALL_FUTEX, args_lock_pi, let_lock },
	call_ppoll = { CALL_PPOLL, args_ppoll, let_read },
	call_poll = { CALL_POLL, args_poll, let_read },
	call_wait = { CALL_FUTEX, args_wait, let_wake },
	call_sleep = { CALL_CLOCK_NANOSLEEP, args_sleep, send_usr1 };

/* The events */

struct event {
	int sent;
	/* What a tracer makes of it */
	int delivered;
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
 * What is seen of it
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

/* Until it stops or ends, or sleeps in *call. Returns false if nothing of that happens. */
static bool wait_for(const struct entry_log *log, int *status, long *call)
{
	pid_t pid;
	long nr;
	int i;

	*call = -1;
	for (i = 0; i < POLLS; i++) {
		pid = waitpid(log->pid, status, __WALL | WUNTRACED | WNOHANG);
		if (pid)
			return pid == log->pid;
		nr = entry_sleeps_in(log->pid);
		if (nr == log->nr || nr == entry_nr(log->way, CALL_RESTART)) {
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

/* The first time it is interrupted, the second time it is let go */
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

/* Says what stop it is in. Returns the signal to go on with. */
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
	int i, status, sig = 0, request = r->how->mode == SYSCALL ? PTRACE_SYSCALL : PTRACE_CONT;
	bool traced = r->how->mode != UNTRACED;
	struct entry_log *log = &r->log;
	long call = -1;

	for (i = 0; i < 32; i++) {
		if (traced && call < 0)
			ASSERT_EQ(ptrace(request, log->pid, 0, (long)sig), 0);
		ASSERT_TRUE(wait_for(log, &status, &call)) {
			TH_LOG("neither asleep nor stopped: %s", log->text);
		}
		say_handlers(r);
		if (call >= 0) {
			at_sleep(r, call);
		} else if (!WIFSTOPPED(status)) {
			log->pid = 0;
			if (traced || status)
				entry_say(log, "status %#x, ", status);
			else
				say_end(log, r->call);
			break;
		} else if (traced && status == (SIGTRAP << 8 | 0x7f)) {
			say_end(log, r->call);
			break;
		} else {
			sig = at_stop(r, status);
		}
	}
}

static void run(struct __test_metadata *_metadata, struct run *r, const char *text)
{
	static const char *const less[] = { "entry ", "exit ", "returns " };
	struct entry_log *log = &r->log;
	int i, status;
	char want[1024];

	log->way = &entry_ways[r->how->way];
	log->nr = entry_nr(log->way, r->call->call);
	if (!entry_works(log->way))
		SKIP(return, "no %s in this kernel", log->way->name);

	snprintf(want, sizeof(want), "%s", text);
	for (i = 0; r->how->mode != SYSCALL && i < ARRAY_SIZE(less); i++)
		entry_want_less(want, less[i]);
	if (r->how->mode == UNTRACED)
		entry_want_less(want, "signal ");
	if (r->how->mode == UNTRACED || !r->how->filter)
		entry_want_less(want, "seccomp ");

	ASSERT_EQ(pipe(pipe_fd), 0);
	prog = entry_shared(sizeof(*prog));
	ASSERT_TRUE(!!prog);
	prog->time.sec = FOREVER;
	prog->pollfd = (struct pollfd){ .fd = pipe_fd[0], .events = POLLIN };
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
	EXPECT_TRUE(entry_check(_metadata->name, log, want));
	if (log->pid) {
		kill(log->pid, SIGKILL);
		waitpid(log->pid, NULL, __WALL);
	}
}

/*
 * The tests: each call with signals that are delivered, and with a tracer which
 * does not deliver what was sent
 */

FIXTURE(signals) { struct run run; };
FIXTURE_VARIANT(signals) { struct how how; };
FIXTURE_SETUP(signals) { self->run.how = &variant->how; }
FIXTURE_TEARDOWN(signals) { }

FIXTURE(tracer) { struct run run; };
FIXTURE_VARIANT(tracer) { struct how how; };
FIXTURE_SETUP(tracer) { self->run.how = &variant->how; }
FIXTURE_TEARDOWN(tracer) { }

#define TRACED_VARIANTS(way, nr)						\
FIXTURE_VARIANT_ADD(signals, way##_cont) { { nr, CONT, false } };		\
FIXTURE_VARIANT_ADD(signals, way##_cont_filter) { { nr, CONT, true } };		\
FIXTURE_VARIANT_ADD(signals, way##_syscall) { { nr, SYSCALL, false } };		\
FIXTURE_VARIANT_ADD(signals, way##_syscall_filter) { { nr, SYSCALL, true } };	\
FIXTURE_VARIANT_ADD(tracer, way##_cont) { { nr, CONT, false } };		\
FIXTURE_VARIANT_ADD(tracer, way##_cont_filter) { { nr, CONT, true } };		\
FIXTURE_VARIANT_ADD(tracer, way##_syscall) { { nr, SYSCALL, false } };		\
FIXTURE_VARIANT_ADD(tracer, way##_syscall_filter) { { nr, SYSCALL, true } }

#define VARIANTS(way, nr)							\
FIXTURE_VARIANT_ADD(signals, way) { { nr, UNTRACED, false } };			\
FIXTURE_VARIANT_ADD(signals, way##_filter) { { nr, UNTRACED, true } };		\
TRACED_VARIANTS(way, nr)

#ifdef __x86_64__
VARIANTS(syscall, 0);
VARIANTS(int80, 1);
#else
VARIANTS(int80, 0);
VARIANTS(vdso, 1);
#endif

#define RESTART_TEST(fixture, name, made, text, ...)				\
TEST_F(fixture, name)								\
{										\
	static const struct event event = { __VA_ARGS__ };			\
										\
	self->run.call = &call_##made;						\
	self->run.event = &event;						\
	run(_metadata, &self->run, text);					\
}

/* SIGUSR1 has a handler without SA_RESTART, SIGUSR2 one with it */
#define MADE(call)		"entry " call ", seccomp " call ", sleeps " call ", "
#define FAILS(usr)		usr " EINTR, returns EINTR, end EINTR, "
#define AGAIN(usr, call, end)	usr " restarts, returns number, " MADE(call) end

/*
 * CALL fails internally with ERROR. With a handler of either kind: what follows. NEXT
 * is the call that is made without any, and END what its success looks like.
 */
#define RESTART_TESTS(name, call, error, with_usr1, with_usr2, next, end)	\
RESTART_TEST(signals, name##_usr1, name,					\
	     MADE(call) "exit " error ", signal USR1, " with_usr1,		\
	     SIGUSR1, SIGUSR1)							\
RESTART_TEST(signals, name##_usr2, name,					\
	     MADE(call) "exit " error ", signal USR2, " with_usr2,		\
	     SIGUSR2, SIGUSR2)							\
RESTART_TEST(signals, name##_stop, name,					\
	     MADE(call) "exit " error ", signal STOP, stopped, signal CONT, "	\
	     MADE(next) end, SIGSTOP, SIGSTOP)					\
RESTART_TEST(tracer, name##_usr1_swallowed, name,				\
	     MADE(call) "exit " error ", signal USR1, "	MADE(next) end,		\
	     SIGUSR1, 0)							\
RESTART_TEST(tracer, name##_usr1_made_usr2, name,				\
	     MADE(call) "exit " error ", signal USR1, " with_usr2,		\
	     SIGUSR1, SIGUSR2)							\
RESTART_TEST(tracer, name##_usr2_made_usr1, name,				\
	     MADE(call) "exit " error ", signal USR2, " with_usr1,		\
	     SIGUSR2, SIGUSR1)

#define DONE(result)		"exit " result ", end " result ", "

RESTART_TESTS(read, "read", "ERESTARTSYS", FAILS("USR1"), AGAIN("USR2", "read", DONE("1")),
	      "read", DONE("1"))

RESTART_TESTS(lock_pi, "futex", "ERESTARTNOINTR", AGAIN("USR1", "futex", DONE("0")),
	      AGAIN("USR2", "futex", DONE("0")), "futex", DONE("0"))

RESTART_TESTS(ppoll, "ppoll", "ERESTARTNOHAND", FAILS("USR1"), FAILS("USR2"),
	      "ppoll", DONE("1"))

RESTART_TESTS(poll, "poll", "ERESTART_RESTARTBLOCK", FAILS("USR1"), FAILS("USR2"),
	      "restart_syscall", DONE("1"))

RESTART_TESTS(wait, "futex", "ERESTART_RESTARTBLOCK", FAILS("USR1"), FAILS("USR2"),
	      "restart_syscall", DONE("0"))

/* Only a signal ends it */
RESTART_TESTS(sleep, "clock_nanosleep", "ERESTART_RESTARTBLOCK", FAILS("USR1"), FAILS("USR2"),
	      "restart_syscall", "exit ERESTART_RESTARTBLOCK, signal USR1, " FAILS("USR1"))

TEST_HARNESS_MAIN
