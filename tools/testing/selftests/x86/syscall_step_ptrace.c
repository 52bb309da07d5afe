// SPDX-License-Identifier: GPL-2.0
/*
 * Tracers that step over system calls, and tracers of a program that steps
 * itself with EFLAGS.TF. Each test is a list of requests that the tracer makes,
 * and of what it must find at the stop that follows each of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "seccomp_filter.h"
#include "step.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
#endif
#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON
# define PR_SYS_DISPATCH_INCLUSIVE_ON	2
#endif
#ifndef SYS_SECCOMP
# define SYS_SECCOMP			1
#endif
#ifndef SYS_USER_DISPATCH
# define SYS_USER_DISPATCH		2
#endif

#define MAGIC		4711
#define EXEC_HELPER	"--exec-helper"
#define EXEC_STATUS	42

#ifdef __x86_64__
# define USER_IP	offsetof(struct user, regs.rip)
# define USER_AX	offsetof(struct user, regs.rax)
# define USER_ORIG_AX	offsetof(struct user, regs.orig_rax)
# define EXIT_ARG	"%edi"
#else
# define USER_IP	offsetof(struct user, regs.eip)
# define USER_AX	offsetof(struct user, regs.eax)
# define USER_ORIG_AX	offsetof(struct user, regs.orig_eax)
# define EXIT_ARG	"%ebx"
#endif

#define USER_FLAGS	offsetof(struct user, regs.eflags)
#define USER_DR6	offsetof(struct user, u_debugreg[6])
#define DR_STEP		0x4000UL

/*
 * The programs. Each comes in two variants: one for a tracer to step through,
 * and one that steps itself.
 */

/* Indexes into the list of addresses. The tracer starts right before the call. */
#define CALL		1
#define NEXT		2	/* after it */
#define END		4

#define CALL_TEXT(nr, insn)						\
	STEP_AT "mov $" nr ",%eax\n"					\
	STEP_AT insn "\n"						\
	STEP_AT "nop\n"							\
	STEP_AT "nop\n"

#define NR_TEXT(name)	CALL_TEXT(STEP_STR(__NR_##name), STEP_SYSCALL)

/* The child exits here, because it may run on its parent's stack */
#define TASK_TEXT(name)							\
	STEP_AT "mov $" STEP_STR(__NR_##name) ",%eax\n"			\
	STEP_AT STEP_SYSCALL						\
	STEP_AT "test %eax,%eax\n"					\
	STEP_AT "jnz 2f\n"						\
	"mov %eax," EXIT_ARG "\n"					\
	"mov $" STEP_STR(__NR_exit) ",%eax\n"				\
	STEP_SYSCALL							\
	"ud2\n"								\
	"2:\n"

STEP_PLAIN_CODE(yield_plain, NR_TEXT(sched_yield));
STEP_PLAIN_CODE(read_plain, NR_TEXT(read));
STEP_PLAIN_CODE(execve_plain, NR_TEXT(execve));
STEP_PLAIN_CODE(fork_plain, TASK_TEXT(fork));
STEP_PLAIN_CODE(vfork_plain, TASK_TEXT(vfork));
STEP_PLAIN_CODE(clone_plain, TASK_TEXT(clone));
STEP_CODE(yield_self, NR_TEXT(sched_yield));
STEP_CODE(read_self, NR_TEXT(read));
STEP_CODE(sigsuspend_self, NR_TEXT(rt_sigsuspend));
STEP_CODE(execve_self, NR_TEXT(execve));
STEP_CODE(fork_self, TASK_TEXT(fork));

#ifdef __x86_64__
/* 158 is sched_yield() there */
STEP_PLAIN_CODE(int80_plain, CALL_TEXT("158", "int $0x80"));
STEP_CODE(int80_self, CALL_TEXT("158", "int $0x80"));
#else
STEP_PLAIN_CODE(fast_plain, CALL_TEXT(STEP_STR(__NR_sched_yield), "call *%ebx"));
STEP_CODE(fast_self, CALL_TEXT(STEP_STR(__NR_sched_yield), "call *%ebx"));
#endif

struct prog {
	__typeof__(yield_plain) *code;
	const unsigned long *table;
	const void *end;
	bool self;		/* sets TF itself */
	bool untraced;		/* let it run until it blocks */
	bool forks;		/* and returns a pid. The child's status is 0. */
	bool reported;		/* its handler gets the tracer's report of the call */
	int saw;		/* its handler's first trap after the call; 0: NEXT */
	long a, b, c;
	long result;
	long options;		/* PTRACE_O_* */
	int usr1_flags;		/* additional SA_* for its handler of SIGUSR1 */
	/* Called in the tracer. Returns why the test cannot run, or NULL. */
	const char *(*setup)(struct prog *p);
	bool dispatched;	/* by syscall user dispatch, which is not inherited */
};

#define PLAIN(name, ...) ((struct prog){ name##_plain, name##_plain_want,	\
					 name##_plain_end, false, ##__VA_ARGS__ })
#define SELF(name, ...)	((struct prog){ name##_self, name##_self_want,	\
					name##_self_end, true, ##__VA_ARGS__ })
#define SAW_NO_MORE	(END + 1)
#define SAW_OTHERS	-1

/*
 * What the tracer does
 */

/* Where the program stops, if not at an address of its list */
#define ANYWHERE	-1
#define SAME		-2	/* as at the stop before */
#define TRAP_HANDLER	-3
#define USR1_HANDLER	-4

/* Instead of si_code */
#define NO_SIGINFO	-1
#define NOTIFIED	-2	/* not a signal: it is the status without the low byte */
#define SIDE_ENTRY	1	/* PTRACE_EVENTMSG_SYSCALL_ENTRY */
#define SIDE_EXIT	2

struct stop {
	int status;	/* as from waitpid() */
	int at;
	int code;
};

#define STOPPED(sig)		((sig) << 8 | 0x7f)
#define SYSCALL_STOP		STOPPED(SIGTRAP | 0x80)

/* An instruction was executed with TF set, or the program itself stepped over a call */
#define TRACED(at)		{ STOPPED(SIGTRAP), at, TRAP_TRACE }
/* The tracer stepped over a call: reported on exit from the call */
#define REPORTED(at)		{ STOPPED(SIGTRAP), at, TRAP_BRKPT }
/* The tracer stepped into a signal handler */
#define HANDLER(at)		{ STOPPED(SIGTRAP), at, NOTIFIED }
#define ENTRY(at)		{ SYSCALL_STOP, at, SIDE_ENTRY }
#define EXIT(at)		{ SYSCALL_STOP, at, SIDE_EXIT }
#define EVENT(e, at)		{ STOPPED(SIGTRAP | (e) << 8), at, NOTIFIED }
#define SIGNAL(sig, at, code)	{ STOPPED(sig), at, code }
#define GROUP_STOP(at)		{ STOPPED(SIGSTOP), at, NO_SIGINFO }
#define EXITED(n)		{ (n) << 8 }
#define KILLED(sig)		{ sig }

/* Other requests than PTRACE_* */
#define RETURN		-1	/* run up to the exit stop of sigreturn */
#define RETURN_ENTRY	-2	/* only to its entry stop */
#define CHILD		-3	/* go on with the new child, until it exits */
#define CONT		PTRACE_CONT
#define STEP		PTRACE_SINGLESTEP
#define SYSCALL		PTRACE_SYSCALL
#define DETACH		PTRACE_DETACH
#define SYSEMU		PTRACE_SYSEMU
#define SYSEMU_STEP	PTRACE_SYSEMU_SINGLESTEP

struct line {
	int request;
	struct stop want;
	int sig;			/* to deliver with the request */
	void (*before)(pid_t pid);
	void (*during)(pid_t pid);	/* when the program has been resumed, and blocks */
	const struct line *next;	/* go on with this list */
};

/* After a stop at NEXT, if the tracer steps */
static const struct line step_tail[] = {
	{ STEP, TRACED(NEXT + 1) },
	{ STEP, TRACED(END) },
	{ CONT, EXITED(0) },
};

static const struct line step_over_call[] = {
	{ STEP, REPORTED(NEXT) },
	{ .next = step_tail },
};

/* If the program steps, and the tracer delivers its traps, or there was none at NEXT */
static const struct line self_tail[] = {
	{ CONT, TRACED(NEXT + 1), SIGTRAP },
	{ CONT, TRACED(END), SIGTRAP },
	{ CONT, EXITED(0), SIGTRAP },
};

static const struct line self_tail_no_trap[] = {
	{ CONT, TRACED(NEXT + 1) },
	{ .next = self_tail + 1 },
};

static const struct line self_over_call[] = {
	{ CONT, TRACED(NEXT) },
	{ .next = self_tail },
};

/* The stop that the program is in */
static struct {
	int status;
	int code;
	unsigned long ip, addr, dr6;
} now;

/* The addresses of the program's instructions, for the functions in a list */
static const unsigned long *kept_table;

static void usr1_handler(int sig, siginfo_t *info, void *ctx)
{
}

static long peek(pid_t pid, long reg)
{
	return ptrace(PTRACE_PEEKUSER, pid, reg, 0);
}

static void poke(pid_t pid, long reg, long value)
{
	ptrace(PTRACE_POKEUSER, pid, reg, value);
}

static void wait_for_stop(pid_t pid)
{
	unsigned long side;
	siginfo_t info;

	memset(&now, 0, sizeof(now));
	if (waitpid(pid, &now.status, __WALL) != pid)
		now.status = -1;
	if (now.status == -1 || !WIFSTOPPED(now.status))
		return;

	now.ip = peek(pid, USER_IP);
	/* The next step must set this bit again */
	now.dr6 = peek(pid, USER_DR6) & DR_STEP;
	poke(pid, USER_DR6, peek(pid, USER_DR6) & ~DR_STEP);

	now.code = NO_SIGINFO;
	if (ptrace(PTRACE_GETSIGINFO, pid, 0, &info))
		return;
	now.code = info.si_code;
	now.addr = (unsigned long)info.si_addr;
	if (now.status == SYSCALL_STOP && now.code == (SIGTRAP | 0x80) &&
	    !ptrace(PTRACE_GETEVENTMSG, pid, 0, &side))
		now.code = side;
}

/* Run through a handler that makes few system calls, if any */
static void run_to_sigreturn(pid_t pid, int sig, unsigned long side)
{
	bool last = false;
	int i;

	for (i = 0; i < 16; i++) {
		ptrace(PTRACE_SYSCALL, pid, 0, (long)sig);
		wait_for_stop(pid);
		sig = 0;
		if (now.status != SYSCALL_STOP)
			return;
		if (now.code == SIDE_ENTRY)
			last = peek(pid, USER_ORIG_AX) == __NR_rt_sigreturn;
		if (last && now.code == side)
			return;
	}
}

/* Is it asleep in one of the calls that block in these tests? */
static bool is_blocked(pid_t pid)
{
	char name[32];
	long nr = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/syscall", pid);
	f = fopen(name, "r");
	if (!f)
		return false;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = -1;
	fclose(f);
	return nr == __NR_read || nr == __NR_restart_syscall || nr == __NR_rt_sigsuspend;
}

static bool wait_until_blocked(pid_t pid)
{
	int i;

	for (i = 0; i < 10000; i++) {
		if (is_blocked(pid))
			return true;
		usleep(1000);
	}
	fprintf(stderr, "# the program does not block\n");
	return false;
}

static void do_line(pid_t pid, const struct line *l)
{
	if (l->before)
		l->before(pid);
	if (l->request == RETURN || l->request == RETURN_ENTRY) {
		run_to_sigreturn(pid, l->sig, l->request == RETURN ? SIDE_EXIT : SIDE_ENTRY);
		return;
	}
	/* If something goes wrong: a status that no test expects */
	now.status = -1;
	if (l->request != CHILD && ptrace(l->request, pid, 0, (long)l->sig)) {
		fprintf(stderr, "# ptrace(%d): %s\n", l->request, strerror(errno));
		return;
	}
	if (l->during) {
		if (!wait_until_blocked(pid))
			return;
		l->during(pid);
	}
	wait_for_stop(pid);
}

/* Print what is wrong, if anything. syscall_step_flags checks DR6 after a report. */
static bool check_stop(const char *name, int n, const unsigned long *table,
		       const struct stop *want, unsigned long last_ip)
{
	int code = want->code == NOTIFIED ? want->status >> 8 : want->code;
	bool step = want->status == STOPPED(SIGTRAP) && code == TRAP_TRACE;
	bool report = want->status == STOPPED(SIGTRAP) && code == TRAP_BRKPT;
	unsigned long ip = now.ip;

	if (WIFSTOPPED(want->status)) {
		if (want->at >= 0)
			ip = table[want->at];
		else if (want->at == SAME)
			ip = last_ip;
		else if (want->at == TRAP_HANDLER)
			ip = (unsigned long)step_handler;
		else if (want->at == USR1_HANDLER)
			ip = (unsigned long)usr1_handler;
	}
	if (now.status == want->status && now.ip == ip && now.code == code &&
	    ((!step && !report) || (now.addr == ip && (report || now.dr6 == DR_STEP))))
		return true;

	fprintf(stderr, "# %s: request %d: expected status %#x code %d ip %#lx (%+ld)",
		name, n, want->status, code, ip, (long)(ip - table[0]));
	if (step || report)
		fprintf(stderr, " si_addr %#lx dr6 %#lx", ip, DR_STEP);
	fprintf(stderr, ", got status %#x code %d ip %#lx (%+ld) si_addr %#lx dr6 %#lx\n",
		now.status, now.code, now.ip, (long)(now.ip - table[0]), now.addr, now.dr6);
	return false;
}

/* A list ends when the program ends */
static void follow(struct __test_metadata *_metadata, pid_t pid, const unsigned long *table,
		   const struct line *l)
{
	unsigned long last_ip, child;
	bool end = false;
	pid_t cur = pid;
	int n;

	for (n = 1; !end; n++, l++) {
		if (l->next)
			l = l->next;
		if (l->request == CHILD) {
			ASSERT_EQ(ptrace(PTRACE_GETEVENTMSG, pid, 0, &child), 0);
			cur = child;
		}
		last_ip = now.ip;
		do_line(cur, l);
		ASSERT_TRUE(check_stop(_metadata->name, n, table, &l->want, last_ip));
		if (!WIFSTOPPED(now.status)) {
			end = cur == pid;
			cur = pid;
		}
	}
}

/* Step to the call, or let the program do so */
static void reach_call(struct __test_metadata *_metadata, pid_t pid, const struct prog *p)
{
	const struct line step = { p->self ? CONT : STEP }, handler = { RETURN, .sig = SIGTRAP };
	unsigned long ip = 0;
	int i;

	for (i = 0; i < 64 && ip != p->table[CALL]; i++) {
		do_line(pid, &step);
		ASSERT_EQ(now.status, STOPPED(SIGTRAP));
		ASSERT_EQ(now.code, TRAP_TRACE);
		ip = now.ip;
		if (p->self)
			do_line(pid, &handler);
	}
	ASSERT_EQ(now.ip, p->table[CALL]);
}

static bool dispatch(const struct prog *p)
{
	return !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_INCLUSIVE_ON, (long)p->code,
		      (long)p->end - (long)p->code, 0);
}

static void run_prog(const struct prog *p)
{
	int status;
	long ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (p->dispatched && !dispatch(p))
		_exit(1);
	if (!p->untraced) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		asm volatile("int3");
	}
	ret = p->code(p->a, p->b, p->c);
	if (!p->forks)
		_exit(ret != p->result);
	_exit(ret <= 0 || waitpid(ret, &status, __WALL) != ret || status);
}

/* Check what the program's handler has seen, and what the tracer has changed there */
static void check_handler(struct __test_metadata *_metadata, const struct prog *p)
{
	struct step_want want = { 0 };

	if (p->self) {
		step_want_range(&want, p->table, 0, CALL);
		step_want_tail(&want, p->table, p->saw ? p->saw : NEXT);
	}
	if (p->reported) {
		EXPECT_EQ(step_log->trap[NEXT].code, TRAP_BRKPT);
		step_log->trap[NEXT].code = TRAP_TRACE;
	}
	step_tag = _metadata->name;
	EXPECT_TRUE(step_check(want.ip));
}

static void run(struct __test_metadata *_metadata, struct prog p, const struct line *lines)
{
	const char *reason = p.setup ? p.setup(&p) : NULL;
	struct sigaction usr1 = {
		.sa_sigaction = usr1_handler,
		.sa_flags = SA_SIGINFO | p.usr1_flags,
	};
	sigset_t chld;
	pid_t pid;

	if (reason)
		SKIP(return, "%s", reason);

	/* The end of a child must not stop the program at an unknown time */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	ASSERT_EQ(sigprocmask(SIG_BLOCK, &chld, NULL), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &usr1, NULL), 0);
	ASSERT_EQ(step_install(0), 0);
	ASSERT_TRUE(step_share_log());
	step_reset(p.end);

	kept_table = p.table;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		run_prog(&p);
	if (p.untraced) {
		ASSERT_TRUE(wait_until_blocked(pid));
	} else {
		wait_for_stop(pid);
		ASSERT_EQ(now.status, STOPPED(SIGTRAP));
		ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, p.options | PTRACE_O_TRACESYSGOOD |
				 PTRACE_O_EXITKILL), 0);
		reach_call(_metadata, pid, &p);
	}
	follow(_metadata, pid, p.table, lines);
	if (p.saw != SAW_OTHERS)
		check_handler(_metadata, &p);
}

#define TRACER_TEST(name, prog, ...)						\
static const struct line name##_lines[] = { __VA_ARGS__ };			\
TEST(name)									\
{										\
	run(_metadata, prog, name##_lines);					\
}

/*
 * What programs need, and what the tracer does to them
 */

static int pipe_fd[2];

/* The program reads a byte that let_read() writes, unless a test wants another result */
static const char *make_pipe(struct prog *p)
{
	static char byte;

	if (pipe(pipe_fd))
		return "no pipe";
	p->a = pipe_fd[0];
	p->b = (long)&byte;
	p->c = 1;
	if (!p->result)
		p->result = 1;
	return NULL;
}

/* The temporary mask blocks SIGTRAP */
static const char *mask_trap(struct prog *p)
{
	static unsigned long mask[8 / sizeof(long)];

	mask[0] = 1UL << (SIGTRAP - 1);
	p->a = (long)mask;
	p->b = sizeof(mask);
	p->result = -EINTR;
	return NULL;
}

#define NO_FILE	.a = (long)"/nonexistent/file", .result = -ENOENT

static const char *exec_self(struct prog *p)
{
	static char *argv[3] = { "syscall_step_ptrace", EXEC_HELPER, NULL };
	static char *envp[1] = { NULL };

	p->a = (long)"/proc/self/exe";
	p->b = (long)argv;
	p->c = (long)envp;
	return NULL;
}

/* Give this answer to sched_yield(). The program inherits the filter. */
static const char *set_filter(unsigned int answer)
{
	return seccomp_answer(__NR_sched_yield, answer, 0) ? "no seccomp filter" : NULL;
}

static const char *filter_errno(struct prog *p)
{
	p->result = -EXDEV;
	return set_filter(SECCOMP_RET_ERRNO | EXDEV);
}

static const char *filter_trap(struct prog *p)
{
	p->result = __NR_sched_yield;
	return set_filter(SECCOMP_RET_TRAP);
}

static const char *try_dispatch(struct prog *p)
{
	p->dispatched = true;
	p->result = __NR_sched_yield;
	return dispatch(p) ? NULL : "no user dispatch by an inclusive range";
}

static void set_flag(pid_t pid)
{
	poke(pid, USER_FLAGS, peek(pid, USER_FLAGS) | STEP_TF);
}

static void clear_flag(pid_t pid)
{
	poke(pid, USER_FLAGS, peek(pid, USER_FLAGS) & ~STEP_TF);
}

static void set_flag_by_setregs(pid_t pid)
{
	struct user_regs_struct regs;

	if (!ptrace(PTRACE_GETREGS, pid, 0, &regs)) {
		regs.eflags |= STEP_TF;
		ptrace(PTRACE_SETREGS, pid, 0, &regs);
	}
}

static void set_result(pid_t pid)
{
	poke(pid, USER_AX, MAGIC);
}

static void skip_call(pid_t pid)
{
	poke(pid, USER_ORIG_AX, -1);
	set_result(pid);
}

static struct user_regs_struct kept_regs;

/*
 * Like a debugger that calls a function of the program: set another ip, and orig_ax to
 * -1, so that nothing is restarted there. The new ip is the last but one of the list.
 */
static void go_elsewhere(pid_t pid)
{
	ptrace(PTRACE_GETREGS, pid, 0, &kept_regs);
	poke(pid, USER_IP, kept_table[NEXT + 1]);
	skip_call(pid);
}

static void go_elsewhere_by_setregs(pid_t pid)
{
	struct user_regs_struct regs;

	go_elsewhere(pid);
	ptrace(PTRACE_GETREGS, pid, 0, &regs);
	ptrace(PTRACE_SETREGS, pid, 0, &kept_regs);
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

static void come_back(pid_t pid)
{
	ptrace(PTRACE_SETREGS, pid, 0, &kept_regs);
}

/* If the registers stay the same, the call stays the same */
static void set_same_regs(pid_t pid)
{
	ptrace(PTRACE_GETREGS, pid, 0, &kept_regs);
	come_back(pid);
	poke(pid, USER_IP, peek(pid, USER_IP));
}

static void send_usr1(pid_t pid)
{
	kill(pid, SIGUSR1);
}

static void come_back_to_usr1(pid_t pid)
{
	come_back(pid);
	send_usr1(pid);
}

/* Let the program call execve() itself, without TF */
static void call_execve(pid_t pid)
{
	struct user_regs_struct regs;
	struct prog p;

	exec_self(&p);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	ptrace(PTRACE_GETREGS, pid, 0, &regs);
#ifdef __x86_64__
	regs.rip = kept_table[CALL], regs.orig_rax = -1, regs.rax = __NR_execve;
	regs.rdi = p.a, regs.rsi = p.b, regs.rdx = p.c;
#else
	regs.eip = kept_table[CALL], regs.orig_eax = -1, regs.eax = __NR_execve;
	regs.ebx = p.a, regs.ecx = p.b, regs.edx = p.c;
#endif
	regs.eflags &= ~STEP_TF;
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

static void go_to_next_with_flag(pid_t pid)
{
	poke(pid, USER_IP, kept_table[NEXT]);
	set_flag(pid);
}

static void send_cont(pid_t pid)
{
	kill(pid, SIGCONT);
}

static void send_stop(pid_t pid)
{
	kill(pid, SIGSTOP);
}

static void interrupt(pid_t pid)
{
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
}

static void let_read(pid_t pid)
{
	if (write(pipe_fd[1], "x", 1) != 1)
		fprintf(stderr, "# cannot write to the pipe\n");
}

/*
 * Only the tracer steps
 */

TRACER_TEST(step_over_syscall, PLAIN(yield), { .next = step_over_call })
TRACER_TEST(step_over_fork, PLAIN(fork, .forks = true), { .next = step_over_call })
TRACER_TEST(step_over_vfork, PLAIN(vfork, .forks = true), { .next = step_over_call })
TRACER_TEST(step_over_clone, PLAIN(clone, .forks = true, .a = SIGCHLD), { .next = step_over_call })
TRACER_TEST(step_over_failed_execve, PLAIN(execve, NO_FILE), { .next = step_over_call })
TRACER_TEST(step_over_seccomp_errno, PLAIN(yield, .setup = filter_errno),
	    { .next = step_over_call })

#ifdef __x86_64__
static const char *try_int80(struct prog *p)
{
	return step_have_int80() ? NULL : "no INT $0x80 in this kernel";
}

TRACER_TEST(step_over_int80, PLAIN(int80, .setup = try_int80), { .next = step_over_call })
TRACER_TEST(self_int80, SELF(int80, .setup = try_int80),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { .next = self_over_call })

#else
/* The call is in the vDSO. The landing pad follows, a sequence of POPs. */
static const char *find_fast_entry(struct prog *p)
{
	const unsigned char *insn = (const unsigned char *)getauxval(AT_SYSINFO);
	static unsigned long table[END + 1];
	int i;

	p->a = (long)insn;
	p->table = table;
	for (i = 0; insn && i < 32; i++, insn++) {
		bool fast = insn[0] == 0x0f && (insn[1] == 0x34 || insn[1] == 0x05);
		bool int80 = insn[0] == 0xcd && insn[1] == 0x80;

		if (fast && !table[CALL])
			table[CALL] = (unsigned long)insn;
		if (int80 && !table[CALL])
			return "the vDSO uses INT $0x80";
		if (int80) {
			table[NEXT] = (unsigned long)insn + 2;
			table[NEXT + 1] = table[NEXT] + 1;
			table[END] = table[NEXT] + 2;
			return NULL;
		}
	}
	return "no vDSO";
}

TRACER_TEST(step_over_fast_entry, PLAIN(fast, .setup = find_fast_entry), { .next = step_over_call })
TRACER_TEST(self_fast_entry, SELF(fast, .setup = find_fast_entry, .saw = SAW_OTHERS),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { SYSCALL, TRACED(NEXT) },
	    { CONT, TRACED(NEXT + 1), SIGTRAP },
	    { CONT, TRACED(END), SIGTRAP },
	    { CONT, EXITED(0), .before = clear_flag })
#endif

TRACER_TEST(step_from_entry_stop, PLAIN(yield),
	    { SYSCALL, ENTRY(NEXT) },
	    { STEP, REPORTED(NEXT) },
	    { .next = step_tail })

/* The step is exactly one instruction */
TRACER_TEST(step_from_exit_stop, PLAIN(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { .next = step_tail })

TRACER_TEST(step_over_skipped_call, PLAIN(yield, .result = MAGIC),
	    { SYSCALL, ENTRY(NEXT) },
	    { STEP, REPORTED(NEXT), .before = skip_call },
	    { .next = step_tail })

TRACER_TEST(step_over_seccomp_trap, PLAIN(yield, .setup = filter_trap),
	    { STEP, SIGNAL(SIGSYS, NEXT, SYS_SECCOMP) },
	    { .next = step_tail })

TRACER_TEST(continue_over_seccomp_trap, PLAIN(yield, .setup = filter_trap),
	    { STEP, SIGNAL(SIGSYS, NEXT, SYS_SECCOMP) },
	    { CONT, EXITED(0) })

TRACER_TEST(step_over_user_dispatch, PLAIN(yield, .setup = try_dispatch),
	    { STEP, SIGNAL(SIGSYS, NEXT, SYS_USER_DISPATCH) },
	    { .next = step_tail })

TRACER_TEST(step_over_sigreturn, PLAIN(yield),
	    { STEP, SIGNAL(SIGUSR1, CALL, SI_USER), .before = send_usr1 },
	    { STEP, HANDLER(USR1_HANDLER), SIGUSR1 },
	    { SYSCALL, ENTRY(ANYWHERE) },
	    { STEP, REPORTED(CALL) },
	    { .next = step_over_call })

TRACER_TEST(step_attached_child, PLAIN(fork, .forks = true, .options = PTRACE_O_TRACEFORK),
	    { STEP, EVENT(PTRACE_EVENT_FORK, NEXT) },
	    { CHILD, SIGNAL(SIGSTOP, NEXT, SI_USER) },
	    { STEP, TRACED(NEXT + 1) },
	    { CONT, EXITED(0) },
	    { STEP, REPORTED(NEXT) },
	    { .next = step_tail })

/* One stop for the call, before the new program executes anything */
TRACER_TEST(step_over_execve, PLAIN(execve, .setup = exec_self),
	    { STEP, SIGNAL(SIGTRAP, ANYWHERE, SI_USER) },
	    { STEP, TRACED(ANYWHERE) },
	    { CONT, EXITED(EXEC_STATUS) })

TRACER_TEST(step_over_execve_event, PLAIN(execve, .setup = exec_self,
					  .options = PTRACE_O_TRACEEXEC),
	    { STEP, EVENT(PTRACE_EVENT_EXEC, ANYWHERE) },
	    { STEP, REPORTED(SAME) },
	    { STEP, TRACED(ANYWHERE) },
	    { CONT, EXITED(EXEC_STATUS) })

/*
 * The report comes first, with a result that the kernel is about to replace,
 * and then the signal. The restarted call has another report.
 */
TRACER_TEST(step_restart_discarded, PLAIN(read, .setup = make_pipe),
	    { STEP, REPORTED(NEXT), .during = send_usr1 },
	    { STEP, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { STEP, REPORTED(NEXT), .during = let_read },
	    { .next = step_tail })

TRACER_TEST(step_restart_delivered, PLAIN(read, .setup = make_pipe, .usr1_flags = SA_RESTART),
	    { STEP, REPORTED(NEXT), .during = send_usr1 },
	    { STEP, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { STEP, HANDLER(USR1_HANDLER), SIGUSR1 },
	    { RETURN, EXIT(CALL) },
	    { STEP, REPORTED(NEXT), .during = let_read },
	    { .next = step_tail })

TRACER_TEST(step_eintr, PLAIN(read, .setup = make_pipe, .result = -EINTR),
	    { STEP, REPORTED(NEXT), .during = send_usr1 },
	    { STEP, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { STEP, HANDLER(USR1_HANDLER), SIGUSR1 },
	    { RETURN, EXIT(NEXT) },
	    { .next = step_tail })

TRACER_TEST(step_restart_stopped, PLAIN(read, .setup = make_pipe),
	    { STEP, REPORTED(NEXT), .during = send_stop },
	    { STEP, SIGNAL(SIGSTOP, NEXT, SI_USER) },
	    { STEP, GROUP_STOP(NEXT), SIGSTOP },
	    { STEP, SIGNAL(SIGCONT, NEXT, SI_USER), .before = send_cont },
	    { STEP, REPORTED(NEXT), .during = let_read },
	    { .next = step_tail })

/*
 * Only the program steps
 */

TRACER_TEST(self_handed_on, SELF(yield), { .next = self_over_call })
TRACER_TEST(self_failed_execve, SELF(execve, NO_FILE), { .next = self_over_call })
TRACER_TEST(self_seccomp_errno, SELF(yield, .setup = filter_errno),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { .next = self_over_call })

TRACER_TEST(self_syscall_stops, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { .next = self_over_call })

TRACER_TEST(self_discarded, SELF(yield, .saw = END),
	    { CONT, TRACED(NEXT) },
	    { CONT, TRACED(NEXT + 1) },
	    { CONT, TRACED(END) },
	    { CONT, EXITED(0), SIGTRAP })

TRACER_TEST(self_skipped_call, SELF(yield, .result = MAGIC),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = skip_call },
	    { .next = self_over_call })

/* SIGSYS replaces the trap, even if the tracer discards SIGSYS */
TRACER_TEST(self_seccomp_trap, SELF(yield, .setup = filter_trap, .saw = NEXT + 1),
	    { CONT, SIGNAL(SIGSYS, NEXT, SYS_SECCOMP) },
	    { .next = self_tail_no_trap })

TRACER_TEST(self_user_dispatch, SELF(yield, .setup = try_dispatch, .saw = NEXT + 1),
	    { CONT, SIGNAL(SIGSYS, NEXT, SYS_USER_DISPATCH) },
	    { .next = self_tail_no_trap })

TRACER_TEST(self_execve, SELF(execve, .setup = exec_self, .options = PTRACE_O_TRACEEXEC,
			      .saw = SAW_NO_MORE),
	    { CONT, EVENT(PTRACE_EVENT_EXEC, ANYWHERE) },
	    { CONT, EXITED(EXEC_STATUS) })

/* The child's trap is a synchronous signal, so it comes before the SIGSTOP */
TRACER_TEST(self_attached_child, SELF(fork, .forks = true, .options = PTRACE_O_TRACEFORK),
	    { CONT, EVENT(PTRACE_EVENT_FORK, NEXT) },
	    { CHILD, TRACED(NEXT) },
	    { CONT, SIGNAL(SIGSTOP, NEXT, SI_USER) },
	    { CONT, TRACED(NEXT + 1) },
	    { CONT, EXITED(0), .before = clear_flag },
	    { .next = self_over_call })

/* A restarted call has one trap, when it completes */
TRACER_TEST(self_restart_discarded, SELF(read, .setup = make_pipe),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(NEXT), .during = let_read },
	    { .next = self_tail })

TRACER_TEST(self_restart_delivered, SELF(read, .setup = make_pipe, .usr1_flags = SA_RESTART),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(NEXT), SIGUSR1, .during = let_read },
	    { .next = self_tail })

TRACER_TEST(self_restart_stopped, SELF(read, .setup = make_pipe),
	    { CONT, SIGNAL(SIGSTOP, NEXT, SI_USER), .during = send_stop },
	    { CONT, GROUP_STOP(NEXT), SIGSTOP },
	    { CONT, SIGNAL(SIGCONT, NEXT, SI_USER), .before = send_cont },
	    { CONT, TRACED(NEXT), .during = let_read },
	    { .next = self_tail })

TRACER_TEST(self_restart_syscall_stops, SELF(read, .setup = make_pipe),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .during = send_usr1 },
	    { SYSCALL, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .during = let_read },
	    { .next = self_over_call })

/* The tracer cancels the restart: it sets number -1, and makes up a result */
TRACER_TEST(self_restart_cancelled, SELF(read, .setup = make_pipe, .result = MAGIC),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(NEXT), .before = skip_call },
	    { .next = self_tail })

/* The trap comes between the stop for the signal and its handler */
TRACER_TEST(self_eintr, SELF(read, .setup = make_pipe, .result = -EINTR),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(NEXT), SIGUSR1 },
	    { .next = self_tail })

/*
 * The tracer makes the program go on elsewhere, where nothing has been stepped over.
 * When the program is back, the call is made again and gets its trap.
 */

TRACER_TEST(self_abandoned, SELF(read, .setup = make_pipe, .untraced = true),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { STEP, TRACED(END), .before = go_elsewhere },
	    { CONT, TRACED(NEXT), .before = come_back, .during = let_read },
	    { .next = self_tail })

TRACER_TEST(self_abandoned_by_setregs, SELF(read, .setup = make_pipe, .untraced = true),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { CONT, TRACED(END), .before = go_elsewhere_by_setregs },
	    { CONT, TRACED(NEXT), .before = come_back, .during = let_read },
	    { .next = self_tail })

/* A handler ends the call before it can be made again */
TRACER_TEST(self_abandoned_eintr,
	    SELF(read, .setup = make_pipe, .untraced = true, .result = -EINTR),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { STEP, TRACED(END), .before = go_elsewhere },
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .before = come_back_to_usr1 },
	    { CONT, TRACED(NEXT), SIGUSR1 },
	    { .next = self_tail })

TRACER_TEST(self_abandoned_handler, SELF(read, .setup = make_pipe, .result = MAGIC, .saw = END),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(END), SIGUSR1, .before = go_elsewhere },
	    { CONT, EXITED(0), SIGTRAP })

/* The new program has its code at the same addresses, and has abandoned nothing */
TRACER_TEST(self_abandoned_execve,
	    SELF(read, .setup = make_pipe, .untraced = true, .saw = SAW_NO_MORE),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { CONT, EVENT(PTRACE_EVENT_EXEC, ANYWHERE), .before = call_execve },
	    { CONT, TRACED(NEXT + 1), .before = go_to_next_with_flag },
	    { PTRACE_KILL, KILLED(SIGKILL) })

TRACER_TEST(self_moved_at_entry, SELF(yield, .result = MAGIC, .saw = END),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT + 1), .before = go_elsewhere },
	    { CONT, TRACED(END) },
	    { CONT, EXITED(0), SIGTRAP })

TRACER_TEST(self_moved_at_exit, SELF(yield, .result = MAGIC, .saw = END),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { CONT, TRACED(END), .before = go_elsewhere },
	    { CONT, EXITED(0), SIGTRAP })

TRACER_TEST(self_same_regs, SELF(read, .setup = make_pipe),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = set_same_regs, .during = let_read },
	    { CONT, TRACED(NEXT), .before = set_same_regs },
	    { .next = self_tail })

/*
 * The tracer changes TF. TF counts at two times: when the call is made, and
 * when the program goes on.
 */

TRACER_TEST(flag_set_before_call, PLAIN(yield),
	    { CONT, TRACED(NEXT), .before = set_flag },
	    { CONT, TRACED(NEXT + 1) },
	    { CONT, EXITED(0), .before = clear_flag })

TRACER_TEST(flag_set_at_entry, PLAIN(yield),
	    { SYSCALL, ENTRY(NEXT) },
	    { CONT, TRACED(NEXT + 1), .before = set_flag },
	    { CONT, EXITED(0), .before = clear_flag })

TRACER_TEST(flag_set_at_exit, PLAIN(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { CONT, TRACED(NEXT + 1), .before = set_flag },
	    { CONT, EXITED(0), .before = clear_flag })

TRACER_TEST(flag_set_at_exit_by_setregs, PLAIN(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { CONT, TRACED(NEXT + 1), .before = set_flag_by_setregs },
	    { CONT, EXITED(0), .before = clear_flag })

TRACER_TEST(self_flag_cleared_at_entry, SELF(yield, .saw = SAW_NO_MORE),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = clear_flag },
	    { CONT, EXITED(0) })

TRACER_TEST(self_flag_cleared_at_exit, SELF(yield, .saw = SAW_NO_MORE),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { CONT, EXITED(0), .before = clear_flag })

TRACER_TEST(self_flag_cleared_and_set, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = clear_flag },
	    { SYSCALL, TRACED(NEXT), .before = set_flag },
	    { .next = self_tail })

/*
 * Both step: one stop at each address, and one trap if the tracer delivers it
 */

TRACER_TEST(both_step, SELF(yield, .reported = true),
	    { STEP, REPORTED(NEXT) },
	    { STEP, HANDLER(TRAP_HANDLER), SIGTRAP },
	    { RETURN, EXIT(NEXT) },
	    { STEP, TRACED(NEXT + 1) },
	    { STEP, HANDLER(TRAP_HANDLER), SIGTRAP },
	    { RETURN, EXIT(NEXT + 1) },
	    { STEP, TRACED(END) },
	    { CONT, EXITED(0), SIGTRAP })

TRACER_TEST(both_step_discarded, SELF(yield, .saw = END),
	    { STEP, REPORTED(NEXT) },
	    { STEP, TRACED(NEXT + 1) },
	    { STEP, TRACED(END) },
	    { CONT, EXITED(0), SIGTRAP })

TRACER_TEST(both_step_from_entry_stop, SELF(yield, .reported = true),
	    { SYSCALL, ENTRY(NEXT) },
	    { STEP, REPORTED(NEXT) },
	    { .next = self_tail })

/* TF in the handler's frame is the program's, even if the tracer steps over sigreturn */
TRACER_TEST(both_step_sigreturn, SELF(yield, .reported = true),
	    { STEP, REPORTED(NEXT) },
	    { RETURN_ENTRY, ENTRY(ANYWHERE), SIGTRAP },
	    { STEP, REPORTED(NEXT) },
	    { CONT, TRACED(NEXT + 1) },
	    { .next = self_tail + 1 })

/* The new program has TF clear: it is no longer stepped when the tracer lets go */
TRACER_TEST(both_step_execve, SELF(execve, .setup = exec_self, .options = PTRACE_O_TRACEEXEC,
				   .saw = SAW_NO_MORE),
	    { STEP, EVENT(PTRACE_EVENT_EXEC, ANYWHERE) },
	    { STEP, REPORTED(SAME) },
	    { STEP, TRACED(ANYWHERE) },
	    { CONT, EXITED(EXEC_STATUS) })

/* First the program's step over the call, then the tracer's over the next instruction */
TRACER_TEST(both_step_from_exit_stop, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { STEP, TRACED(NEXT) },
	    { RETURN, EXIT(NEXT), SIGTRAP },
	    { STEP, TRACED(NEXT + 1) },
	    { .next = self_tail + 1 })

/* The tracer starts or stops stepping while the call is interrupted */
TRACER_TEST(both_step_after_restart, SELF(read, .setup = make_pipe, .reported = true),
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { STEP, REPORTED(NEXT), .during = let_read },
	    { .next = self_tail })

TRACER_TEST(both_step_before_restart, SELF(read, .setup = make_pipe),
	    { STEP, REPORTED(NEXT), .during = send_usr1 },
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { CONT, TRACED(NEXT), .during = let_read },
	    { .next = self_tail })

TRACER_TEST(both_step_eintr, SELF(read, .setup = make_pipe, .result = -EINTR, .saw = NEXT + 1),
	    { STEP, REPORTED(NEXT), .during = send_usr1 },
	    { CONT, SIGNAL(SIGUSR1, NEXT, SI_USER) },
	    { CONT, TRACED(NEXT + 1), SIGUSR1 },
	    { .next = self_tail + 1 })

/* A forced SIGTRAP would remove the handler while the temporary mask blocks SIGTRAP */
TRACER_TEST(both_step_masked, SELF(sigsuspend, .setup = mask_trap),
	    { STEP, SIGNAL(SIGUSR1, NEXT, SI_USER), .during = send_usr1 },
	    { CONT, TRACED(NEXT), SIGUSR1 },
	    { .next = self_tail })

/*
 * The tracer makes the call instead of the kernel. What the tracer is told
 * afterwards depends on its next request. The program is told nothing.
 */

TRACER_TEST(sysemu, PLAIN(yield, .result = MAGIC),
	    { SYSEMU, ENTRY(NEXT) },
	    { CONT, EXITED(0), .before = set_result })

TRACER_TEST(sysemu_then_syscall, PLAIN(yield, .result = MAGIC),
	    { SYSEMU, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = set_result },
	    { CONT, EXITED(0) })

TRACER_TEST(sysemu_then_step, PLAIN(yield, .result = MAGIC),
	    { SYSEMU, ENTRY(NEXT) },
	    { STEP, REPORTED(NEXT), .before = set_result },
	    { .next = step_tail })

TRACER_TEST(sysemu_step, PLAIN(yield, .result = MAGIC),
	    { SYSEMU_STEP, ENTRY(NEXT) },
	    { SYSEMU_STEP, TRACED(NEXT + 1), .before = set_result },
	    { SYSEMU_STEP, TRACED(END) },
	    { CONT, EXITED(0) })

TRACER_TEST(self_sysemu, SELF(yield, .result = MAGIC, .saw = NEXT + 1),
	    { SYSEMU, ENTRY(NEXT) },
	    { SYSEMU, TRACED(NEXT + 1), .before = set_result },
	    { .next = self_tail + 1 })

TRACER_TEST(self_sysemu_step, SELF(yield, .result = MAGIC, .saw = NEXT + 1),
	    { SYSEMU_STEP, ENTRY(NEXT) },
	    { SYSEMU_STEP, TRACED(NEXT + 1), .before = set_result },
	    { .next = self_tail + 1 })

TRACER_TEST(self_sysemu_then_syscall, SELF(yield, .result = MAGIC, .saw = NEXT + 1),
	    { SYSEMU, ENTRY(NEXT) },
	    { SYSCALL, EXIT(NEXT), .before = set_result },
	    { .next = self_tail_no_trap })

/* Too late for this call: the kernel makes it */
TRACER_TEST(self_sysemu_from_entry_stop, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) },
	    { SYSEMU, TRACED(NEXT) },
	    { .next = self_tail })

/*
 * Tracers that come and go
 */

TRACER_TEST(self_attach_and_detach, SELF(read, .setup = make_pipe, .untraced = true),
	    { PTRACE_ATTACH, SIGNAL(SIGSTOP, NEXT, SI_KERNEL) },
	    { DETACH, EXITED(0), .during = let_read })

TRACER_TEST(self_seize_and_detach, SELF(read, .setup = make_pipe, .untraced = true),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { DETACH, EXITED(0), .during = let_read })

TRACER_TEST(self_seize_and_stay, SELF(read, .setup = make_pipe, .untraced = true),
	    { PTRACE_SEIZE, EVENT(PTRACE_EVENT_STOP, NEXT), .during = interrupt },
	    { CONT, TRACED(NEXT), .during = let_read },
	    { .next = self_tail })

/* The program goes on without TF, unless the program itself has set it */
TRACER_TEST(detach_before_call, PLAIN(yield),
	    { DETACH, EXITED(0) })

TRACER_TEST(detach_behind_call, PLAIN(yield),
	    { STEP, REPORTED(NEXT) },
	    { DETACH, EXITED(0) })

TRACER_TEST(kill_behind_call, PLAIN(yield),
	    { STEP, REPORTED(NEXT) },
	    { PTRACE_KILL, KILLED(SIGKILL) })

TRACER_TEST(both_step_detach, SELF(yield, .reported = true),
	    { STEP, REPORTED(NEXT) },
	    { DETACH, EXITED(0), SIGTRAP })

TRACER_TEST(self_detach_at_entry, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) },
	    { DETACH, EXITED(0) })

TRACER_TEST(self_detach_at_exit, SELF(yield),
	    { SYSCALL, ENTRY(NEXT) }, { SYSCALL, EXIT(NEXT) },
	    { DETACH, EXITED(0) })

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], EXEC_HELPER))
		return EXEC_STATUS;
	return test_harness_run(argc, argv);
}
