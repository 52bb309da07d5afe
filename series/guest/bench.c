// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions of ways into the kernel and back.
 *
 * This is for a virtual machine with one CPU whose time stamp counter counts
 * instructions (QEMU's -icount shift=0). A row is one such way. It is taken many
 * times, each turn between two RDTSC, and the number is the mean of the cheapest
 * WINDOW turns in a row: some in which no timer interrupt fell. Each row has a process
 * of its own, with real-time priority so that switches are always the same, and checks
 * that what it means to measure has happened.
 *
 * With nohz_full= there are two CPUs, and all rows run on the one that it names. The
 * counter counts what both of them do. In the cheapest turns the other one sleeps.
 *
 * usage: bench [--reverse] [ROW...]
 *
 * Prints a line for each row: name, tab, number, tab, how many percent of the windows
 * had that number. A row that cannot exist in this program on this CPU, or under
 * this kernel, has no line. The exit status is 1 if a check failed.
 *
 * Unless its comment says otherwise a row's number includes the loop, of
 * LOOP_INSNS instructions with the one that enters the kernel, and the
 * instructions of signal handlers and other processes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-kernel.h"
#include "bench-loops.h"

#define TURNS		1000
/*
 * What a kernel does for several calls at a time has to be in the number. One random
 * number may be enough for the stack offsets of three or five calls.
 */
#define WINDOW		15
/*
 * Instructions from tick to tick. A window that is not much shorter would often have a
 * tick, and more of what differs from turn to turn: then one turn is the number.
 */
#define TICK		1000000
#define X32		0x40000000	/* in the number of a system call */
#define BAD_NR		0x1fff	/* of no system call */
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#ifdef __x86_64__
# define IS_64		true
# define BENCH_IP	REG_RIP
# define SYS_getppid_int80 64	/* in the table for 32-bit programs */
#else
# define IS_64		false
# define BENCH_IP	REG_EIP
# define SYS_getppid_int80 SYS_getppid
#endif

#define check(good, ...)						\
	do {								\
		if (!(good))						\
			die(#good, __VA_ARGS__);			\
	} while (0)

int bench_result;
unsigned long bench_sysinfo;

static const char *row_name = "bench";
/* Shared with the processes that a row starts */
static unsigned int *stamps;
static volatile int hits;

static void __attribute__((format(printf, 2, 3), noreturn))
die(const char *what, const char *format, ...)
{
	int error = errno;
	va_list args;

	printf("%s: not true: %s: ", row_name, what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (errno %d)\n", error);
	exit(1);
}

static unsigned int now(void)
{
	return __builtin_ia32_rdtsc();
}

static unsigned long sum(const unsigned int *numbers, int n)
{
	unsigned long all = 0;

	while (n--)
		all += numbers[n];
	return all;
}

/* The least sum of window numbers in a row, and how many percent of them have it */
static unsigned long least(const unsigned int *numbers, int n, int window, int *percent)
{
	unsigned long found = -1UL;
	int i, same = 0;

	for (i = 0; i + window <= n; i++) {
		unsigned long here = sum(numbers + i, window);

		if (here < found) {
			found = here;
			same = 0;
		}
		same += here == found;
	}
	*percent = same * 100 / (n - window + 1);
	return found;
}

/* The number of a row, rounded up */
static unsigned int cheapest(const unsigned int *numbers, int n, int *percent)
{
	unsigned long one = least(numbers, n, 1, percent);

	if (n < WINDOW || one * WINDOW > TICK / 10)
		return one;
	return (least(numbers, n, WINDOW, percent) + WINDOW - 1) / WINDOW;
}

static void print_row(unsigned int *numbers, int n)
{
	int percent;
	unsigned int number = cheapest(numbers, n, &percent);

	printf("%s\t%u\t%d\n", row_name, number, percent);
}

static int compare(const void *a, const void *b)
{
	unsigned int one = *(const unsigned int *)a, other = *(const unsigned int *)b;

	return one < other ? -1 : one > other;
}

/* The number in the middle, where the cheapest may be of something else */
static void print_middle(unsigned int *numbers, int n)
{
	unsigned int number;
	int i, same = 0;

	qsort(numbers, n, sizeof(*numbers), compare);
	number = numbers[n / 2];
	for (i = 0; i < n; i++)
		same += numbers[i] == number;
	printf("%s\t%u\t%d\n", row_name, number, same * 100 / n);
}

/* From the times after the turns to the numbers of all turns but the first */
static void stamps_to_turns(void)
{
	int i;

	for (i = 0; i + 1 < TURNS; i++)
		stamps[i] = stamps[i + 1] - stamps[i];
}

static void run(bench_loop *loop, long nr, long arg1, long arg2)
{
	/* Not a page fault in the loop */
	memset(stamps, 0, TURNS * sizeof(*stamps));
	bench_result = 0;
	loop(stamps, TURNS, nr, arg1, arg2);
	stamps_to_turns();
}

static void print_turns(void)
{
	print_row(stamps, TURNS - 1);
}

/* The number that getppid() has without anything around it */
static unsigned int plain_getppid(void)
{
	int percent;

	run(loop_call, SYS_getppid, 0, 0);
	check(bench_result == getppid(), "result %d", bench_result);
	return cheapest(stamps, TURNS - 1, &percent);
}

/* getppid() with what is on now, which has to be seen in the number */
static void measure_getppid(unsigned int plain)
{
	unsigned int number;
	int percent;

	run(loop_call, SYS_getppid, 0, 0);
	check(bench_result == getppid(), "result %d", bench_result);
	number = cheapest(stamps, TURNS - 1, &percent);
	check(number > plain, "%u with it, %u without", number, plain);
	print_turns();
}

/* System calls and what can be around them */

static void null_call(void)
{
	run(loop_call, BAD_NR, 0, 0);
	check(bench_result == -ENOSYS, "result %d", bench_result);
	print_turns();
}

static void null_int80(void)
{
	run(loop_int80, BAD_NR, 0, 0);
	check(bench_result == -ENOSYS, "result %d", bench_result);
	print_turns();
}

static void getppid_call(void)
{
	plain_getppid();
	print_turns();
}

static void getppid_int80(void)
{
	run(loop_int80, SYS_getppid_int80, 0, 0);
	check(bench_result == getppid(), "result %d", bench_result);
	print_turns();
}

static void seccomp(bool look)
{
	unsigned int plain = plain_getppid();

	check(!bench_seccomp(look), "no filter");
	check(syscall(BENCH_NR) == -1 && errno == BENCH_ERRNO, "the filter forbids nothing");
	if (look)
		check(syscall(SYS_getppid, BENCH_ARG) == -1 && errno == BENCH_ERRNO,
		      "the filter does not look at arguments");
	measure_getppid(plain);
}

static void getppid_seccomp(void)
{
	seccomp(false);
}

static void getppid_seccomp_run(void)
{
	seccomp(true);
}

/* Who lives when audit is turned on is not audited: a new process */
static void getppid_audit(void)
{
	unsigned int plain = plain_getppid();
	int error, status = -1;
	pid_t child;

	error = audit_enable(1);
	check(!error, "audit says %d", error);
	error = audit_rule(AUDIT_ADD_RULE);
	if (!error) {
		child = fork();
		if (!child) {
			measure_getppid(plain);
			exit(0);
		}
		waitpid(child, &status, 0);
		error = audit_rule(AUDIT_DEL_RULE);
	}
	error = audit_enable(0) ?: error;
	check(!error, "audit says %d", error);
	check(!status, "status 0x%x", status);
}

#define EVENT	"events/syscalls/sys_enter_getppid/enable"

static void getppid_tracepoint(void)
{
	unsigned int plain = plain_getppid(), number;
	int bad, percent;
	long events;

	tracing_write("trace", "");
	check(!tracing_write(EVENT, "1"), "no tracepoint");
	run(loop_call, SYS_getppid, 0, 0);
	bad = tracing_write(EVENT, "0");
	events = tracing_events();
	check(!bad, "the tracepoint stays on");
	check(bench_result == getppid(), "result %d", bench_result);
	/* And perhaps another process of the guest */
	check(events >= TURNS, "%ld events", events);
	number = cheapest(stamps, TURNS - 1, &percent);
	check(number > plain, "%u with it, %u without", number, plain);
	print_turns();
}

static volatile char selector;

static void getppid_dispatch(void)
{
	unsigned int plain = plain_getppid();

	check(!prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector),
	      "no dispatch");
	measure_getppid(plain);
}

/* Work that lasts as long as its task: the task may use ports, by a bitmap or all of them */

static void getppid_ioperm(void)
{
	unsigned int plain = plain_getppid();

	check(!ioperm(0x80, 1, 1), "no ioperm()");
	measure_getppid(plain);
}

static void getppid_iopl(void)
{
	unsigned int plain = plain_getppid();

	check(!iopl(3), "no iopl()");
	measure_getppid(plain);
}

/* The table for programs with addresses of 32 bits in 64-bit mode */
static void getppid_x32(void)
{
	run(loop_call, SYS_getppid | X32, 0, 0);
	check(bench_result == getppid(), "result %d", bench_result);
	print_turns();
}

/*
 * Two tasks of the same priority, each of which lets the other one run. Includes its
 * call, and both switches: each call ends with one.
 */
static void yield_switch(void)
{
	int status;
	pid_t child = fork();

	if (!child) {
		for (;;)
			syscall(SYS_sched_yield);
	}
	run(loop_call, SYS_sched_yield, 0, 0);
	check(!bench_result, "result %d", bench_result);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child, "no child");
	print_turns();
}

/*
 * Two tasks send a byte there and back. A turn is both: each task writes, which wakes
 * the other one, and sleeps in its next read().
 */
static void pipe_switch(void)
{
	int there[2], back[2], status, i;
	char byte = 0;
	pid_t child;

	check(!pipe(there) && !pipe(back), "no pipes");
	child = fork();
	if (!child) {
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(1);
	}
	close(back[1]);
	memset(stamps, 0, TURNS * sizeof(*stamps));
	for (i = 0; i < TURNS; i++) {
		check(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1,
		      "turn %d", i);
		stamps[i] = now();
	}
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child, "no child");
	stamps_to_turns();
	print_turns();
}

/* As page_fault(), but it is the kernel that reads, from another page in each call */
static void kernel_fault(void)
{
	struct rusage before, after;
	size_t size = TURNS * 4096;
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long faults;

	check(pages != MAP_FAILED, "no memory");
	memset(pages, 1, size);
	check(!madvise(pages, size, MADV_DONTNEED), "madvise");
	memset(stamps, 0, TURNS * sizeof(*stamps));
	getrusage(RUSAGE_SELF, &before);
	run(loop_call_touch, SYS_setrlimit, RLIMIT_CORE, (long)pages);
	getrusage(RUSAGE_SELF, &after);
	faults = after.ru_minflt - before.ru_minflt;
	check(!bench_result, "result %d", bench_result);
	check(faults >= TURNS && faults < TURNS + 10, "%ld faults", faults);
	print_turns();
}

/* A child that is traced, and makes getppid() in turns, with this result, when it is let go */
static pid_t traced_turns(bool emulated)
{
	pid_t child = fork();
	int status;

	if (!child) {
		memset(stamps, 0, TURNS * sizeof(*stamps));
		check(!ptrace(PTRACE_TRACEME, 0, 0, 0), "not traced");
		syscall(SYS_kill, getpid(), SIGSTOP);
		loop_call(stamps, TURNS, SYS_getppid, 0, 0);
		_exit(bench_result == (emulated ? -ENOSYS : getppid()) ? 47 : 1);
	}
	check(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "status 0x%x", status);
	check(!ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
	      "no options");
	return child;
}

/*
 * A tracer stops the call at its begin and at its end. Includes the tracer's two
 * ptrace() and two waitpid(), and the switches between both.
 */
static void getppid_ptrace(void)
{
	pid_t child = traced_turns(false);
	int status, stops = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, child, 0, 0) || waitpid(child, &status, 0) != child)
			break;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
			break;
		stops++;
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 47, "status 0x%x", status);
	/* The turns, another getppid(), the begin of exit_group() */
	check(stops == 2 * TURNS + 3, "%d stops", stops);
	stamps_to_turns();
	print_turns();
}

/* A tracer steps from instruction to instruction: a turn has eight of them, or the vDSO's too */
static void getppid_step(void)
{
	pid_t child = traced_turns(false);
	int status, stops = 0;

	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) || waitpid(child, &status, 0) != child)
			break;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
		stops++;
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 47, "status 0x%x", status);
	check(stops > LOOP_INSNS * TURNS, "%d stops", stops);
	stamps_to_turns();
	print_turns();
}

/* The tracer makes the call in the kernel's place: one stop */
static void getppid_sysemu(void)
{
	pid_t child = traced_turns(true);
	int status, stops;

	for (stops = 0; stops < TURNS; stops++) {
		if (ptrace(PTRACE_SYSEMU, child, 0, 0) || waitpid(child, &status, 0) != child)
			break;
		check(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80),
		      "status 0x%x", status);
	}
	check(!ptrace(PTRACE_CONT, child, 0, 0) && waitpid(child, &status, 0) == child,
	      "%d stops", stops);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 47, "status 0x%x", status);
	stamps_to_turns();
	print_turns();
}

static void on_signal(int sig)
{
	hits++;
}

/* A system call that ends with a signal, for which there is a handler */
static void kill_handler(void)
{
	signal(SIGUSR1, on_signal);
	run(loop_call, SYS_kill, getpid(), SIGUSR1);
	check(!bench_result, "result %d", bench_result);
	check(hits == TURNS, "%d signals", hits);
	print_turns();
}

/* Exceptions */

/* The handler returns to the next instruction */
static void int3_handler(void)
{
	signal(SIGTRAP, on_signal);
	run(loop_int3, 0, 0, 0);
	check(hits == TURNS, "%d signals", hits);
	print_turns();
}

static void on_ud2(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[BENCH_IP] += 2;
	hits++;
}

static void ud2_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_ud2, .sa_flags = SA_SIGINFO };

	sigaction(SIGILL, &action, NULL);
	run(loop_ud2, 0, 0, 0);
	check(hits == TURNS, "%d signals", hits);
	print_turns();
}

/* Reads get the page of zeroes: nothing is allocated or cleared but page tables */
static void page_fault(void)
{
	struct rusage before, after;
	size_t size = TURNS * 4096;
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long faults;

	check(pages != MAP_FAILED, "no memory");
	memset(pages, 1, size);
	check(!madvise(pages, size, MADV_DONTNEED), "madvise");
	/* In run(): once here, so that the stamps are there */
	memset(stamps, 0, TURNS * sizeof(*stamps));
	getrusage(RUSAGE_SELF, &before);
	run(loop_touch, 0, (long)pages, 0);
	getrusage(RUSAGE_SELF, &after);
	faults = after.ru_minflt - before.ru_minflt;
	check(faults >= TURNS && faults < TURNS + 10, "%ld faults", faults);
	print_turns();
}

/*
 * By how much a tick is longer than the loop that it interrupts; without the loop. A few
 * interrupts are of other timers, and cheaper.
 */
static void timer_tick(void)
{
	unsigned int turns = 15 * 1000 * 1000, more;
	int ticks = 0;

	while (turns && ticks < TURNS) {
		more = loop_until_disturbed(&turns);
		if (turns)
			stamps[ticks++] = more;
	}
	/* With HZ=1000 there is one in a million instructions: 105 */
	check(ticks > 50, "%d ticks", ticks);
	print_middle(stamps, ticks);
}

/*
 * At the end of a tick the timer has to be set for the next one. The task has a work bit
 * that stays, which says nothing about that.
 */
static void timer_tick_ioperm(void)
{
	check(!ioperm(0x80, 1, 1), "no ioperm()");
	timer_tick();
}

/* Processes and steps */

/*
 * Without a loop: a child is made, its exit(), wait(). Each of them is inline here,
 * for with CLONE_VM both have the same stack.
 */
static void clone_exit(unsigned long flags, unsigned int pause)
{
	unsigned int begin;
	int i, status;
	long child;

	for (i = 0; i < TURNS / 5; i++) {
		if (pause)
			usleep(pause);
		begin = now();
#ifdef __x86_64__
		asm volatile("syscall\n"
			     "test	%%eax,%%eax\n"
			     "jnz	1f\n"
			     "mov	%[exit],%%eax\n"
			     "mov	$3,%%edi\n"
			     "syscall\n"
			     "1:"
			     : "=a" (child)
			     : "0" (SYS_clone), [exit] "i" (SYS_exit), "D" (flags), "S" (0), "d" (0)
			     : "rcx", "r11", "memory");
#else
		asm volatile("int	$0x80\n"
			     "test	%%eax,%%eax\n"
			     "jnz	1f\n"
			     "mov	%[exit],%%eax\n"
			     "mov	$3,%%ebx\n"
			     "int	$0x80\n"
			     "1:"
			     : "=a" (child)
			     : "0" (SYS_clone), [exit] "i" (SYS_exit), "b" (flags), "c" (0), "d" (0)
			     : "memory");
#endif
		status = 0;
		child -= syscall(SYS_wait4, child, &status, 0, NULL);
		stamps[i] = now() - begin;
		check(!child && status == 3 << 8, "status 0x%x", status);
	}
	print_row(stamps, i);
}

/* With a copy of the page tables, and pauses in which the last one's are freed */
static void fork_exit(void)
{
	clone_exit(SIGCHLD, 20000);
}

/* The parent sleeps until the child has ended */
static void vfork_exit(void)
{
	clone_exit(CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
}

struct trap {
	unsigned long ip;
	unsigned int time;
};

static struct trap traps[TURNS * 20];

static void on_step(int sig, siginfo_t *info, void *context)
{
	traps[hits].time = now();
	traps[hits].ip = ((ucontext_t *)context)->uc_mcontext.gregs[BENCH_IP];
	hits++;
}

/* From the trap at an instruction to the next one, which is at first or at second */
static void print_steps(const char *from, const char *first, const char *second)
{
	const char *next;
	int i, n = 0;

	for (i = 0; i + 1 < hits; i++) {
		if (traps[i].ip != (unsigned long)from)
			continue;
		next = (const char *)traps[i + 1].ip;
		check(next == first || next == second, "a trap at %p", next);
		stamps[n++] = traps[i + 1].time - traps[i].time;
	}
	check(n == TURNS, "%d traps", n);
	print_row(stamps, n);
}

static void step_turns(void)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	int i;

	sigaction(SIGTRAP, &action, NULL);
	memset(traps, 0, sizeof(traps));
	for (i = 0; i < TURNS; i++)
		step_turn(IS_64 ? SYS_getppid : SYS_getppid_int80);
}

/* From SIGTRAP to SIGTRAP over a NOP: no loop, the handler's instructions */
static void step_insn(void)
{
	step_turns();
	print_steps(step_nop, step_nop_end, step_nop_end);
}

/*
 * From the SIGTRAP in front of a system call (SYSCALL, or INT 0x80 in 32-bit code) to
 * the next one. Where that comes one instruction late it includes this instruction.
 */
static void step_syscall(void)
{
	step_turns();
	print_steps(step_call, step_call_end, step_call_end + 1);
}

enum where {
	ONLY_64,	/* programs of 64 bits */
	SYSENTER,	/* 32-bit programs whose vDSO has this */
	SYSCALL32,
	NATIVE,		/* programs of as many bits as the kernel */
	COMPAT,		/* programs of fewer */
	X32_ABI,	/* programs of 64 bits, under a kernel with x32 */
};

static const struct row {
	const char *name;
	enum where where;
	void (*function)(void);
} rows[] = {
	{ "null-syscall", ONLY_64, null_call },
	{ "null-sysenter", SYSENTER, null_call },
	{ "null-syscall32", SYSCALL32, null_call },
	{ "null-int80", NATIVE, null_int80 },
	{ "null-int80-32", COMPAT, null_int80 },
	{ "getppid-syscall", ONLY_64, getppid_call },
	{ "getppid-sysenter", SYSENTER, getppid_call },
	{ "getppid-syscall32", SYSCALL32, getppid_call },
	{ "getppid-int80", NATIVE, getppid_int80 },
	{ "getppid-int80-32", COMPAT, getppid_int80 },
	{ "seccomp", NATIVE, getppid_seccomp },
	{ "seccomp-filter", NATIVE, getppid_seccomp_run },
	{ "tracepoint", NATIVE, getppid_tracepoint },
	{ "dispatch", NATIVE, getppid_dispatch },
	{ "ptrace", NATIVE, getppid_ptrace },
	{ "ptrace-step", NATIVE, getppid_step },
	{ "ptrace-sysemu", NATIVE, getppid_sysemu },
	{ "ioperm", NATIVE, getppid_ioperm },
	{ "iopl", NATIVE, getppid_iopl },
	{ "switch", NATIVE, yield_switch },
	{ "pipe", NATIVE, pipe_switch },
	{ "signal", NATIVE, kill_handler },
	{ "int3", NATIVE, int3_handler },
	{ "ud2", NATIVE, ud2_handler },
	{ "page-fault", NATIVE, page_fault },
	{ "kernel-fault", NATIVE, kernel_fault },
	{ "tick", NATIVE, timer_tick },
	{ "tick-ioperm", NATIVE, timer_tick_ioperm },
	{ "vfork", NATIVE, vfork_exit },
	{ "fork", NATIVE, fork_exit },
	{ "step-insn", NATIVE, step_insn },
	{ "step-syscall", NATIVE, step_syscall },
	{ "getppid-x32", X32_ABI, getppid_x32 },
	{ "seccomp-32", COMPAT, getppid_seccomp },
	{ "seccomp-filter-32", COMPAT, getppid_seccomp_run },
	{ "ptrace-32", COMPAT, getppid_ptrace },
	{ "signal-32", COMPAT, kill_handler },
	/* The last one: once audit was on it costs the later processes, too */
	{ "audit", NATIVE, getppid_audit },
};

/* For the same reason this one has to be asked for */
static const struct row audit_32 = { "audit-32", COMPAT, getppid_audit };

static bool native;

/* The fast entry that the vDSO has, by its second byte: 0f 34 is SYSENTER */
static int vdso_entry(void)
{
	const unsigned char *p = (const void *)bench_sysinfo;
	int i;

	for (i = 0; p && i < 16; i++) {
		if (p[i] == 0x0f && (p[i + 1] == 0x34 || p[i + 1] == 0x05))
			return p[i + 1];
	}
	return 0;
}

static bool exists(const struct row *row)
{
	switch (row->where) {
	case ONLY_64:	return IS_64;
	case SYSENTER:	return !IS_64 && vdso_entry() == 0x34;
	case SYSCALL32:	return !IS_64 && vdso_entry() == 0x05;
	case NATIVE:	return native;
	case COMPAT:	return !native;
	case X32_ABI:	return IS_64 && syscall(SYS_getppid | X32) == getppid();
	}
	return false;
}

static bool wanted(const struct row *row, char **names)
{
	bool any = false;

	for (; *names; names++) {
		if (!strcmp(*names, row->name))
			return true;
		any |= strcmp(*names, "--reverse") != 0;
	}
	return !any;
}

static int run_row(const struct row *row)
{
	struct sched_param param = { .sched_priority = 1 };
	int status = -1;
	pid_t child;

	fflush(stdout);
	row_name = row->name;
	child = fork();
	if (!child) {
		/* Nobody else gets the CPU if not called */
		check(!sched_setscheduler(0, SCHED_FIFO, &param), "no real time");
		row->function();
		exit(0);
	}
	waitpid(child, &status, 0);
	if (status)
		printf("%s: failed, status 0x%x\n", row->name, status);
	return status;
}

/* To the first CPU of nohz_full=, if there is one: context tracking is active there only */
static void move_to_nohz(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/nohz_full", "r");
	cpu_set_t set;
	int cpu;

	if (file && fscanf(file, "%d", &cpu) == 1) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		check(!sched_setaffinity(0, sizeof(set), &set), "no CPU %d", cpu);
	}
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	bool reverse = argc > 1 && !strcmp(argv[1], "--reverse");
	int bad = 0, last = ARRAY_SIZE(rows) - 1, i;
	struct utsname kernel;

	uname(&kernel);
	native = IS_64 == !strcmp(kernel.machine, "x86_64");
	bench_sysinfo = getauxval(AT_SYSINFO);
	stamps = mmap(NULL, TURNS * sizeof(*stamps), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(stamps != MAP_FAILED, "no memory");
	move_to_nohz();
	for (i = 0; i <= last; i++) {
		const struct row *row = &rows[reverse && i < last ? last - 1 - i : i];

		if (exists(row) && wanted(row, argv + 1))
			bad |= run_row(row);
	}
	if (argc > 1 && !strcmp(argv[argc - 1], audit_32.name) && exists(&audit_32))
		bad |= run_row(&audit_32);
	return bad != 0;
}
