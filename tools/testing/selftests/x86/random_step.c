// SPDX-License-Identifier: GPL-2.0
/*
 * Threads step themselves through random system calls, while other processes
 * send them signals, stop and continue them, attach to them, call functions in
 * them and detach. After each piece of code, the log of the thread must list
 * exactly the instructions of that code: none of these events may add a trap or
 * take one away. Only a call that ends in a synchronous signal of its own has no
 * trap, because that signal tells how it ended.
 *
 *	random_step [ROUNDS [SEED]]
 *
 * ROUNDS is how many pieces of code each thread executes in each test. With
 * the same SEED each thread executes the same pieces; the events that it meets
 * depend on timing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "step.h"
#include "uprobe.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
#endif
#ifndef PR_SYS_DISPATCH_OFF
# define PR_SYS_DISPATCH_OFF		0
#endif
#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON
# define PR_SYS_DISPATCH_INCLUSIVE_ON	2
#endif
#ifndef SYSCALL_DISPATCH_FILTER_BLOCK
# define SYSCALL_DISPATCH_FILTER_ALLOW	0
# define SYSCALL_DISPATCH_FILTER_BLOCK	1
#endif

#define THREADS		4
#define ROUNDS		200
#define STACK_SIZE	0x40000
#define HANG_SECONDS	60	/* without a single trap */
#define MIN_EVENTS	10	/* of each kind that a test has */
#define MAX_FACTOR	20	/* times ROUNDS: limit to get that many events */

#define TAINT_WARN	0x200	/* in /proc/sys/kernel/tainted */

/*
 * Pieces of code. They load the registers from one or two of these structures,
 * to which their argument points. A long is as large as a register.
 */

struct call {
	long nr;
	long arg[6];
};

#define NR(name)	"mov $" STEP_STR(__NR_##name) ",%eax\n"

#ifdef __x86_64__
#define ENTER	STEP_AT "mov %rdi,%r12\n"
#define SECOND	STEP_AT "add $56,%r12\n"
#define LEAVE
#define LOAD								\
	STEP_AT "mov 0(%r12),%rax\n"					\
	STEP_AT "mov 8(%r12),%rdi\n"					\
	STEP_AT "mov 16(%r12),%rsi\n"					\
	STEP_AT "mov 24(%r12),%rdx\n"					\
	STEP_AT "mov 32(%r12),%r10\n"					\
	STEP_AT "mov 40(%r12),%r8\n"					\
	STEP_AT "mov 48(%r12),%r9\n"
/* For INT $0x80, from the same structure */
#define LOAD_32								\
	STEP_AT "mov 0(%r12),%eax\n"					\
	STEP_AT "mov 8(%r12),%ebx\n"					\
	STEP_AT "mov 16(%r12),%ecx\n"					\
	STEP_AT "mov 24(%r12),%edx\n"					\
	STEP_AT "mov 32(%r12),%esi\n"					\
	STEP_AT "mov 40(%r12),%edi\n"					\
	STEP_AT "mov 48(%r12),%ebp\n"
#define WAIT_FOR_CHILD							\
	STEP_AT "mov %eax,8(%r12)\n"					\
	STEP_AT "mov %eax,%edi\n"					\
	STEP_AT "xor %esi,%esi\n"					\
	STEP_AT "xor %edx,%edx\n"					\
	STEP_AT "xor %r10d,%r10d\n"
#define EXIT_ARG	"%edi"
#else
#define ENTER	STEP_AT "push %ebx\n"
#define SECOND	STEP_AT "addl $28,(%esp)\n"
#define LEAVE	STEP_AT "pop %ebx\n"
#define LOAD								\
	STEP_AT "mov (%esp),%ebx\n"					\
	STEP_AT "mov 0(%ebx),%eax\n"					\
	STEP_AT "mov 8(%ebx),%ecx\n"					\
	STEP_AT "mov 12(%ebx),%edx\n"					\
	STEP_AT "mov 16(%ebx),%esi\n"					\
	STEP_AT "mov 20(%ebx),%edi\n"					\
	STEP_AT "mov 24(%ebx),%ebp\n"					\
	STEP_AT "mov 4(%ebx),%ebx\n"
#define WAIT_FOR_CHILD							\
	STEP_AT "mov (%esp),%ebx\n"					\
	STEP_AT "mov %eax,4(%ebx)\n"					\
	STEP_AT "mov %eax,%ebx\n"					\
	STEP_AT "xor %ecx,%ecx\n"					\
	STEP_AT "xor %edx,%edx\n"					\
	STEP_AT "xor %esi,%esi\n"
#define EXIT_ARG	"%ebx"
#endif

/* Indexes into code_want */
#ifdef __x86_64__
#define FIRST_CALL	8
#else
#define FIRST_CALL	9
#endif
#define FORK_NEXT	(FIRST_CALL + 1)	/* here the child starts */
#define FORK_BRANCH	(FIRST_CALL + 3)
#define FORK_EXIT	(FIRST_CALL + 6)	/* the end of the child */
#define FORK_PARENT	(FIRST_CALL + 7)

STEP_CODE(code_one,
	  ENTER
	  LOAD
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  LEAVE
	  STEP_AT "nop\n");

STEP_CODE(code_two,
	  ENTER
	  LOAD
	  STEP_AT STEP_SYSCALL
	  SECOND
	  LOAD
	  STEP_AT STEP_SYSCALL
	  LEAVE
	  STEP_AT "nop\n");

/* The first call returns the number of the second */
STEP_CODE(code_adjacent,
	  ENTER
	  LOAD
	  STEP_AT STEP_SYSCALL
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  LEAVE
	  STEP_AT "nop\n");

STEP_CODE(code_fork,
	  ENTER
	  LOAD
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  STEP_AT "test %eax,%eax\n"
	  STEP_AT "jnz 2f\n"
	  STEP_AT "mov %eax," EXIT_ARG "\n"
	  STEP_AT NR(exit_group)
	  STEP_AT STEP_SYSCALL
	  "ud2\n"
	  "2:\n"
	  WAIT_FOR_CHILD
	  STEP_AT NR(wait4)
	  STEP_AT STEP_SYSCALL
	  LEAVE
	  STEP_AT "nop\n");

/* The function returns by way of the page of uprobes */
STEP_CODE(code_probed,
	  STEP_AT "call 1f\n"
	  STEP_AT "nop\n"
	  STEP_AT "jmp 2f\n"
	  "1:\n"
	  STEP_AT "nop\n"
	  STEP_AT "ret\n"
	  "2:\n");

#define PROBED_CALL	0
#define PROBED_NEXT	1
#define PROBED_FIRST	3
#define PROBED_RET	4
#define PROBED_END	5

#ifdef __x86_64__
STEP_CODE(code_int80,
	  ENTER
	  LOAD_32
	  STEP_AT "int $0x80\n"
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

STEP_CODE(code_mixed,
	  ENTER
	  LOAD
	  STEP_AT "syscall\n"
	  SECOND
	  LOAD_32
	  STEP_AT "int $0x80\n"
	  STEP_AT "nop\n");
#else
/* The fast entry, if there is one */
unsigned long vdso_entry;

STEP_CODE(code_vdso,
	  ENTER
	  LOAD
	  STEP_AT "call *vdso_entry\n"
	  STEP_AT "nop\n"
	  LEAVE
	  STEP_AT "nop\n");
#endif

struct piece {
	const char *name;
	__typeof__(code_one) *code;
	const char *end;
	const unsigned long *want;
	int calls;
	bool int80[2];		/* in a 64-bit program: it is a 32-bit call */
	bool adjacent;
	bool forks;
};

static struct step_want fork_parent, fork_child, probed_want;
#ifndef __x86_64__
static struct step_want vdso_want;
#endif

static const struct piece pieces[] = {
	{ "one", code_one, code_one_end, code_one_want, 1 },
	{ "two", code_two, code_two_end, code_two_want, 2 },
	{ "adjacent", code_adjacent, code_adjacent_end, code_adjacent_want, 1, .adjacent = true },
	{ "fork", code_fork, code_fork_end, fork_parent.ip, 1, .forks = true },
	{ "probed", code_probed, code_probed_end, probed_want.ip, 0 },
#ifdef __x86_64__
	{ "int80", code_int80, code_int80_end, code_int80_want, 1, { true } },
	{ "mixed", code_mixed, code_mixed_end, code_mixed_want, 2, { false, true } },
#else
	{ "vdso", code_vdso, code_vdso_end, vdso_want.ip, 1 },
#endif
};

/*
 * What all processes share
 */

/* What the arguments of a call point to. Times have 64 bits in all calls. */
struct data {
	__s64 time[2];
	__u64 mask;
	__u64 expirations;
	struct epoll_event event;
	int futex;
	char path[16];
	int info[32];		/* a siginfo_t, whose first members are int */
};

struct thread {
	int number;
	int tid;		/* 0: does not run */
	unsigned int random;
	int epoll_fd, timer_fd;

	unsigned int round;
	const struct piece *piece;
	const struct kind *kind[2];
	struct call call[2];
	struct data data[2];
	long result[2];		/* what the last call may return */
	bool masked;		/* signals are blocked for it */
	bool dispatched;	/* user dispatch catches its calls */
	char selector;

	bool running;		/* the piece */
	unsigned long traps;	/* of all pieces */
	struct step_log log, child_log;

	/* Where a handler of SIGUSR1 or SIGUSR2 first interrupted a wrong place */
	unsigned long bad_ip, bad_flags, bad_last;
};

enum event { SIGNALS, STOPS, ATTACHES, STEPS, CALLS, EVENTS };

static struct shared {
	struct thread thread[THREADS];
	unsigned long count[EVENTS];
	bool failed;
} *shared;

struct test {
	const char *name;
	bool has[EVENTS];
};

static unsigned int rounds = ROUNDS, seed;
static bool no_int80;
static const struct test *test;
static char *stacks;

static unsigned int pick(unsigned int *random, unsigned int below)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 16) % below;
}

static unsigned long all_traps(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		sum += __atomic_load_n(&shared->thread[i].traps, __ATOMIC_RELAXED);
	return sum;
}

/* Have there been enough events of each kind that this test has? */
static bool enough_events(void)
{
	int i;

	for (i = 0; i < EVENTS; i++) {
		if (test->has[i] &&
		    __atomic_load_n(&shared->count[i], __ATOMIC_RELAXED) < MIN_EVENTS)
			return false;
	}
	return true;
}

static void count_event(enum event event)
{
	__atomic_fetch_add(&shared->count[event], 1, __ATOMIC_RELAXED);
}

/*
 * Kinds of calls
 */

#define NO_SYSCALL	100000

struct kind {
	const char *name;
	long nr_64, nr_32;
	void (*prepare)(struct thread *t, struct call *call, struct data *d);
	long result[2];
	bool alone;		/* only in pieces with one call */
	bool faults;		/* it ends in a synchronous signal, so alone as well */
};

#define RESULTS(a, b)		.result = { a, b }

static void set_args(struct call *call, long a, long b, long c, long d, long e, long f)
{
	long args[] = { a, b, c, d, e, f };

	memcpy(call->arg, args, sizeof(args));
}

static void set_time(struct thread *t, struct data *d)
{
	d->time[0] = 0;
	d->time[1] = 1000 * (1 + pick(&t->random, 200));
}

#define BIT_OF(sig)	(1ULL << ((sig) - 1))

/* A mask that lets SIGUSR1 through. Blocking SIGTRAP must make no difference. */
static void set_mask(struct thread *t, struct data *d)
{
	static const __u64 masks[] = {
		0,
		BIT_OF(SIGTRAP),
		BIT_OF(SIGUSR2),
		~BIT_OF(SIGUSR1),
	};

	d->mask = masks[pick(&t->random, ARRAY_SIZE(masks))];
}

/* Make SIGUSR1 blocked and pending */
static void set_pending(struct thread *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), t->tid, SIGUSR1);
	t->masked = true;
}

static void set_result(struct thread *t, long result)
{
	t->result[0] = result;
	t->result[1] = result;
}

static void prepare_getpid(struct thread *t, struct call *call, struct data *d)
{
	set_result(t, getpid());
}

static void prepare_getppid(struct thread *t, struct call *call, struct data *d)
{
	set_result(t, getppid());
}

static void prepare_gettid(struct thread *t, struct call *call, struct data *d)
{
	set_result(t, t->tid);
}

static void prepare_invalid(struct thread *t, struct call *call, struct data *d)
{
	call->nr = pick(&t->random, 4) ? NO_SYSCALL + pick(&t->random, 1000) : -1;
}

static void prepare_close(struct thread *t, struct call *call, struct data *d)
{
	call->arg[0] = -1;
}

/* Nothing is mapped there */
static void prepare_open(struct thread *t, struct call *call, struct data *d)
{
	call->arg[0] = 16;
}

static void prepare_execve(struct thread *t, struct call *call, struct data *d)
{
	snprintf(d->path, sizeof(d->path), "/none/such");
	call->arg[0] = (long)d->path;
}

static void prepare_tgkill(struct thread *t, struct call *call, struct data *d)
{
	set_args(call, getpid(), t->tid, pick(&t->random, 2) ? SIGUSR1 : SIGUSR2, 0, 0, 0);
}

/* Ports do not belong to a thread for long */
static void prepare_ioperm(struct thread *t, struct call *call, struct data *d)
{
	const bool on = pick(&t->random, 2);

	set_args(call, 0x80, 1, on, 0, 0, 0);
	set_result(t, syscall(SYS_ioperm, 0x80, 1, !on) ? -errno : 0);
}

/* A signal like that of a fault */
static void prepare_fault(struct thread *t, struct call *call, struct data *d)
{
	memset(d->info, 0, sizeof(d->info));
	d->info[0] = SIGSEGV;
	d->info[2] = SEGV_MAPERR;
	set_args(call, getpid(), t->tid, SIGSEGV, (long)d->info, 0, 0);
	set_result(t, 0);
}

#ifndef __x86_64__
static unsigned long landing_pad;
#endif

/* Does its call end in a synchronous signal? */
static bool faults(const struct thread *t)
{
	return t->kind[0] && t->kind[0]->faults;
}

/* Where a call ends. In the fast entry this is not where the program goes on. */
static unsigned long end_of_call(const struct piece *piece)
{
#ifndef __x86_64__
	if (piece->code == code_vdso)
		return landing_pad;
#endif
	return piece->want[FIRST_CALL + 1];
}

/* Numbers that look like results which ask for a restart */
static void prepare_dispatch(struct thread *t, struct call *call, struct data *d)
{
	static const int numbers[] = { -512, -513, -514, -516, -1, NO_SYSCALL };

	call->nr = numbers[pick(&t->random, ARRAY_SIZE(numbers))];
	t->result[0] = call->nr;
	t->result[1] = (unsigned int)call->nr;
	/* It looks at the address to which the call returns */
	t->dispatched = !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_INCLUSIVE_ON,
			       end_of_call(t->piece), 1, (long)&t->selector);
	if (!t->dispatched)
		shared->failed = true;
	/* From now on no call of libc's: in a 32-bit program it returns there, too */
	__atomic_store_n(&t->selector, SYSCALL_DISPATCH_FILTER_BLOCK, __ATOMIC_SEQ_CST);
}

static void prepare_unblock(struct thread *t, struct call *call, struct data *d)
{
	set_pending(t);
	d->mask = BIT_OF(SIGUSR1);
	set_args(call, SIG_UNBLOCK, (long)&d->mask, 0, sizeof(d->mask), 0, 0);
}

static void prepare_sleep(struct thread *t, struct call *call, struct data *d)
{
	set_time(t, d);
	set_args(call, CLOCK_MONOTONIC, 0, (long)d->time, 0, 0, 0);
}

static void prepare_futex(struct thread *t, struct call *call, struct data *d)
{
	set_time(t, d);
	d->futex = 0;
	set_args(call, (long)&d->futex, FUTEX_WAIT_PRIVATE, 0, (long)d->time, 0, 0);
}

static void prepare_poll(struct thread *t, struct call *call, struct data *d)
{
	set_args(call, 0, 0, 1, 0, 0, 0);
}

static void prepare_sigtimedwait(struct thread *t, struct call *call, struct data *d)
{
	set_time(t, d);
	d->mask = BIT_OF(SIGXCPU);
	set_args(call, (long)&d->mask, 0, (long)d->time, sizeof(d->mask), 0, 0);
}

static void prepare_timer(struct thread *t, struct call *call, struct data *d)
{
	struct itimerspec its = {
		.it_value.tv_nsec = 1000 * (1 + pick(&t->random, 200)),
	};

	timerfd_settime(t->timer_fd, 0, &its, NULL);
	set_args(call, t->timer_fd, (long)&d->expirations, sizeof(d->expirations), 0, 0, 0);
}

static void prepare_ppoll(struct thread *t, struct call *call, struct data *d)
{
	set_time(t, d);
	set_mask(t, d);
	if (pick(&t->random, 2))
		d->mask = ~0ULL;
	set_args(call, 0, 0, (long)d->time, (long)&d->mask, sizeof(d->mask), 0);
}

static void prepare_ppoll_pending(struct thread *t, struct call *call, struct data *d)
{
	set_pending(t);
	set_time(t, d);
	set_mask(t, d);
	set_args(call, 0, 0, (long)d->time, (long)&d->mask, sizeof(d->mask), 0);
}

static void prepare_epoll(struct thread *t, struct call *call, struct data *d)
{
	set_mask(t, d);
	set_args(call, t->epoll_fd, (long)&d->event, 1, 1, (long)&d->mask, sizeof(d->mask));
}

static void prepare_epoll_pending(struct thread *t, struct call *call, struct data *d)
{
	set_pending(t);
	prepare_epoll(t, call, d);
}

static void prepare_sigsuspend(struct thread *t, struct call *call, struct data *d)
{
	set_pending(t);
	set_mask(t, d);
	set_args(call, (long)&d->mask, sizeof(d->mask), 0, 0, 0, 0);
}

/* Numbers of 64-bit calls, and of 32-bit calls with 64-bit times */
static const struct kind kinds[] = {
	{ "getpid", 39, 20, prepare_getpid },
	{ "getppid", 110, 64, prepare_getppid },
	{ "gettid", 186, 224, prepare_gettid },
	{ "sched_yield", 24, 158 },
	{ "invalid", 0, 0, prepare_invalid, RESULTS(-ENOSYS, -ENOSYS) },
	{ "restart_syscall", 219, 0, NULL, RESULTS(-EINTR, -EINTR) },
	{ "close", 3, 6, prepare_close, RESULTS(-EBADF, -EBADF) },
	{ "open", 2, 5, prepare_open, RESULTS(-EFAULT, -EFAULT) },
	{ "execve", 59, 11, prepare_execve, RESULTS(-ENOENT, -ENOENT) },
	/* A handler runs when the call succeeds */
	{ "tgkill", 234, 270, prepare_tgkill },
	{ "sigprocmask", 14, 175, prepare_unblock, .alone = true },
	{ "ioperm", 173, 101, prepare_ioperm },
	/* The signal is instead of the step's */
	{ "rt_tgsigqueueinfo", 297, 335, prepare_fault, .faults = true },
	{ "dispatched", 0, 0, prepare_dispatch, .faults = true },
	/* These wait, and are restarted in different ways */
	{ "nanosleep", 230, 407, prepare_sleep, RESULTS(0, -EINTR) },
	{ "futex", 202, 422, prepare_futex, RESULTS(-ETIMEDOUT, -EINTR) },
	{ "poll", 7, 168, prepare_poll, RESULTS(0, -EINTR) },
	{ "sigtimedwait", 128, 421, prepare_sigtimedwait,
	  RESULTS(-EAGAIN, -EINTR) },
	{ "read", 0, 3, prepare_timer, RESULTS(sizeof(__u64), -EINTR), .alone = true },
	/* With a temporary mask */
	{ "ppoll", 271, 414, prepare_ppoll, RESULTS(0, -EINTR) },
	{ "epoll_pwait", 281, 319, prepare_epoll, RESULTS(0, -EINTR) },
	/* With a temporary mask that lets a handler run */
	{ "ppoll_pending", 271, 414, prepare_ppoll_pending, RESULTS(-EINTR, -EINTR),
	  .alone = true },
	{ "epoll_pending", 281, 319, prepare_epoll_pending, RESULTS(-EINTR, -EINTR),
	  .alone = true },
	{ "sigsuspend", 130, 179, prepare_sigsuspend, RESULTS(-EINTR, -EINTR),
	  .alone = true },
};

static const struct kind fork_kind = { "fork", 57, 2 };

/* It returns the number of getpid(), see thread_main() */
static const struct kind prctl_kind = { "prctl", 157, 172, prepare_getpid };

static void choose(struct thread *t)
{
	const bool is_32 = sizeof(long) == 4;
	const struct piece *piece;
	const struct kind *kind;
	struct call *call;
	int i;

	/* Fork less often, it takes much longer than the others */
	do {
		piece = &pieces[pick(&t->random, ARRAY_SIZE(pieces))];
	} while ((piece->forks && pick(&t->random, 4)) || !piece->want[0] ||
		 (no_int80 && (piece->int80[0] || piece->int80[1])));

	t->piece = piece;
	t->kind[0] = NULL;
	set_result(t, 0);
	for (i = 0; i < piece->calls; i++) {
		if (piece->forks) {
			kind = &fork_kind;
		} else if (piece->adjacent) {
			kind = &prctl_kind;
		} else {
			do {
				kind = &kinds[pick(&t->random, ARRAY_SIZE(kinds))];
			} while ((kind->alone || kind->faults) && piece->calls > 1);
		}

		t->kind[i] = kind;
		call = &t->call[i];
		call->nr = is_32 || piece->int80[i] ? kind->nr_32 : kind->nr_64;
		memset(call->arg, 0, sizeof(call->arg));
		if (piece->adjacent)
			call->arg[0] = PR_GET_TIMERSLACK;
		memcpy(t->result, kind->result, sizeof(t->result));
		if (kind->prepare)
			kind->prepare(t, call, &t->data[i]);
	}
}

/*
 * Handlers
 */

/* The child of a thread has the same stack, so it gets its parent's structure */
static struct thread *this_thread(void)
{
	unsigned long offset = (unsigned long)__builtin_frame_address(0) - (unsigned long)stacks;

	return offset < THREADS * STACK_SIZE ? &shared->thread[offset / STACK_SIZE] : NULL;
}

static struct step_log *find_log(void)
{
	struct thread *t = this_thread();

	if (!t)
		return &step_own_log;
	if (t->piece->forks && step_gettid() != t->tid)
		return &t->child_log;
	__atomic_fetch_add(&t->traps, 1, __ATOMIC_RELAXED);
	return &t->log;
}

/* Can the program be interrupted at this ip, if the last trap was there? */
static bool can_be_at(unsigned long ip, unsigned long last)
{
#ifndef __x86_64__
	/* The fast entry is restarted by the INT $0x80 that follows it */
	if (landing_pad && last == landing_pad - 4 && ip == landing_pad - 2)
		return true;
#endif
	return ip == last;
}

/*
 * Each step is reported before any other signal. So a handler interrupts the
 * program where it was last trapped, or it interrupts the handler of SIGTRAP.
 */
static void usr_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	unsigned long ip = gregs[STEP_REG_IP], flags = gregs[STEP_REG_FL], last;
	struct thread *t = this_thread();
	unsigned int n;
	bool ok;

	if (!t || !t->running || t->bad_ip)
		return;

	n = __atomic_load_n(&t->log.count, __ATOMIC_SEQ_CST);
	if (n > STEP_MAX)
		return;
	/* The first trap comes after the one-byte NOP at the end of STEP_ON */
	last = n ? t->log.trap[n - 1].ip : t->piece->want[0] - 1;

	if (flags & STEP_TF)
		ok = can_be_at(ip, last) ||
		     (faults(t) && ip == end_of_call(t->piece));
	else
		ok = ip < t->piece->want[0] || ip >= (unsigned long)t->piece->end;
	if (!ok) {
		t->bad_ip = ip;
		t->bad_flags = flags;
		t->bad_last = last;
	}
}

/* The synchronous signal of a call: the program is at its end, before any other signal */
static void fault_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	struct thread *t = this_thread();

	if (!t || !faults(t))
		_exit(1);
	if (t->bad_ip || ((unsigned long)gregs[STEP_REG_IP] == end_of_call(t->piece) &&
			  (gregs[STEP_REG_FL] & STEP_TF)))
		return;
	t->bad_ip = gregs[STEP_REG_IP];
	t->bad_flags = gregs[STEP_REG_FL];
	t->bad_last = end_of_call(t->piece);
}

static int catch(int sig, void (*handler)(int sig, siginfo_t *info, void *ctx), int flags)
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&sa.sa_mask);
	return sigaction(sig, &sa, NULL);
}

/*
 * The threads
 */

static pthread_mutex_t check_lock = PTHREAD_MUTEX_INITIALIZER;

/* The traps of a piece: not that of a call which ends in a synchronous signal */
static void want_traps(struct step_want *w, const struct thread *t)
{
	const unsigned long *ip;

	w->n = 0;
	for (ip = t->piece->want; *ip; ip++) {
		if (!faults(t) || *ip != end_of_call(t->piece))
			step_want_ip(w, *ip);
	}
	w->ip[w->n] = 0;
}

/* To be called with the lock, because there is only one step_tag, and one list */
static bool check_logs(struct thread *t, long result)
{
	static struct step_want want;
	bool ok;

	want_traps(&want, t);
	ok = step_check_log(&t->log, t->tid, want.ip);

	if (ok && t->piece->forks)
		ok = step_check_log(&t->child_log, t->call[0].arg[0], fork_child.ip);
	if (ok && t->bad_ip) {
		fprintf(stderr, "# %s: a handler interrupts ip %#lx, flags %#lx, but the last ",
			step_tag, t->bad_ip, t->bad_flags);
		fprintf(stderr, "trap was at %#lx\n", t->bad_last);
		ok = false;
	}
	if (ok && t->kind[0] && result != t->result[0] && result != t->result[1]) {
		fprintf(stderr, "# %s: the call returned %ld, expected %ld or %ld\n", step_tag,
			result, t->result[0], t->result[1]);
		ok = false;
	}
	return ok;
}

static bool check(struct thread *t, long result)
{
	char tag[128];
	bool ok;

	snprintf(tag, sizeof(tag), "seed %u, %s, thread %d, round %u, %s: %s%s%s", seed,
		 test->name, t->number, t->round, t->piece->name,
		 t->kind[0] ? t->kind[0]->name : "no call",
		 t->piece->calls > 1 ? ", " : "",
		 t->piece->calls > 1 ? t->kind[1]->name : "");

	pthread_mutex_lock(&check_lock);
	step_tag = tag;
	ok = check_logs(t, result);
	pthread_mutex_unlock(&check_lock);
	return ok;
}

/* The piece of code itself may have reaped the child */
static long reap(struct thread *t, long result)
{
	pid_t child = t->call[0].arg[0];

	t->result[0] = child;
	t->result[1] = -EINTR;
	while (result == -EINTR && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}

static bool run_piece(struct thread *t)
{
	sigset_t set;
	long result;

	choose(t);
	t->log.count = 0;
	t->log.end = (unsigned long)t->piece->end;
	t->child_log.count = 0;

	__atomic_store_n(&t->running, true, __ATOMIC_SEQ_CST);
	result = t->piece->code((long)t->call, 0, 0);
	__atomic_store_n(&t->selector, SYSCALL_DISPATCH_FILTER_ALLOW, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->running, false, __ATOMIC_SEQ_CST);

	if (t->piece->forks)
		result = reap(t, result);
	if (t->dispatched) {
		prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
		t->dispatched = false;
	}
	if (t->masked) {
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		t->masked = false;
	}
	return check(t, result);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	int uprobe_fd;

	t->epoll_fd = epoll_create1(0);
	t->timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
	/* If there are no uprobes, no thread needs one */
	uprobe_fd = uprobe_open(0, code_probed_want[PROBED_FIRST], UPROBE_RETURN);
	if (t->epoll_fd < 0 || t->timer_fd < 0 || prctl(PR_SET_TIMERSLACK, __NR_getpid)) {
		perror("# cannot prepare a thread");
		shared->failed = true;
		return NULL;
	}

	__atomic_store_n(&t->tid, step_gettid(), __ATOMIC_SEQ_CST);
	while (!shared->failed && (t->round < rounds || !enough_events()) &&
	       t->round / MAX_FACTOR < rounds) {
		if (!run_piece(t))
			shared->failed = true;
		t->round++;
	}
	/* From now on the tid may belong to another task */
	__atomic_store_n(&t->tid, 0, __ATOMIC_SEQ_CST);
	if (uprobe_fd >= 0)
		close(uprobe_fd);
	return NULL;
}

#ifndef __x86_64__
/*
 * Find out what the vDSO executes, by executing it while no process disturbs.
 * This must include the instruction after its INT $0x80.
 */
static bool learn_vdso(void)
{
	const unsigned char *p = (const unsigned char *)getauxval(AT_SYSINFO);
	struct call call = { .nr = __NR_getpid };
	unsigned long ip;
	bool ok = false;
	unsigned int i;

	vdso_entry = (unsigned long)p;
	if (!p)
		return true;
	for (i = 0; i < 32 && (p[i] != 0xcd || p[i + 1] != 0x80); i++)
		;
	landing_pad = vdso_entry + i + 2;

	step_run(code_vdso, &call, 0, 0);
	step_want_range(&vdso_want, code_vdso_want, 0, FIRST_CALL);
	for (i = FIRST_CALL + 1; i < step_log->count && i < STEP_MAX; i++) {
		ip = step_log->trap[i].ip;
		if (ip == code_vdso_want[FIRST_CALL + 1])
			break;
		ok |= ip == landing_pad;
		step_want_ip(&vdso_want, ip);
	}
	step_want_tail(&vdso_want, code_vdso_want, FIRST_CALL + 1);
	if (!ok)
		fprintf(stderr, "# vDSO: expected a trap at ip %#lx, got none\n", landing_pad);
	return ok;
}
#endif

/*
 * The same for the way of a probed return: some instructions in the page of uprobes,
 * the last of which enters the kernel
 */
static bool learn_probed(void)
{
	int fd = uprobe_open(0, code_probed_want[PROBED_FIRST], UPROBE_RETURN);
	unsigned long ip, page = 0;
	unsigned int i;
	bool ok;

	if (fd < 0)
		return true;
	step_run(code_probed, 0, 0, 0);
	step_want_ip(&probed_want, code_probed_want[PROBED_CALL]);
	step_want_range(&probed_want, code_probed_want, PROBED_FIRST, PROBED_RET);
	for (i = probed_want.n; i < step_log->count && i < STEP_MAX; i++) {
		ip = step_log->trap[i].ip;
		if (!page)
			page = ip & ~0xfffUL;
		if ((ip & ~0xfffUL) != page || ip == code_probed_want[PROBED_NEXT])
			break;
		step_want_ip(&probed_want, ip);
	}
	step_want_range(&probed_want, code_probed_want, PROBED_NEXT, PROBED_NEXT + 1);
	step_want_tail(&probed_want, code_probed_want, PROBED_END);
	step_tag = "probed return";
	ok = step_check(probed_want.ip);
	step_tag = NULL;
	close(fd);
	return ok;
}

static bool run_threads(void)
{
	pthread_t id[THREADS];
	pthread_attr_t attr;
	int i;

	for (i = 0; i < THREADS; i++) {
		shared->thread[i].number = i;
		shared->thread[i].random = seed * THREADS + i;
		if (pthread_attr_init(&attr) ||
		    pthread_attr_setstack(&attr, stacks + i * STACK_SIZE, STACK_SIZE) ||
		    pthread_create(&id[i], &attr, thread_main, &shared->thread[i]))
			return false;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	return !shared->failed;
}

static void run_target(void)
{
	bool ok = true;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	step_find_log = find_log;
	if (step_install(0) || catch(SIGUSR1, usr_handler, 0) ||
	    catch(SIGUSR2, usr_handler, SA_RESTART) ||
	    catch(SIGSEGV, fault_handler, 0) || catch(SIGSYS, fault_handler, 0))
		_exit(1);
#ifndef __x86_64__
	ok = learn_vdso();
#endif
	ok &= learn_probed();
	ok &= run_threads();
	_exit(ok ? 0 : 1);
}

/*
 * The processes that disturb the threads. Each waits for a little progress in
 * between, so that the threads also make progress on a slow machine.
 */

static pid_t target;

static struct thread *await_progress(unsigned int *random)
{
	unsigned long goal = all_traps() + 1 + pick(random, 16);
	int i;

	/* Not forever: there is no progress while the process is stopped */
	for (i = 0; i < 100 && all_traps() < goal; i++)
		usleep(200);
	return &shared->thread[pick(random, THREADS)];
}

static void send_signals(unsigned int random)
{
	struct thread *t;

	for (;;) {
		t = await_progress(&random);
		if (t->tid && !syscall(SYS_tgkill, target, t->tid,
				       pick(&random, 2) ? SIGUSR1 : SIGUSR2))
			count_event(SIGNALS);
	}
}

static void stop_and_continue(unsigned int random)
{
	for (;;) {
		await_progress(&random);
		kill(target, SIGSTOP);
		if (pick(&random, 2))
			usleep(pick(&random, 1000));
		kill(target, SIGCONT);
		count_event(STOPS);
	}
}

struct tracer {
	pid_t tid;
	bool keep_stop;		/* the SIGSTOP of PTRACE_ATTACH is still to come */
	bool steps;		/* the end of a step is still to come */
	bool calls;		/* lone_trap() is still to end */
	struct user_regs_struct saved;
};

/*
 * The signal to deliver when the tracee goes on: each one that is not caused by
 * the tracer. PTRACE_ATTACH causes a SIGSTOP, which is discarded. It does no harm
 * to discard another SIGSTOP instead: the next SIGCONT ends the effect of both.
 */
static int own_signal(struct tracer *tracer, int status)
{
	int sig = WSTOPSIG(status);
	siginfo_t info;

	if (status >> 16 || sig == (SIGTRAP | 0x80))
		return 0;
	/* There is no siginfo if it is a stop of the whole process */
	if (ptrace(PTRACE_GETSIGINFO, tracer->tid, 0, &info))
		return 0;
	if (sig == SIGSTOP && tracer->keep_stop) {
		tracer->keep_stop = false;
		return 0;
	}
	if (sig != SIGTRAP)
		return sig;

	tracer->steps = false;
	/* The exit from a system call reports a step of both in this way */
	if (info.si_code == TRAP_BRKPT) {
		info.si_code = TRAP_TRACE;
		if (ptrace(PTRACE_SETSIGINFO, tracer->tid, 0, &info))
			return 0;
	}
	/* Otherwise the tracer has stepped into a handler */
	return info.si_code == TRAP_TRACE ? sig : 0;
}

/*
 * Can a tracer step here without changing what the program sees? If the program
 * has set TF, the trap after one instruction is for both, and the program gets
 * it. Otherwise the trap must be kept from the program.
 *
 * A step over a system call is reported to a tracer on exit, even if the call
 * is restarted later. The handler of a SIGTRAP at that time would end the call.
 * So do not step over calls that wait.
 */
static bool can_step(pid_t tid)
{
	unsigned long ip, flags, insn;
	struct user_regs_struct regs;
	long nr, orig_nr;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return false;
#ifdef __x86_64__
	ip = regs.rip, flags = regs.eflags, nr = regs.rax, orig_nr = regs.orig_rax;
#else
	ip = regs.eip, flags = regs.eflags, nr = regs.eax, orig_nr = regs.orig_eax;
#endif
	if (!(flags & STEP_TF) || orig_nr >= 0)
		return false;

	errno = 0;
	insn = ptrace(PTRACE_PEEKTEXT, tid, ip, 0) & 0xffff;
	if (errno)
		return false;
	/* SYSCALL, SYSENTER, INT $0x80; 20 is getpid() of the latter */
	if ((insn & 0xff) == 0xcc)	/* uprobes' */
		return false;
	if (insn == 0x050f || insn == 0x340f || insn == 0x80cd)
		return nr == __NR_getpid || nr == 20 || nr >= NO_SYSCALL;
	return true;
}

/* The function that a tracer calls */
STEP_BARE_CODE(lone_trap, "", "nop\n int3\n");

static bool signal_pending(pid_t tid)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, tid, &args, &info) > 0;
}

/*
 * As a debugger does it: let an interrupted call wait, and call a function instead. The
 * call is restarted when the registers are as before. Not while a signal is pending,
 * which may be the one that is to end the call: it would be delivered in the function.
 */
static bool call_function(struct tracer *tracer)
{
	struct user_regs_struct regs;
	long nr, result;

	if (ptrace(PTRACE_GETREGS, tracer->tid, 0, &regs))
		return false;
	tracer->saved = regs;
#ifdef __x86_64__
	nr = regs.orig_rax, result = regs.rax;
	regs.orig_rax = -1;
	regs.rip = (unsigned long)lone_trap;
	regs.rsp -= 256;	/* there may be a red zone */
#else
	nr = (int)regs.orig_eax, result = (int)regs.eax;
	regs.orig_eax = -1;
	regs.eip = (unsigned long)lone_trap;
#endif
	regs.eflags &= ~STEP_TF;
	if (nr < 0 || result > -512 || result < -516 || signal_pending(tracer->tid) ||
	    ptrace(PTRACE_SETREGS, tracer->tid, 0, &regs))
		return false;
	tracer->calls = true;
	return true;
}

/* Is this the function's end? If so, the program's registers are as before. */
static bool function_ends(struct tracer *tracer, int status)
{
	struct user_regs_struct regs;
	unsigned long ip;

	if (!tracer->calls || status >> 16 || WSTOPSIG(status) != SIGTRAP ||
	    ptrace(PTRACE_GETREGS, tracer->tid, 0, &regs))
		return false;
#ifdef __x86_64__
	ip = regs.rip;
#else
	ip = regs.eip;
#endif
	if (ip != (unsigned long)lone_trap + 2)
		return false;
	tracer->calls = false;
	ptrace(PTRACE_SETREGS, tracer->tid, 0, &tracer->saved);
	return true;
}

static void trace(struct thread *t, unsigned int *random)
{
	static const int requests[] = { PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP };
	int left = 1 + pick(random, 16), request, status, sig;
	bool attach = pick(random, 2);
	pid_t tid = t->tid;
	struct tracer tracer = {
		.tid = tid,
		.keep_stop = attach,
	};

	if (ptrace(attach ? PTRACE_ATTACH : PTRACE_SEIZE, tid, 0, 0))
		return;
	count_event(ATTACHES);
	if (!attach)
		ptrace(PTRACE_INTERRUPT, tid, 0, 0);

	/* If something fails, the tracee is about to exit: waitpid() ends the loop */
	while (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) {
		ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_TRACESYSGOOD);
		sig = function_ends(&tracer, status) ? 0 : own_signal(&tracer, status);
		if (left > 0 && !sig && !tracer.calls && !tracer.steps &&
		    call_function(&tracer))
			count_event(CALLS);
		if (left-- <= 0 && !tracer.steps && !tracer.calls) {
			if (!ptrace(PTRACE_DETACH, tid, 0, (long)sig))
				break;
			continue;
		}
		request = tracer.calls ? PTRACE_CONT :
			  requests[pick(random, ARRAY_SIZE(requests))];
		if (request == PTRACE_SINGLESTEP) {
			if (can_step(tid)) {
				tracer.steps = true;
				count_event(STEPS);
			} else {
				request = PTRACE_CONT;
			}
		}
		ptrace(request, tid, 0, (long)sig);
	}
}

static void attach_and_detach(unsigned int random)
{
	struct thread *t;

	for (;;) {
		t = await_progress(&random);
		if (t->tid)
			trace(t, &random);
	}
}

static pid_t start(void (*fn)(unsigned int random), unsigned int random)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn(random);
		_exit(0);
	}
	return pid;
}

/*
 * The parent
 */

/* Wait for the target. It hangs if no thread is trapped for a long time. */
static void await_target(void)
{
	unsigned long traps = 0, now;
	siginfo_t info = { 0 };
	struct thread *t;
	int i, idle = 0;

	/* Leave it a zombie, or others may disturb a new process with the same pid */
	while (!waitid(P_PID, target, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		usleep(20000);
		now = all_traps();
		idle = now == traps ? idle + 1 : 0;
		traps = now;
		if (idle < HANG_SECONDS * 50)
			continue;

		ksft_print_msg("seed %u, %s: no step for %d seconds\n", seed, test->name,
			       HANG_SECONDS);
		for (i = 0; i < THREADS; i++) {
			t = &shared->thread[i];
			ksft_print_msg("thread %d, round %u, %s: %s: %u traps\n", i, t->round,
				       t->piece ? t->piece->name : "none",
				       t->kind[0] ? t->kind[0]->name : "none", t->log.count);
		}
		kill(target, SIGKILL);
		break;
	}
}

static unsigned long taints(void)
{
	FILE *f = fopen("/proc/sys/kernel/tainted", "r");
	unsigned long value = 0;

	if (f) {
		if (fscanf(f, "%lu", &value) != 1)
			value = 0;
		fclose(f);
	}
	return value;
}

static bool run_test(void)
{
	unsigned long tainted = taints();
	int i, status = 0, n = 0;
	pid_t disturber[3];
	bool ok;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	target = fork();
	if (!target)
		run_target();
	if (target < 0)
		return false;

	if (test->has[SIGNALS])
		disturber[n++] = start(send_signals, seed + 1);
	if (test->has[STOPS])
		disturber[n++] = start(stop_and_continue, seed + 2);
	if (test->has[ATTACHES])
		disturber[n++] = start(attach_and_detach, seed + 3);

	await_target();
	for (i = 0; i < n; i++) {
		if (disturber[i] > 0) {
			kill(disturber[i], SIGKILL);
			waitpid(disturber[i], NULL, 0);
		}
	}

	ok = waitpid(target, &status, 0) == target && !status;
	if (!ok && WIFSIGNALED(status))
		ksft_print_msg("seed %u, %s: killed by signal %d\n", seed, test->name,
			       WTERMSIG(status));
	if (taints() & ~tainted & TAINT_WARN) {
		ksft_print_msg("seed %u, %s: the kernel has warned\n", seed, test->name);
		ok = false;
	}
	if (ok && !enough_events()) {
		ksft_print_msg("seed %u, %s: less than %d of some kind\n", seed, test->name,
			       MIN_EVENTS);
		ok = false;
	}
	ksft_print_msg("%s: %lu traps, %lu signals, %lu stops, ", test->name, all_traps(),
		       shared->count[SIGNALS], shared->count[STOPS]);
	printf("%lu attaches, %lu steps, %lu calls\n", shared->count[ATTACHES],
	       shared->count[STEPS], shared->count[CALLS]);
	return ok;
}

static const struct test tests[] = {
	{ "undisturbed" },
	{ "signals", { [SIGNALS] = true } },
	{ "signals_stops", { [SIGNALS] = true, [STOPS] = true } },
	{ "signals_stops_tracer", { true, true, true, true, true } },
};

static bool parse(const char *arg, unsigned int *value)
{
	char *end;

	errno = 0;
	*value = strtoul(arg, &end, 0);
	return !errno && *arg && !*end;
}

int main(int argc, char **argv)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	unsigned int i;

#ifdef __x86_64__
	/* INT $0x80 needs 32-bit pointers */
	flags |= MAP_32BIT;
	no_int80 = !step_have_int80();
#endif
	seed = time(NULL) ^ (getpid() << 16);
	if (argc > 3 || (argc > 1 && !parse(argv[1], &rounds)) ||
	    (argc > 2 && !parse(argv[2], &seed)))
		ksft_exit_fail_msg("usage: random_step [ROUNDS [SEED]]\n");

	ksft_print_header();
	ksft_print_msg("to repeat this: random_step %u %u\n", rounds, seed);
	if (no_int80)
		ksft_print_msg("no INT $0x80 in this kernel: done without\n");
	ksft_set_plan(ARRAY_SIZE(tests));

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, flags, -1, 0);
	stacks = mmap(NULL, THREADS * STACK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || stacks == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");

	step_want_range(&fork_parent, code_fork_want, 0, FORK_BRANCH);
	step_want_tail(&fork_parent, code_fork_want, FORK_PARENT);
	step_want_range(&fork_child, code_fork_want, FORK_NEXT, FORK_EXIT);

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		test = &tests[i];
		ksft_test_result(run_test(), "%s\n", test->name);
	}
	ksft_finished();
}
