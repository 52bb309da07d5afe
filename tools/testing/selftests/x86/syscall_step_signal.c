// SPDX-License-Identifier: GPL-2.0
/*
 * A program that steps itself makes a system call, and a signal arrives. There is
 * one trap, right after the system call and not before the call has completed. If
 * another handler is due at the same time, the trap's frame is the inner one: the
 * other handler runs first, and returns to the first instruction of SIGTRAP's.
 *
 * The program is a child of the test. The test sends the signals while it sleeps.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/types.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "step.h"

#define SIG_BIT(sig)	(1ULL << ((sig) - 1))

#ifdef __x86_64__
# define AX		"%rax"
# define ARG1		"%rdi"
# define ARG6		"%r9"
# define LOAD(n, reg)	STEP_AT "mov 8*" #n "(%rax),%" #reg "\n"
# define readeflags	__builtin_ia32_readeflags_u64
#else
# define AX		"%eax"
# define ARG1		"%ebx"
# define ARG6		"%ebp"
# define LOAD(n, reg)	STEP_AT "mov 4*" #n "(%eax),%" #reg "\n"
# define readeflags	__builtin_ia32_readeflags_u32
#endif

/* The argument is an array of seven longs: number and arguments of a system call */
#define CALL_CODE(code, r1, r2, r3, r4, r5, r6, insn, next)		\
	STEP_CODE(code,							\
		  STEP_AT "mov " ARG1 "," AX "\n"			\
		  LOAD(1, r1)						\
		  LOAD(2, r2)						\
		  LOAD(3, r3)						\
		  LOAD(4, r4)						\
		  LOAD(5, r5)						\
		  LOAD(6, r6)						\
		  STEP_AT "mov (" AX ")," AX "\n"			\
		  STEP_AT insn "\n"					\
		  STEP_AT next "\n"					\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n")

/* Indexes into code_want */
#define CALL_INSN	8
#define CALL_NEXT	9

#ifdef __x86_64__
CALL_CODE(native_code, rdi, rsi, rdx, r10, r8, r9, STEP_SYSCALL, "nop");
CALL_CODE(mark_code, rdi, rsi, rdx, r10, r8, r9, STEP_SYSCALL, "movl $1,(" ARG6 ")");
CALL_CODE(other_code, rbx, rcx, rdx, rsi, rdi, rbp, "int $0x80", "nop");
#else
CALL_CODE(native_code, ebx, ecx, edx, esi, edi, ebp, STEP_SYSCALL, "nop");
CALL_CODE(mark_code, ebx, ecx, edx, esi, edi, ebp, STEP_SYSCALL, "movl $1,(" ARG6 ")");
CALL_CODE(other_code, ebx, ecx, edx, esi, edi, ebp, "call *%esi", "nop");
#endif

struct way {
	__typeof__(native_code) *code;
	const unsigned long *table;
	const char *end;
};

#define WAY(code)	{ code, code##_want, code##_end }

static const struct way native = WAY(native_code);
static const struct way mark = WAY(mark_code);		/* must be killed */
/* In 64-bit programs: INT $0x80, with 32-bit numbers. In 32-bit programs: the vDSO. */
static const struct way other_way = WAY(other_code);

/*
 * What the processes share, at an address that the compiler knows and that fits
 * into 32 bits
 */

#define READ_FD		20
#define WRITE_FD	21
#define EPOLL_FD	22
#define MAX_EVENTS	64
#define ANY_AX		0x5a5a5a5a	/* does not matter */
#define MASK_SIZE	sizeof(__u64)

/* A signal that is delivered, or is expected to be */
struct event {
	int sig;
	unsigned long ip, ax;	/* of the context */
	__u64 mask;		/* that the handler's return restores */
	bool tf;		/* in the context */
	bool stepped;		/* TF is set in the handler */
	unsigned long frame;	/* where the context is */
};

struct shared {
	long call[7];
	struct pollfd fds;
	struct epoll_event epoll;
	unsigned long rset;
	long mask_arg[2];	/* the sixth argument of pselect6() */
	__u64 mask;		/* temporary mask */
	__u64 wait_set;
	__u64 after;		/* mask of the program at the end */
	long hour[2], nap[2], msec[2];
	siginfo_t info;
	int word;
	int went_on;
	char buf[8];
	unsigned int count;
	struct event event[MAX_EVENTS];
};

#define SHARED		0x70000000
#define AT(field)	(SHARED + offsetof(struct shared, field))
static struct shared *const sh = (struct shared *)SHARED;

/* The kernel's result of a system call that a signal wakes up */
enum kind {
	SYS,			/* -ERESTARTSYS */
	NOINTR,			/* -ERESTARTNOINTR */
	NOHAND,			/* -ERESTARTNOHAND */
	BLOCK,			/* -ERESTART_RESTARTBLOCK */
	ALWAYS_EINTR,
};

/* What completes it. A positive number is a signal. */
enum wake {
	BY_TIME = 0,
	BY_PIPE = -1,
	BY_FUTEX = -2,
	BY_UNLOCK = -3,
};

struct call {
	const char *name;
	const struct way *way;	/* 0: native */
	long nr;
	long args[6];
	int self;		/* this many arguments are the caller's id */
	bool masked;		/* has a temporary mask */
	bool ready;		/* there is something to read */
	enum kind kind;
	int wake;
	long ret;		/* when completed */
};

static const struct call *call;
static const struct way *way;
static unsigned long behind;		/* where the trap of the system call is due */
static __u64 normal;			/* mask of the program */

/*
 * The program
 */

static int trap_flags;			/* sa_flags of SIGTRAP */
static __u64 trap_mask;			/* sa_mask of it */
static int raise_first[2];		/* before it steps */
static bool with_thread;		/* a second one, which sleeps */
static unsigned long hook_ip;		/* at the trap there, call hook() */
static void (*hook)(__u64 *mask);
static unsigned long vdso_entry;

static void record(int sig, ucontext_t *uc)
{
	struct event *e = &sh->event[sh->count++];
	greg_t *gregs = uc->uc_mcontext.gregs;

	if (sh->count >= MAX_EVENTS)
		_exit(1);
	e->sig = sig;
	e->ip = gregs[STEP_REG_IP];
	e->ax = gregs[STEP_REG_AX];
	e->tf = gregs[STEP_REG_FL] & STEP_TF;
	e->stepped = readeflags() & STEP_TF;
	e->frame = (unsigned long)uc;
	memcpy(&e->mask, &uc->uc_sigmask, MASK_SIZE);
}

static void on_other(int sig, siginfo_t *info, void *ctx)
{
	record(sig, ctx);
}

static int install(int sig, void *handler, int flags, __u64 mask)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | flags };

	sa.sa_sigaction = handler;
	memcpy(&sa.sa_mask, &mask, MASK_SIZE);
	return sigaction(sig, &sa, NULL);
}

/* Another test covers the way through the vDSO, except where it enters the kernel */
static bool on_vdso_path(unsigned long ip)
{
	return vdso_entry && ip - vdso_entry < 64 && ip != behind && ip != behind - 2;
}

static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	unsigned long ip = uc->uc_mcontext.gregs[STEP_REG_IP];

	if (trap_flags & SA_RESETHAND)
		install(SIGTRAP, on_trap, trap_flags, trap_mask);
	if (on_vdso_path(ip))
		return;
	record(sig, uc);
	step_handler(sig, info, ctx);
	if (ip == hook_ip)
		hook((__u64 *)&uc->uc_sigmask);
}

static void *sleep_on(void *arg)
{
	while (pause())
		;
	return NULL;
}

static void step_through_call(void)
{
	pthread_t thread;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (with_thread && pthread_create(&thread, NULL, sleep_on, NULL))
		_exit(1);
	for (i = 0; i < ARRAY_SIZE(raise_first); i++) {
		if (raise_first[i])
			raise(raise_first[i]);
	}
	for (i = 0; i < call->self; i++)
		sh->call[1 + i] = getpid();

	step_reset(way->end);
	way->code((long)sh->call, 0, 0);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &sh->after, MASK_SIZE);
	_exit(0);
}

/*
 * What the test does to the program
 */

static pid_t pid;
static unsigned long switches;	/* of context, when it last was sent a signal */

static bool read_proc(const char *file, char *buf, size_t size)
{
	char path[64];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	if (!f)
		return false;
	len = fread(buf, 1, size - 1, f);
	buf[len] = 0;
	fclose(f);
	return len;
}

static unsigned long context_switches(void)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char buf[4096], *p;

	p = read_proc("status", buf, sizeof(buf)) ? strstr(buf, key) : NULL;
	return p ? strtoul(p + sizeof(key) - 1, NULL, 10) : 0;
}

/*
 * Wait until the program sleeps in this system call, with this return address (0:
 * any). If it was sent a signal, wait until it sleeps again, because it looks
 * asleep until it really runs.
 */
static bool asleep_in(long nr, unsigned long ip)
{
	siginfo_t info = { 0 };
	char buf[512] = "";
	int i;

	for (i = 0; i < 20000; i++) {
		if (context_switches() > switches && read_proc("syscall", buf, sizeof(buf)) &&
		    isdigit(buf[0]) && strtol(buf, NULL, 10) == nr &&
		    (!ip || strtoul(strrchr(buf, ' '), NULL, 16) == ip))
			return true;
		if (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
			break;
		usleep(500);
	}
	fprintf(stderr, "# %s: expected to sleep in system call %ld up to %#lx, got %s",
		step_tag, nr, ip, info.si_pid ? "its end\n" : buf);
	return false;
}

static int send_signal(int sig)
{
	switches = context_switches();
	return kill(pid, sig);
}

static void start(struct __test_metadata *_metadata)
{
	ASSERT_EQ(install(SIGTRAP, on_trap, trap_flags, trap_mask), 0);
	ASSERT_EQ(install(SIGUSR2, on_other, 0, 0), 0);
	ASSERT_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &normal, NULL, MASK_SIZE), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		step_through_call();
}

static void start_and_sleep(struct __test_metadata *_metadata)
{
	start(_metadata);
	ASSERT_TRUE(asleep_in(call->nr, behind));
}

static void start_and_stop(struct __test_metadata *_metadata)
{
	int status;

	start_and_sleep(_metadata);
	ASSERT_EQ(send_signal(SIGSTOP), 0);
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	/* A stop looks like a sleep in the call, even if SIGTRAP already has a frame */
	ASSERT_TRUE(asleep_in(call->nr, 0));
}

static void wake_up(struct __test_metadata *_metadata)
{
	switch (call->wake) {
	case BY_TIME:
		break;
	case BY_PIPE:
		ASSERT_EQ(write(WRITE_FD, "", 1), 1);
		break;
	case BY_FUTEX:
		ASSERT_EQ(syscall(SYS_futex, &sh->word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
		break;
	case BY_UNLOCK:
		ASSERT_EQ(syscall(SYS_futex, &sh->word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
		break;
	default:
		ASSERT_EQ(kill(pid, call->wake), 0);
		break;
	}
}

/*
 * What the test expects
 */

static struct step_want want;		/* addresses of traps */
static struct event events[MAX_EVENTS];	/* all signals */
static unsigned int num_events;

static bool is_handler(unsigned long ip)
{
	return ip == (long)on_trap || ip == (long)on_other;
}

static void want_event(int sig, unsigned long ip, __u64 mask, long ax)
{
	/* TF is clear in a handler */
	events[num_events++] = (struct event){
		.sig = sig, .ip = ip, .mask = mask, .ax = ax, .tf = !is_handler(ip),
	};
}

static void want_trap(unsigned long ip, long ax)
{
	want_event(SIGTRAP, ip, normal, ax);
	step_want_ip(&want, ip);
}

static void want_traps(unsigned int from, unsigned int to)
{
	while (from <= to)
		want_trap(way->table[from++], ANY_AX);
}

static void want_until_call(void)
{
	want_traps(0, CALL_INSN);
}

/* The instructions after those calls do not change AX */
static void want_tail(unsigned int from, long ax)
{
	while (way->table[from])
		want_trap(way->table[from++], ax);
}

static void want_result(long result)
{
	if (behind != way->table[CALL_NEXT])
		want_trap(behind, result);
	want_tail(CALL_NEXT, result);
}

/* The frame of sig is on top of SIGTRAP's frame */
static void want_handler(int sig)
{
	__u64 blocked = trap_flags & SA_NODEFER ? 0 : SIG_BIT(SIGTRAP);

	want_event(sig, (long)on_trap, normal | blocked | trap_mask, ANY_AX);
}

/* The signal, and no trap there. The next trap is where the CPU traps. */
static void want_signal_there(int sig, long result)
{
	want_event(sig, behind, normal, result);
	want_tail(behind == way->table[CALL_NEXT] ? CALL_NEXT + 1 : CALL_NEXT, result);
}

/* SIGTRAP's handler blocks the signal, so it must wait, as after any instruction */
static void want_waiting_handler(int sig, long result)
{
	want_trap(behind, result);
	want_signal_there(sig, result);
}

/* SIGUSR2 is on top of that. A temporary mask is in force until the handlers return. */
static void want_two_handlers(void)
{
	__u64 mask = call->masked ? sh->mask : normal | SIG_BIT(SIGTRAP);

	want_event(SIGUSR2, (long)on_other, mask | SIG_BIT(SIGUSR1), ANY_AX);
	want_handler(SIGUSR1);
}

/* The handler returns to the system call, which is made again */
static void want_restart(int sig)
{
	want_event(sig, behind - 2, normal, call->nr);
}

/* Let the system call complete without any other signal */
static void complete(struct __test_metadata *_metadata)
{
	wake_up(_metadata);
	if (call->wake == SIGUSR2)
		want_handler(SIGUSR2);
	want_result(call->ret);
}

static bool same_event(const struct event *w, const struct event *g)
{
	/* The frame below it must be that of the handler that runs next */
	if (is_handler(w->ip) && g[0].frame >= g[1].frame)
		return false;
	return w->sig == g->sig && w->ip == g->ip && w->mask == g->mask &&
	       (w->ax == ANY_AX || w->ax == g->ax) && w->tf == g->tf && !g->stepped;
}

static void print_event(const struct event *e, const char *end)
{
	const char *where = "the program";

	if (is_handler(e->ip))
		where = e->ip == (long)on_trap ? "SIGTRAP's handler" : "a handler";
	if (e->sig)
		fprintf(stderr, "signal %d in %s at %#lx (%+ld) mask %#llx ax %ld TF %d%s",
			e->sig, where, e->ip, (long)(e->ip - way->table[0]),
			(unsigned long long)e->mask, (long)e->ax, e->tf,
			e->stepped ? " in the handler, too" : "");
	fprintf(stderr, "%s%s", e->sig ? "" : "none", end);
}

static bool check_events(void)
{
	unsigned int i;

	/* Both arrays end with an event without a signal */
	for (i = 0; events[i].sig || sh->event[i].sig; i++) {
		if (same_event(&events[i], &sh->event[i]))
			continue;
		fprintf(stderr, "# %s: signal %u: expected ", step_tag, i);
		print_event(&events[i], ", got ");
		print_event(&sh->event[i], "\n");
		return false;
	}
	return true;
}

static void finish(struct __test_metadata *_metadata)
{
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status & ~WCOREFLAG, way == &mark ? SIGTRAP : 0);
	EXPECT_TRUE(step_check(want.ip));
	EXPECT_TRUE(check_events());
	EXPECT_EQ(sh->after, way == &mark ? 0 : normal);
	EXPECT_EQ(sh->went_on, 0) {
		TH_LOG("the instruction after the system call was executed");
	}
}

static void setup(struct __test_metadata *_metadata, const struct call *c)
{
	struct epoll_event ev = { .events = EPOLLIN };
	static char tag[128];
	int fd[2];

	call = c;
	way = c->way ? c->way : &native;
	behind = way->table[CALL_NEXT];
	snprintf(tag, sizeof(tag), "%s%s%s", c->name ? c->name : "", c->name ? "." : "",
		 _metadata->name);
	step_tag = tag;

	ASSERT_EQ(pipe(fd), 0);
	ASSERT_EQ(dup2(fd[0], READ_FD), READ_FD);
	ASSERT_EQ(dup2(fd[1], WRITE_FD), WRITE_FD);
	ASSERT_EQ(dup2(epoll_create1(0), EPOLL_FD), EPOLL_FD);
	ASSERT_EQ(epoll_ctl(EPOLL_FD, EPOLL_CTL_ADD, READ_FD, &ev), 0);

	ASSERT_TRUE(step_share_log());
	ASSERT_TRUE(mmap(sh, sizeof(*sh), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == sh);
	*sh = (struct shared){
		.call = { call->nr },
		.fds = { .fd = READ_FD, .events = POLLIN },
		.rset = 1UL << READ_FD,
		.mask_arg = { AT(mask), MASK_SIZE },
		/* SIGALRM tells the masks apart, and wakes up sigtimedwait() */
		.mask = SIG_BIT(SIGTRAP),
		.wait_set = SIG_BIT(SIGALRM),
		.hour = { 3600 },
		.nap = { 5 },
		.msec = { 0, 1000000 },
		.word = call->wake == BY_UNLOCK ? getpid() : 0,
	};
	memcpy(&sh->call[1], call->args, sizeof(call->args));

	normal |= SIG_BIT(SIGALRM);
	if (call->masked)
		normal |= SIG_BIT(SIGUSR1) | SIG_BIT(SIGWINCH);
}

#ifdef __x86_64__
static void setup_other_way(struct __test_metadata *_metadata)
{
	if (!step_have_int80())
		SKIP(return, "no INT $0x80 in this kernel");
}
#else
static void setup_other_way(struct __test_metadata *_metadata)
{
	static const char int80[] = { 0xcd, 0x80 };
	char *insn;

	vdso_entry = getauxval(AT_SYSINFO);
	if (!vdso_entry)
		SKIP(return, "no vDSO");
	insn = memmem((void *)vdso_entry, 32, int80, sizeof(int80));
	ASSERT_TRUE(!!insn);
	/* It follows SYSENTER or SYSCALL, or else it is at the beginning */
	if (insn < (char *)vdso_entry + 2 || insn[-2] != 0x0f)
		SKIP(return, "the vDSO uses INT $0x80");
	behind = (unsigned long)insn + sizeof(int80);
	sh->call[4] = vdso_entry;
}
#endif

/*
 * The program sleeps when the signal comes
 */

FIXTURE(sleeping) {};

FIXTURE_VARIANT(sleeping)
{
	struct call call;
};

FIXTURE_SETUP(sleeping)
{
	setup(_metadata, &variant->call);
	if (call->way)
		setup_other_way(_metadata);
}

FIXTURE_TEARDOWN(sleeping) {}

/* The other way has the numbers of a 32-bit kernel */
#define I386_READ	3
#define I386_POLL	168
#define I386_RESTART	0

#define READ_CALL	.args = { READ_FD, AT(buf), 1 }, .kind = SYS, .wake = BY_PIPE, .ret = 1
#define POLL_CALL	.args = { AT(fds), 1, 3600000 }, .kind = BLOCK, .wake = BY_PIPE, .ret = 1
#define SIGTIMEDWAIT_ARGS(timeout)	{ AT(wait_set), 0, timeout, MASK_SIZE }
#define PPOLL_ARGS(timeout)		{ AT(fds), 1, timeout, AT(mask), MASK_SIZE }
#define PSELECT6_ARGS(timeout)		{ READ_FD + 1, AT(rset), 0, 0, timeout, AT(mask_arg) }
#define EPOLL_PWAIT_ARGS(timeout)	{ EPOLL_FD, AT(epoll), 1, timeout, AT(mask), MASK_SIZE }

FIXTURE_VARIANT_ADD(sleeping, read) { .call = { "read", .nr = __NR_read, READ_CALL } };
FIXTURE_VARIANT_ADD(sleeping, read_other_way) {
	.call = { "read_other_way", &other_way, I386_READ, READ_CALL }
};

FIXTURE_VARIANT_ADD(sleeping, poll) { .call = { "poll", .nr = __NR_poll, POLL_CALL } };
FIXTURE_VARIANT_ADD(sleeping, poll_other_way) {
	.call = { "poll_other_way", &other_way, I386_POLL, POLL_CALL }
};

FIXTURE_VARIANT_ADD(sleeping, nanosleep) {
	.call = { "nanosleep", .nr = __NR_nanosleep, .args = { AT(nap) }, .kind = BLOCK }
};

FIXTURE_VARIANT_ADD(sleeping, futex_wait) {
	.call = { "futex_wait", .nr = __NR_futex, .args = { AT(word), FUTEX_WAIT },
		  .kind = SYS, .wake = BY_FUTEX }
};

FIXTURE_VARIANT_ADD(sleeping, futex_lock_pi) {
	.call = { "futex_lock_pi", .nr = __NR_futex, .args = { AT(word), FUTEX_LOCK_PI },
		  .kind = NOINTR, .wake = BY_UNLOCK }
};

FIXTURE_VARIANT_ADD(sleeping, sigtimedwait) {
	.call = { "sigtimedwait", .nr = __NR_rt_sigtimedwait, .args = SIGTIMEDWAIT_ARGS(AT(hour)),
		  .kind = ALWAYS_EINTR, .wake = SIGALRM, .ret = SIGALRM }
};

FIXTURE_VARIANT_ADD(sleeping, pause) {
	.call = { "pause", .nr = __NR_pause, .kind = NOHAND, .wake = SIGUSR2, .ret = -EINTR }
};

FIXTURE_VARIANT_ADD(sleeping, sigsuspend) {
	.call = { "sigsuspend", .nr = __NR_rt_sigsuspend, .args = { AT(mask), MASK_SIZE },
		  .masked = true, .kind = NOHAND, .wake = SIGUSR2, .ret = -EINTR }
};

FIXTURE_VARIANT_ADD(sleeping, ppoll) {
	.call = { "ppoll", .nr = __NR_ppoll, .args = PPOLL_ARGS(AT(hour)), .masked = true,
		  .kind = NOHAND, .wake = BY_PIPE, .ret = 1 }
};

FIXTURE_VARIANT_ADD(sleeping, pselect6) {
	.call = { "pselect6", .nr = __NR_pselect6, .args = PSELECT6_ARGS(AT(hour)), .masked = true,
		  .kind = NOHAND, .wake = BY_PIPE, .ret = 1 }
};

FIXTURE_VARIANT_ADD(sleeping, epoll_pwait) {
	.call = { "epoll_pwait", .nr = __NR_epoll_pwait, .args = EPOLL_PWAIT_ARGS(-1),
		  .masked = true, .kind = ALWAYS_EINTR, .wake = BY_PIPE, .ret = 1 }
};

TEST_F(sleeping, completes)
{
	start_and_sleep(_metadata);
	want_until_call();
	complete(_metadata);
	finish(_metadata);
}

static void run_handler(struct __test_metadata *_metadata, int flags)
{
	ASSERT_EQ(install(SIGUSR1, on_other, flags, 0), 0);
	start_and_sleep(_metadata);
	ASSERT_EQ(send_signal(SIGUSR1), 0);

	want_until_call();
	if (call->kind == NOINTR || (call->kind == SYS && (flags & SA_RESTART))) {
		want_restart(SIGUSR1);
		ASSERT_TRUE(asleep_in(call->nr, behind));
		complete(_metadata);
	} else if (!(trap_mask & SIG_BIT(SIGUSR1)) || (normal & SIG_BIT(SIGUSR1)) || with_thread) {
		/* It cannot wait if only the call's temporary mask lets it through */
		want_handler(SIGUSR1);
		want_result(-EINTR);
	} else {
		want_waiting_handler(SIGUSR1, -EINTR);
	}
	finish(_metadata);
}

TEST_F(sleeping, handler)
{
	run_handler(_metadata, 0);
}

static void block_in_trap_handler(int sig)
{
	trap_mask = SIG_BIT(sig) | SIG_BIT(SIGIO);
}

TEST_F(sleeping, masked_handler)
{
	block_in_trap_handler(SIGUSR1);
	run_handler(_metadata, 0);
}

TEST_F(sleeping, masked_handler_sa_restart)
{
	block_in_trap_handler(SIGUSR1);
	sh->mask = 0;
	run_handler(_metadata, SA_RESTART);
}

/* If the program does not block the signal, a temporary mask does not matter */
TEST_F(sleeping, masked_handler_unblocked)
{
	block_in_trap_handler(SIGUSR1);
	normal &= ~SIG_BIT(SIGUSR1);
	run_handler(_metadata, 0);
}

/* It cannot wait if another thread could handle it: the call would end without handler */
TEST(masked_handler_threads)
{
	static const struct call pause_call = { .nr = __NR_pause, .kind = NOHAND };

	setup(_metadata, &pause_call);
	block_in_trap_handler(SIGUSR1);
	with_thread = true;
	run_handler(_metadata, 0);
}

/* It cannot wait if it is dequeued before the kernel knows that it ends the call */
TEST_F(sleeping, masked_handler_stopped)
{
	block_in_trap_handler(SIGUSR1);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	start_and_stop(_metadata);
	ASSERT_EQ(kill(pid, SIGUSR1), 0);
	ASSERT_EQ(send_signal(SIGCONT), 0);

	want_until_call();
	if (call->kind == NOINTR) {
		want_restart(SIGUSR1);
		ASSERT_TRUE(asleep_in(call->nr, behind));
		complete(_metadata);
	} else if (call->kind == ALWAYS_EINTR && !call->masked) {
		want_waiting_handler(SIGUSR1, -EINTR);
	} else {
		want_handler(SIGUSR1);
		want_result(-EINTR);
	}
	finish(_metadata);
}

/* No effect on calls with a temporary mask. Use a mask without SIGTRAP for them. */
TEST_F(sleeping, handler_sa_restart)
{
	sh->mask = 0;
	run_handler(_metadata, SA_RESTART);
}

/* The frames are built on top of each other: the last handler runs first */
TEST_F(sleeping, two_handlers)
{
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	start_and_stop(_metadata);
	ASSERT_EQ(kill(pid, SIGUSR2), 0);
	ASSERT_EQ(kill(pid, SIGUSR1), 0);
	ASSERT_EQ(send_signal(SIGCONT), 0);

	want_until_call();
	if (call->kind == NOINTR) {
		want_event(SIGUSR2, (long)on_other, normal | SIG_BIT(SIGUSR1), ANY_AX);
		want_restart(SIGUSR1);
		ASSERT_TRUE(asleep_in(call->nr, behind));
		complete(_metadata);
	} else {
		want_two_handlers();
		want_result(-EINTR);
	}
	finish(_metadata);
}

/* The program does not see a restart. Without restart it gets -EINTR, but no handler. */
TEST_F(sleeping, stopped_and_continued)
{
	long nr = call->nr;

	start_and_stop(_metadata);
	ASSERT_EQ(send_signal(SIGCONT), 0);

	want_until_call();
	if (call->kind == ALWAYS_EINTR) {
		want_result(-EINTR);
	} else {
		if (call->kind == BLOCK)
			nr = way == &native ? __NR_restart_syscall : I386_RESTART;
		ASSERT_TRUE(asleep_in(nr, behind));
		complete(_metadata);
	}
	finish(_metadata);
}

/*
 * The signal does not disturb the step. With a temporary mask, it is pending before the
 * call and is discarded in the call. Otherwise it is discarded when it is sent.
 */
TEST_F(sleeping, ignored_signal)
{
	bool ends = call->masked && call->kind == ALWAYS_EINTR;

	if (call->masked)
		raise_first[0] = SIGWINCH;
	start(_metadata);
	want_until_call();
	if (ends) {
		want_result(-EINTR);
	} else {
		ASSERT_TRUE(asleep_in(call->nr, behind));
		ASSERT_EQ(kill(pid, SIGWINCH), 0);
		complete(_metadata);
	}
	finish(_metadata);
}

/*
 * The call times out, or there is something to read from the beginning. In the latter
 * case, a signal that the temporary mask would let through must wait.
 */

FIXTURE(undisturbed) {};

FIXTURE_VARIANT(undisturbed)
{
	struct call call;
};

FIXTURE_SETUP(undisturbed)
{
	setup(_metadata, &variant->call);
}

FIXTURE_TEARDOWN(undisturbed) {}

FIXTURE_VARIANT_ADD(undisturbed, sigtimedwait) {
	.call = { "sigtimedwait", .nr = __NR_rt_sigtimedwait, .args = SIGTIMEDWAIT_ARGS(AT(msec)),
		  .ret = -EAGAIN }
};

FIXTURE_VARIANT_ADD(undisturbed, ppoll) {
	.call = { "ppoll", .nr = __NR_ppoll, .args = PPOLL_ARGS(AT(msec)), .masked = true }
};

FIXTURE_VARIANT_ADD(undisturbed, ppoll_ready) {
	.call = { "ppoll_ready", .nr = __NR_ppoll, .args = PPOLL_ARGS(AT(hour)), .masked = true,
		  .ready = true, .ret = 1 }
};

FIXTURE_VARIANT_ADD(undisturbed, pselect6) {
	.call = { "pselect6", .nr = __NR_pselect6, .args = PSELECT6_ARGS(AT(msec)), .masked = true }
};

FIXTURE_VARIANT_ADD(undisturbed, pselect6_ready) {
	.call = { "pselect6_ready", .nr = __NR_pselect6, .args = PSELECT6_ARGS(AT(hour)),
		  .masked = true, .ready = true, .ret = 1 }
};

FIXTURE_VARIANT_ADD(undisturbed, epoll_pwait) {
	.call = { "epoll_pwait", .nr = __NR_epoll_pwait, .args = EPOLL_PWAIT_ARGS(1),
		  .masked = true }
};

FIXTURE_VARIANT_ADD(undisturbed, epoll_pwait_ready) {
	.call = { "epoll_pwait_ready", .nr = __NR_epoll_pwait, .args = EPOLL_PWAIT_ARGS(-1),
		  .masked = true, .ready = true, .ret = 1 }
};

static void run_undisturbed(struct __test_metadata *_metadata)
{
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	if (call->ready) {
		raise_first[0] = SIGUSR1;
		ASSERT_EQ(write(WRITE_FD, "", 1), 1);
	}
	start(_metadata);
	want_until_call();
	want_result(call->ret);
	finish(_metadata);
}

TEST_F(undisturbed, trap_blocked)
{
	run_undisturbed(_metadata);
}

TEST_F(undisturbed, trap_not_blocked)
{
	sh->mask = 0;
	run_undisturbed(_metadata);
}

/*
 * The handler of SIGTRAP, and signals that are pending when a call succeeds
 */

static const struct call read_call = { .nr = __NR_read, READ_CALL };
static const struct call kill_call = { .nr = __NR_kill, .args = { 0, SIGUSR1 }, .self = 1 };
static const struct call tgkill_call = { .nr = __NR_tgkill, .args = { 0, 0, SIGUSR1 }, .self = 2 };
static const struct call mask_call = {
	.nr = __NR_rt_sigprocmask,
	.args = { SIG_SETMASK, AT(mask), 0, MASK_SIZE },
};

FIXTURE(trap_handler) {};

FIXTURE_VARIANT(trap_handler)
{
	int flags;
	__u64 mask;
};

FIXTURE_VARIANT_ADD(trap_handler, nodefer) { .flags = SA_NODEFER };
FIXTURE_VARIANT_ADD(trap_handler, resethand) { .flags = SA_RESETHAND };
FIXTURE_VARIANT_ADD(trap_handler, onstack) { .flags = SA_ONSTACK };
FIXTURE_VARIANT_ADD(trap_handler, mask) { .mask = SIG_BIT(SIGUSR1) | SIG_BIT(SIGIO) };

FIXTURE_SETUP(trap_handler)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	trap_flags = variant->flags;
	trap_mask = variant->mask;
	ASSERT_EQ(sigaltstack(&ss, NULL), 0);
}

FIXTURE_TEARDOWN(trap_handler) {}

TEST_F(trap_handler, eintr)
{
	setup(_metadata, &read_call);
	run_handler(_metadata, 0);
}

static void run_self(struct __test_metadata *_metadata, const struct call *c)
{
	setup(_metadata, c);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	start(_metadata);
	want_until_call();
	if (trap_mask & SIG_BIT(SIGUSR1)) {
		want_waiting_handler(SIGUSR1, 0);
	} else {
		want_handler(SIGUSR1);
		want_result(0);
	}
	finish(_metadata);
}

TEST_F(trap_handler, kill_self)
{
	run_self(_metadata, &kill_call);
}

TEST(kill_self)
{
	run_self(_metadata, &kill_call);
}

TEST(tgkill_self)
{
	run_self(_metadata, &tgkill_call);
}

/*
 * A call that ends in a synchronous signal: this signal is the report. A trap in
 * addition would be reported at the signal's handler.
 */

static const struct call queue_call = {
	.nr = __NR_rt_tgsigqueueinfo, .args = { 0, 0, 0, AT(info) }, .self = 2,
};

FIXTURE(synchronous) {};

FIXTURE_VARIANT(synchronous)
{
	int sig;
};

FIXTURE_VARIANT_ADD(synchronous, segv) { .sig = SIGSEGV };
FIXTURE_VARIANT_ADD(synchronous, bus) { .sig = SIGBUS };
FIXTURE_VARIANT_ADD(synchronous, ill) { .sig = SIGILL };
FIXTURE_VARIANT_ADD(synchronous, fpe) { .sig = SIGFPE };
FIXTURE_VARIANT_ADD(synchronous, sys) { .sig = SIGSYS };

FIXTURE_SETUP(synchronous)
{
	setup(_metadata, &queue_call);
	ASSERT_EQ(install(variant->sig, on_other, 0, 0), 0);
	sh->call[3] = variant->sig;
	sh->info.si_signo = variant->sig;
	/* SEGV_MAPERR and the like */
	sh->info.si_code = 1;
}

FIXTURE_TEARDOWN(synchronous) {}

TEST_F(synchronous, own)
{
	start(_metadata);
	want_until_call();
	want_signal_there(variant->sig, 0);
	finish(_metadata);
}

/* Blocked, it says nothing of this call, and does not get in before the trap */
TEST_F(synchronous, blocked)
{
	normal |= SIG_BIT(variant->sig);
	start(_metadata);
	want_until_call();
	want_result(0);
	finish(_metadata);
}

/* A signal that was sent is not synchronous */
TEST_F(synchronous, sent)
{
	sh->info.si_code = SI_QUEUE;
	start(_metadata);
	want_until_call();
	want_handler(variant->sig);
	want_result(0);
	finish(_metadata);
}

/* A memory error elsewhere is not synchronous, either. The call has succeeded. */
TEST(memory_error_elsewhere)
{
	setup(_metadata, &queue_call);
	ASSERT_EQ(install(SIGBUS, on_other, 0, 0), 0);
	sh->call[3] = SIGBUS;
	sh->info.si_signo = SIGBUS;
	sh->info.si_code = BUS_MCEERR_AO;
	start(_metadata);
	want_until_call();
	want_handler(SIGBUS);
	want_result(0);
	finish(_metadata);
}

TEST(unblock_two)
{
	setup(_metadata, &mask_call);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	raise_first[0] = SIGUSR1;
	raise_first[1] = SIGUSR2;
	normal |= SIG_BIT(SIGUSR1) | SIG_BIT(SIGUSR2);
	sh->mask = SIG_BIT(SIGIO);
	start(_metadata);
	want_until_call();

	normal = sh->mask;
	want_two_handlers();
	want_result(0);
	finish(_metadata);
}

static const struct call sigsuspend_call = {
	.nr = __NR_rt_sigsuspend, .args = { AT(mask), MASK_SIZE }, .masked = true,
};

/* The program blocks both, the temporary mask neither: both run, as without steps */
TEST(sigsuspend_two)
{
	setup(_metadata, &sigsuspend_call);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	raise_first[0] = SIGUSR1;
	raise_first[1] = SIGUSR2;
	normal |= SIG_BIT(SIGUSR1) | SIG_BIT(SIGUSR2);
	sh->mask = SIG_BIT(SIGIO);
	start(_metadata);
	want_until_call();
	want_two_handlers();
	want_result(-EINTR);
	finish(_metadata);
}

/* Without the handler, the stop would be transparent */
TEST(sigcont_handler)
{
	setup(_metadata, &read_call);
	ASSERT_EQ(install(SIGCONT, on_other, 0, 0), 0);
	start_and_stop(_metadata);
	ASSERT_EQ(send_signal(SIGCONT), 0);
	want_until_call();
	want_handler(SIGCONT);
	want_result(-EINTR);
	finish(_metadata);
}

static void raise_usr1(__u64 *mask)
{
	raise(SIGUSR1);
}

/* Without a system call: the handler runs before the instruction, and is not stepped */
TEST(handler_not_stepped)
{
	struct way no_way = { native_code, native_code_want, (char *)native_code_want[3] };
	struct call no_call = { .way = &no_way, .nr = -1 };

	setup(_metadata, &no_call);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	trap_mask = SIG_BIT(SIGUSR1);
	hook_ip = way->table[1];
	hook = raise_usr1;
	start(_metadata);

	want_traps(0, 1);
	want_event(SIGUSR1, hook_ip, normal, ANY_AX);
	want_traps(2, 3);
	finish(_metadata);
}

/*
 * SIGTRAP is blocked or ignored when the trap is due: this is fatal, before
 * any handler or the next instruction runs
 */

static void block_trap(__u64 *mask)
{
	*mask |= SIG_BIT(SIGTRAP);
}

static void ignore_trap(__u64 *mask)
{
	signal(SIGTRAP, SIG_IGN);
}

static void setup_fatal(struct __test_metadata *_metadata, const struct call *c)
{
	setup(_metadata, c);
	way = &mark;
	behind = way->table[CALL_NEXT];
	sh->call[6] = AT(went_on);
	want_until_call();
}

/* Call at_call at the trap right before the system call */
static void interrupt_fatal(struct __test_metadata *_metadata, void (*at_call)(__u64 *mask),
			    int flags)
{
	hook_ip = behind - 2;
	hook = at_call;
	ASSERT_EQ(install(SIGUSR1, on_other, flags, 0), 0);
	start_and_sleep(_metadata);
	ASSERT_EQ(send_signal(SIGUSR1), 0);
}

TEST(fatal_eintr)
{
	setup_fatal(_metadata, &read_call);
	interrupt_fatal(_metadata, block_trap, 0);
	finish(_metadata);
}

TEST(fatal_eintr_ignored)
{
	setup_fatal(_metadata, &read_call);
	interrupt_fatal(_metadata, ignore_trap, 0);
	finish(_metadata);
}

/* The temporary mask does not count */
TEST(fatal_sigsuspend)
{
	setup_fatal(_metadata, &sigsuspend_call);
	sh->mask = 0;
	interrupt_fatal(_metadata, block_trap, 0);
	finish(_metadata);
}

/* The handler runs, because the system call has not completed */
TEST(fatal_restart)
{
	setup_fatal(_metadata, &read_call);
	interrupt_fatal(_metadata, block_trap, SA_RESTART);
	want_event(SIGUSR1, behind - 2, normal | SIG_BIT(SIGTRAP), call->nr);
	ASSERT_TRUE(asleep_in(call->nr, behind));
	wake_up(_metadata);
	finish(_metadata);
}

/* The call itself unblocks a pending signal, and blocks SIGTRAP */
TEST(fatal_unblock)
{
	normal = SIG_BIT(SIGUSR1);
	setup_fatal(_metadata, &mask_call);
	ASSERT_EQ(install(SIGUSR1, on_other, 0, 0), 0);
	raise_first[0] = SIGUSR1;
	start(_metadata);
	finish(_metadata);
}

TEST_HARNESS_MAIN
