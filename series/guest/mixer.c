// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random work for the entry code, whose every result is known beforehand: system
 * calls by each way into the kernel, many of them stepped over by the program
 * itself, among signals, tracers, filters, faults, new processes and migration.
 *
 * usage: mixer [-n] SEED ROUNDS ACTIONS
 *	-n	no single steps by the program itself, and nothing that is missing here
 *
 * Some processes of some threads each, all of them workers, do ACTIONS actions a
 * round. What a worker does depends on the seed and on its number only; the seed of
 * each further round is one more.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/ucontext.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "bench-kernel.h"
#include "mixer-entry.h"

#define PROCESSES	3
#define THREADS		2
#define WORKERS		(PROCESSES * THREADS)
#define MOST_STEPS	24
#define TF		0x100
#define FLAGS_ALWAYS	0x202
/* CF, PF, AF, ZF, SF, DF, OF: what sigreturn restores */
#define FLAGS_RANDOM	0xcd5
#define X32		0x40000000
#define MAGIC		0x4d495845
#define RSEQ_SIGNATURE	0x53053053

#ifdef __x86_64__
# define IS_64		true
# define CONTEXT_IP	REG_RIP
# define CONTEXT_AX	REG_RAX
# define USER_IP(user)	((user).rip)
# define USER_SP(user)	((user).rsp)
# define USER_AX(user)	((user).rax)
# define USER_NR(user)	((user).orig_rax)
#else
# define IS_64		false
# define CONTEXT_IP	REG_EIP
# define CONTEXT_AX	REG_EAX
# define USER_IP(user)	((user).eip)
# define USER_SP(user)	((user).esp)
# define USER_AX(user)	((user).eax)
# define USER_NR(user)	((user).orig_eax)
#endif

/* Three real-time signals, whose handlers differ: see install() */
enum { SIG_RESTART, SIG_PLAIN, SIG_STACK, SIGNALS };

enum { N_CALLS, N_SIGNALS, N_STEPS, N_STOPS, N_TASKS, N_FAULTS, N_SWITCHED, NUMBERS };
static const char * const number_names[] = {
	"syscalls", "signals", "steps", "stops", "tasks", "faults", "switched"
};

static struct shared {
	long numbers[NUMBERS];
	long by_entry[4];
	int failed, done;
	volatile bool failure_told;
	struct {
		pid_t pid, tid;
		int sent[SIGNALS], got[SIGNALS];
	} worker[WORKERS];
} *shared;

/* Where 32-bit calls reach it */
struct arena {
	struct { uint32_t cpu_start, cpu; uint64_t cs; uint32_t flags, node, mm_cid, end; }
		rseq __attribute__((aligned(32)));
	uint64_t mask, old_mask;
	int64_t time[2];
	int32_t status, cpu, futex, stop;
	unsigned char byte;
	char stack[32768] __attribute__((aligned(4096)));
	char vfork_stack[65536];
	char page[4096];
};

struct entry {
	const char *name;
	entry_function *enter;
	const char *insn, *after, *end;
	bool ia32;
	int bit;
};

#define AN_ENTRY(name, function, ...)	\
	{ name, function, function##_insn, function##_after, function##_end, __VA_ARGS__ }

/* Those from ENTRIES on are no system calls */
static const struct entry entries[] = {
#ifdef __x86_64__
	AN_ENTRY("SYSCALL", enter_syscall, false, 0),
	AN_ENTRY("INT80", enter_int80, true, 0),
	AN_ENTRY("x32", enter_syscall, false, X32),
	AN_ENTRY("vsyscall", enter_vsyscall, false, 0),
	AN_ENTRY("SGDT", enter_sgdt, false, 0),
#else
	AN_ENTRY("INT80", enter_int80, true, 0),
	AN_ENTRY("vDSO", enter_vdso, true, 0),
#endif
};

enum { VSYSCALL = 3, SGDT = 4 };

static int n_entries = IS_64 ? 3 : 2;

static const struct call { int nr64, nr32; }
	GETPID = { 39, 20 }, GETTID = { 186, 224 }, GETPPID = { 110, 64 },
	LSEEK = { 8, 19 }, FUTEX = { 202, 240 }, TGKILL = { 234, 270 },
	SIGPROCMASK = { 14, 175 }, SIGSUSPEND = { 130, 179 }, PPOLL = { 271, 414 },
	READ = { 0, 3 }, WRITE = { 1, 4 }, SETAFFINITY = { 203, 241 }, GETCPU = { 309, 318 },
	MPROTECT = { 10, 125 }, FORK = { 57, 2 }, WAIT4 = { 61, 114 }, EXIT = { 231, 252 },
	NANOSLEEP = { 230, 407 }, RSEQ = { 334, 386 }, SIGRETURN = { 15, 173 },
	EXECVE = { 59, 11 }, YIELD = { 24, 158 };

/* How a call is made: the number of an entry, and whether it is stepped over */
#define STEPPED		0x10

/* One use of an entry */
struct use {
	const struct entry *entry;
	word in[REGS], out[REGS];
	bool stepped, replaced, overflow;
	int n;
	word ip[MOST_STEPS];
};

static __thread struct worker {
	int number, action;
	const char *doing;
	uint64_t random;
	struct arena *arena;
	struct use *step;
	pid_t pid, tid, ppid;
	int pipe[2], file;
	timer_t timer[SIGNALS];
	volatile int timer_got[SIGNALS];
	bool write_on_timer, trap_blocked;
	volatile char selector;
	/* The last SIGSYS, and the result which its handler sets */
	int n_sigsys;
	siginfo_t sigsys;
	word sigsys_ip, sigsys_ax, sigsys_result;
	volatile word fault;
} *me;

static unsigned long seed;
static bool plain;
#ifdef __x86_64__
static bool fred;
#else
static int vdso_steps;
#endif
static char self[PATH_MAX], twin[PATH_MAX];

/*** What went wrong ***/

static void count(int number) { __atomic_fetch_add(&shared->numbers[number], 1, __ATOMIC_RELAXED); }

static void pause_a_moment(void) { nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL); }

static void wait_until_told(void)
{
	int i;

	for (i = 0; i < 200 && !shared->failure_told; i++)
		pause_a_moment();
}

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	me->selector = 0;
	/* Others may fail because of the first one, but not end before it has said so */
	if (!__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST)) {
		dprintf(1, "FAIL %d-bit, seed %lu, worker %d, action %d (%s): %s\n", IS_64 ? 64 : 32,
			seed, me->number, me->action, me->doing, text);
		shared->failure_told = true;
	}
	wait_until_told();
	_exit(99);
}

static void expect(const char *what, long want, long got)
{
	if (want != got)
		fail("%s: expected %ld (%#lx), got %ld (%#lx)", what, want, want, got, got);
}

/*** Chance ***/

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t chance(void)
{
	me->random += 0x9e3779b97f4a7c15;
	return mix(me->random);
}

static unsigned int below(unsigned int n) { return chance() % n; }

static int any_how(void)
{
	return below(n_entries) | (!plain && !below(3) ? STEPPED : 0);
}

/*** Calls ***/

static void prepare(struct use *use, int how)
{
	int i;

	memset(use, 0, sizeof(*use));
	use->entry = &entries[how & ~STEPPED];
	use->stepped = how & STEPPED;
	for (i = 0; i < REGS; i++)
		use->in[i] = mix(me->random + i);
	use->in[FLAGS] = FLAGS_ALWAYS | (use->in[FLAGS] & FLAGS_RANDOM) | (use->stepped ? TF : 0);
}

static void enter(struct use *use)
{
	struct use *outer = me->step;

	memcpy(use->out, use->in, sizeof(use->in));
	/* Of a call that is not stepped over, no SIGTRAP may come */
	me->step = use;
	use->entry->enter(use->out);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	me->step = outer;
}

static void expect_step(struct use *use, int *i, const char *where, const void *ip)
{
	const struct entry *entry = use->entry;
	word got = *i < use->n ? use->ip[*i] : 0;

	if (got != (word)ip)
		fail("missing step %s %s: expected a SIGTRAP at %#lx, got one at %#lx (%d of %d, the instruction is at %#lx)",
		     where, entry->name, (word)ip, got, *i + 1, use->n, (word)entry->insn);
	++*i;
}

static void verify_steps(struct use *use)
{
	const struct entry *entry = use->entry;
	int i = 0;

	if (!use->stepped) {
		expect("SIGTRAPs without a step", 0, use->n);
		return;
	}
	expect("more SIGTRAPs than there can be", false, use->overflow);
	expect_step(use, &i, "before", entry->insn);
#ifdef __x86_64__
	if (entry == &entries[VSYSCALL])
		expect_step(use, &i, "to", (void *)use->in[AX]);
#else
	if (entry->enter == enter_vdso) {
		const char *landing = (char *)mixer_vdso;

		while (memcmp(landing, "\xcd\x80", 2))
			landing++;
		landing += 2;
		while (i < use->n && use->ip[i] >= mixer_vdso && use->ip[i] < (word)landing)
			i++;
		if (!use->replaced)
			expect_step(use, &i, "behind", landing);
		expect_step(use, &i, "behind the landing pad of", landing + 1);
		while (i < use->n && use->ip[i] != (word)entry->after)
			i++;
		if (!vdso_steps)
			vdso_steps = use->n + use->replaced;
		expect("steps of the vDSO", vdso_steps, use->n + use->replaced);
		use->replaced = false;
	}
#endif
	/* SIGSYS comes in the place of this one */
	if (!use->replaced)
		expect_step(use, &i, "behind", entry->after);
	expect_step(use, &i, "at the end, behind", entry->end);
	expect("steps", i, use->n);
}

/* All registers as they have to be. Returns the result. */
static long verify(struct use *use)
{
	static const char * const names[] = {
#ifdef __x86_64__
		"RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "R8", "R9", "R10", "R11",
		"R12", "R13", "R14", "R15", "EFLAGS"
#else
		"EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "EFLAGS"
#endif
	};
	word want[REGS];
	char what[80];
	int i;

	memcpy(want, use->in, sizeof(want));
	want[FLAGS] &= ~TF;
#ifdef __x86_64__
	if (use->entry->enter == enter_syscall && !fred) {
		want[CX] = (word)use->entry->after;
		want[R11] = use->in[FLAGS];
		/* That of a tracer who steps */
		if (!use->stepped)
			use->out[R11] &= ~TF;
	}
#endif
	/* PUSHF shows it, too. SYSENTER loses the arithmetic flags. */
	use->out[FLAGS] &= ~TF;
	if (!IS_64 && !strcmp(use->entry->name, "vDSO"))
		want[FLAGS] = use->out[FLAGS];
	verify_steps(use);
	for (i = 1; i < REGS; i++) {
		snprintf(what, sizeof(what), "%s behind %s", names[i], use->entry->name);
		expect(what, want[i], use->out[i]);
	}
	return use->out[AX];
}

static int number_of(const struct entry *entry, struct call call)
{
	return entry->ia32 ? call.nr32 : call.nr64 | entry->bit;
}

/* What a way into the kernel does not look at is garbage */
static void set_number(struct use *use, int nr)
{
	use->in[AX] = IS_64 ? (use->in[AX] & ~0xffffffffUL) | (unsigned int)nr : (unsigned int)nr;
}

static void prepare_call(struct use *use, int how, struct call call, const word *args)
{
#ifdef __x86_64__
	static const int regs64[] = { DI, SI, DX, R10, R8, R9 };
#endif
	static const int regs32[] = { BX, CX, DX, SI, DI, BP };
	const struct entry *entry;
	int i;

	prepare(use, how);
	entry = use->entry;
	set_number(use, number_of(entry, call));
	for (i = 0; i < 6; i++) {
#ifdef __x86_64__
		if (!entry->ia32) {
			use->in[regs64[i]] = args[i];
			continue;
		}
		/* The upper halves are ignored */
		use->in[regs32[i]] = (use->in[regs32[i]] << 32) | (uint32_t)args[i];
#else
		use->in[regs32[i]] = args[i];
#endif
	}
	count(N_CALLS);
	__atomic_fetch_add(&shared->by_entry[how & ~STEPPED], 1, __ATOMIC_RELAXED);
}

static long call6(int how, struct call call, const word *args)
{
	struct use use;

	prepare_call(&use, how, call, args);
	enter(&use);
	return verify(&use);
}

#define call(how, which, ...)	call6(how, which, (word[6]){ __VA_ARGS__ })
#define any(which, ...)		call(any_how(), which, __VA_ARGS__)

static void wait_for(pid_t pid, int want)
{
	int how = any_how();
	long got;

	do
		got = call(how, WAIT4, pid, (word)&me->arena->status, __WALL, 0);
	while (got == -EINTR);
	expect("wait4()", pid, got);
	expect("status of a child", want, me->arena->status);
}

/*** Handlers ***/

static void on_trap(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
	word ip = machine->gregs[CONTEXT_IP];
	struct use *use = me->step;

	(void)sig;
	if (!use || !use->stepped)
		fail("SIGTRAP without a step at %#lx", ip);
	expect("si_code of a step", TRAP_TRACE, info->si_code);
	expect("si_addr of a step", ip, (word)info->si_addr);
	expect("TF in the context of a step", TF, machine->gregs[REG_EFL] & TF);
	count(N_STEPS);
	if (use->n == MOST_STEPS)
		use->overflow = true;
	else
		use->ip[use->n++] = ip;
	if (use->overflow || ip == (word)use->entry->end)
		machine->gregs[REG_EFL] &= ~TF;
}

/* Whatever else is at work, a handler can make calls, and step over them */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	char here, selector = me->selector, *stack = me->arena->stack;
	int which = sig - SIGRTMIN, *got = shared->worker[me->number].got;
	uint64_t random = me->random;

	(void)context;
	me->selector = 0;
	me->random = mix(me->number + sig * 1000 + got[which] * 1000000);
	count(N_SIGNALS);
	if (info->si_code == SI_TIMER)
		me->timer_got[which]++;
	else
		got[which]++;
	if (which == SIG_STACK)
		expect("handler on its stack", true, &here >= stack && &here < stack + sizeof(me->arena->stack));
	if (info->si_code == SI_TIMER && me->write_on_timer)
		expect("write() by a handler", 1, any(WRITE, me->pipe[1], (word)&me->arena->byte, 1));
	else if (!below(2))
		expect("gettid() by a handler", me->tid, me->trap_blocked ? call(0, GETTID) : any(GETTID));
	me->random = random;
	me->selector = selector;
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;

	(void)sig;
	me->selector = 0;
	me->n_sigsys++;
	me->sigsys = *info;
	me->sigsys_ip = machine->gregs[CONTEXT_IP];
	me->sigsys_ax = machine->gregs[CONTEXT_AX];
	machine->gregs[CONTEXT_AX] = me->sigsys_result;
	if (me->step)
		me->step->replaced = true;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;

	(void)sig;
	if (!me->fault)
		fail("SIGSEGV at %#lx, address %#lx", (word)machine->gregs[CONTEXT_IP], (word)info->si_addr);
	expect("address of a fault", me->fault, (word)info->si_addr);
	me->fault = 0;
	count(N_FAULTS);
	expect("mprotect()", 0, any(MPROTECT, (word)me->arena->page, sizeof(me->arena->page), PROT_READ | PROT_WRITE));
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGTRAP);
	sigdelset(&action.sa_mask, SIGSYS);
	sigdelset(&action.sa_mask, SIGSEGV);
	sigaction(sig, &action, NULL);
}

static void install(void)
{
	handle(SIGTRAP, on_trap, SA_NODEFER);
	handle(SIGSYS, on_sigsys, 0);
	handle(SIGSEGV, on_fault, 0);
	handle(SIGRTMIN + SIG_RESTART, on_signal, SA_RESTART);
	handle(SIGRTMIN + SIG_PLAIN, on_signal, 0);
	handle(SIGRTMIN + SIG_STACK, on_signal, SA_ONSTACK | SA_RESTART);
}

/* Bit n is signal n + 1. Returns the mask that was there before. */
static uint64_t set_mask(uint64_t mask)
{
	struct arena *arena = me->arena;

	arena->mask = mask;
	expect("sigprocmask()", 0, any(SIGPROCMASK, SIG_SETMASK, (word)&arena->mask, (word)&arena->old_mask, 8));
	return arena->old_mask;
}

static uint64_t mask_of(int which) { return 1ULL << (SIGRTMIN + which - 1); }
static uint64_t all_of_ours(void) { return mask_of(0) | mask_of(1) | mask_of(2); }

static void unmask(uint64_t want)
{
	uint64_t was = set_mask(0);

	expect("mask of signals", want, was);
}

/*** Actions ***/

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

static void arguments(void)
{
	struct arena *arena = me->arena;
	unsigned int i, offset, value = chance();

	for (i = 0; i < 3; i++) {
		offset = below(INT_MAX);
		expect("lseek()", offset, any(LSEEK, me->file, offset, SEEK_SET));
		expect("lseek() by nothing", offset, any(LSEEK, me->file, 0, SEEK_CUR));
	}
	/* All of the six matter */
	arena->futex = value;
	expect("futex()", 0, any(FUTEX, (word)&arena->futex, FUTEX_CMP_REQUEUE, 1, 1, (word)&arena->status, value));
	expect("futex(), other value", -EAGAIN,
	       any(FUTEX, (word)&arena->futex, FUTEX_CMP_REQUEUE, 1, 1, (word)&arena->status, value + 1));
	expect("futex(), not aligned", -EINVAL,
	       any(FUTEX, (word)&arena->futex, FUTEX_CMP_REQUEUE, 1, 1, (word)&arena->status + 1, value));
	expect("futex(), negative", -EINVAL,
	       any(FUTEX, (word)&arena->futex, FUTEX_CMP_REQUEUE, 1, -1, (word)&arena->status, value));
}

static void send_signals(void)
{
	int i, to, which;
	long error;

	for (i = 0; i < 3; i++) {
		to = below(3) ? (int)below(WORKERS) : me->number;
		which = below(SIGNALS);
		__atomic_fetch_add(&shared->worker[to].sent[which], 1, __ATOMIC_SEQ_CST);
		error = any(TGKILL, shared->worker[to].pid, shared->worker[to].tid, SIGRTMIN + which);
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

static void migrate(void)
{
	struct arena *arena = me->arena;
	unsigned int cpu = below(2);

	arena->mask = 1 << cpu;
	expect("sched_setaffinity()", 0, any(SETAFFINITY, 0, sizeof(arena->mask), (word)&arena->mask));
	expect("getcpu()", 0, any(GETCPU, (word)&arena->cpu, 0, 0));
	expect("CPU", cpu, arena->cpu);
	arena->mask = 3;
	expect("sched_setaffinity()", 0, any(SETAFFINITY, 0, sizeof(arena->mask), (word)&arena->mask));
}

/* Returns in both; parent and child have the same steps to take behind the call */
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
	pid_t child = clone(vfork_child, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)(long)me->pid);

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
		expect("execve() of nothing", -ENOENT, call(how, EXECVE, (word)"/none", (word)args, 0));
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
	expect("byte behind a fault", 77, *byte);
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

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
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
	expect("si_arch", entry->ia32 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64, (unsigned int)me->sigsys.si_arch);
	expect("si_call_addr", me->sigsys_ip, (word)me->sigsys.si_call_addr);
	expect("AX for SIGSYS", number_of(entry, which), (int)me->sigsys_ax);
}

static void filtered(void)
{
	static const int actions[] = {
		SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_TRAP, SECCOMP_RET_TRACE, SECCOMP_RET_LOG
	};
	/* The kernel writes about what it logs: seldom */
	int i, value = 1 + below(200), action = actions[below(20) ? below(4) : 4];
	pid_t child = start_child();

	if (child) {
		wait_for(child, 0);
		return;
	}
	install_filter(action | value);
	for (i = 0; i < 4; i++) {
		if (action == SECCOMP_RET_TRAP) {
			expect_sigsys(any_how(), GETPPID, MAGIC, 1);
			expect("si_errno", value, me->sigsys.si_errno);
		} else {
			expect("getppid(), filtered", action == SECCOMP_RET_ERRNO ? -value :
			       action == SECCOMP_RET_TRACE ? -ENOSYS : me->ppid, any(GETPPID, 0, MAGIC));
		}
		expect("getppid(), not filtered", me->ppid, any(GETPPID, MAGIC, MAGIC + 1));
	}
	leave(0);
}

/* All but the entries, and the vDSO, may always call */
static int dispatch(int on)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, on, on ? 4096 : 0, on ? (word)entries[0].enter - 8192 : 0,
		     on ? &me->selector : NULL);
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

	if (__rseq_size && syscall(SYS_rseq, libc, 32, 1, RSEQ_SIGNATURE))
		fail("the C library's rseq: %d", errno);
	memset(&arena->rseq, 0, sizeof(arena->rseq));
	expect("rseq()", 0, any(RSEQ, own, 32, 0, RSEQ_SIGNATURE));
	expect("rseq() again", -EBUSY, any(RSEQ, own, 32, 0, RSEQ_SIGNATURE));
	expect("rseq() elsewhere", -EINVAL, any(RSEQ, own + 4096, 32, 0, RSEQ_SIGNATURE));
	expect("rseq(), other signature", -EPERM, any(RSEQ, own, 32, 1, RSEQ_SIGNATURE + 1));
	migrate();
	arena->mask = 1 << below(2);
	expect("sched_setaffinity()", 0, any(SETAFFINITY, 0, sizeof(arena->mask), (word)&arena->mask));
	expect("CPU of rseq", arena->mask - 1, arena->rseq.cpu);
	expect("first CPU of rseq", arena->rseq.cpu, arena->rseq.cpu_start);
	arena->mask = 3;
	expect("sched_setaffinity()", 0, any(SETAFFINITY, 0, sizeof(arena->mask), (word)&arena->mask));
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
	expect("AX behind SGDT", use.in[AX], verify(&use));
	prepare(&use, VSYSCALL | step);
	use.in[AX] = pages[which];
	use.in[DI] = which == 2 ? (word)&me->arena->cpu : 0;
	use.in[SI] = use.in[DX] = 0;
	enter(&use);
	result = verify(&use);
	if (which != 1)
		expect("vsyscall", 0, result);
	else if (result < before || result > time(NULL))
		fail("time() by vsyscall: %ld, not between %ld and %ld", result, before, time(NULL));
}
#else
static void emulated(void) { arguments(); }
#endif

#include "mixer-trace.h"

static const struct action {
	const char *name;
	void (*act)(void);
	int weight;
} actions[] = {
	{ "identities", identities, 8 },
	{ "no such call", no_such_call, 4 },
	{ "arguments", arguments, 5 },
	{ "send signals", send_signals, 12 },
	{ "suspend", suspend, 4 },
	{ "restart", restart, 4 },
	{ "migrate", migrate, 4 },
	{ "child exits", child_exits, 3 },
	{ "child in our memory", child_in_our_memory, 2 },
	{ "other thread", other_thread, 2 },
	{ "child executes", child_executes, 1 },
	{ "stop and continue", stop_and_continue, 1 },
	{ "page fault", page_fault, 4 },
	{ "filtered", filtered, 2 },
	{ "dispatched", dispatched, 4 },
	{ "other rseq", other_rseq, 3 },
	{ "emulated", emulated, 4 },
	{ "traced calls", traced_calls, 2 },
	{ "traced steps", traced_steps, 2 },
	{ "traced emulation", traced_emulation, 2 },
	{ "traced filter", traced_filter, 2 },
	{ "seized", seized, 2 },
};

#define N_ACTIONS	((int)(sizeof(actions) / sizeof(actions[0])))

/*** Workers ***/

/* No way on until all workers are here, n times */
static void meet(int n)
{
	__atomic_fetch_add(&shared->done, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST) < n * WORKERS) {
		if (__atomic_load_n(&shared->failed, __ATOMIC_SEQ_CST)) {
			wait_until_told();
			_exit(98);
		}
		pause_a_moment();
	}
}

static void one_action(void)
{
	int i, weight, sum = 0;

	for (i = 0; i < N_ACTIONS; i++)
		sum += actions[i].weight;
	weight = below(sum);
	for (i = 0; weight >= actions[i].weight; i++)
		weight -= actions[i].weight;
	me->doing = actions[i].name;
	actions[i].act();
}

static int n_actions;

static void *work(void *number)
{
	struct arena *arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | (IS_64 ? MAP_32BIT : 0), -1, 0);
	struct worker worker = { .number = (long)number, .arena = arena, .pid = getpid(), .tid = gettid(),
				 .ppid = getppid(), .doing = "start" };
	stack_t stack = { .ss_sp = arena->stack, .ss_size = sizeof(arena->stack) };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };
	int i;

	me = &worker;
	me->random = mix(seed * 1000 + me->number);
	me->file = memfd_create("file", 0);
	if (arena == MAP_FAILED || me->file < 0 || pipe(me->pipe) || sigaltstack(&stack, NULL))
		fail("no memory, file, pipe or stack: %d", errno);
	event._sigev_un._tid = me->tid;
	for (i = 0; i < SIGNALS; i++) {
		event.sigev_signo = SIGRTMIN + i;
		expect("timer_create()", 0, timer_create(CLOCK_MONOTONIC, &event, &me->timer[i]));
	}
	shared->worker[me->number].pid = me->pid;
	shared->worker[me->number].tid = me->tid;
	meet(1);
	for (me->action = 0; me->action < n_actions; me->action++)
		one_action();
	me->doing = "end";
	/* What was sent is delivered before this worker does anything else */
	meet(2);
	any(GETPID);
	for (i = 0; i < SIGNALS; i++)
		expect("signals", shared->worker[me->number].sent[i], shared->worker[me->number].got[i]);
	meet(3);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	return NULL;
}

static void process(long number)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 1; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(number * THREADS + i));
	work((void *)(number * THREADS));
	for (i = 1; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/*** What is turned on and off meanwhile ***/

#ifdef __x86_64__
static long offset_in_file(const char *address)
{
	const Elf64_Phdr *head = (void *)getauxval(AT_PHDR);
	int i, n = getauxval(AT_PHNUM);

	for (i = 0; i < n; i++) {
		if (head[i].p_type == PT_LOAD && (word)address - head[i].p_vaddr < head[i].p_filesz)
			return (word)address - head[i].p_vaddr + head[i].p_offset;
	}
	return -1;
}

/* Uprobes on a NOP, which the kernel emulates, and on what it has to execute elsewhere */
static void make_probes(void)
{
	char text[4 * PATH_MAX] = "";
	int i, n = 0;

	for (i = 0; i < 2; i++) {
		n += snprintf(text + n, sizeof(text) - n, "p:mixer/after%d %s:%#lx\np:mixer/end%d %s:%#lx\n",
			      i, self, offset_in_file(entries[i].after), i, self, offset_in_file(entries[i].end));
	}
	if (tracing_write("uprobe_events", text) && !plain) {
		puts("FAIL no uprobes");
		exit(1);
	}
}

static bool is_on[3];

static void switch_it(int what)
{
	int bad;

	is_on[what] = !is_on[what];
	if (what == 0)
		bad = tracing_write("events/raw_syscalls/enable", is_on[what] ? "1" : "0");
	else if (what == 1)
		bad = tracing_write("events/mixer/enable", is_on[what] ? "1" : "0");
	else
		bad = audit_enable(is_on[what]);
	if (!bad)
		count(N_SWITCHED);
	else if (!plain)
		fail("tracepoints, uprobes or audit (%d) cannot be switched", what);
}

static void switch_something(void) { switch_it(below(3)); }

static void switch_all_off(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (is_on[i])
			switch_it(i);
	}
}
#else
static void make_probes(void) { }
static void switch_something(void) { }
static void switch_all_off(void) { }
#endif

/*** Rounds ***/

static bool one_round(void)
{
	struct worker switcher = { .number = WORKERS, .doing = "switch" };
	bool good = true;
	int i, status;
	pid_t pid;

	me = &switcher;
	me->random = mix(seed);
	shared->done = 0;
	memset(shared->worker, 0, sizeof(shared->worker));
	for (i = 0; i < PROCESSES; i++) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			process(i);
		}
	}
	for (i = 0; i < PROCESSES; ) {
		pid = waitpid(-1, &status, WNOHANG);
		if (!pid) {
			pause_a_moment();
			switch_something();
			continue;
		}
		i++;
		/* Without a word, if the kernel has killed it */
		if (status && !__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
			printf("FAIL %d-bit, seed %lu: a process ended with status %#x\n", IS_64 ? 64 : 32, seed, status);
		good &= !status;
	}
	switch_all_off();
	return good;
}

static void probe(void)
{
	struct worker worker = { .doing = "start" };

	me = &worker;
	worker.arena = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef __x86_64__
	struct use use;

	prepare_call(&use, 0, GETPID, (word[6]){ 0 });
	enter(&use);
	/* There SYSCALL keeps them */
	fred = use.out[CX] == use.in[CX];
	if (plain && call(2, GETPID) == -ENOSYS)
		n_entries = 2;
#else
	mixer_vdso = getauxval(AT_SYSINFO);
	if (!mixer_vdso)
		fail("no vDSO");
#endif
	munmap(worker.arena, 4096);
}

int main(int argc, char **argv)
{
	int i, rounds, round = 0;
	struct timespec begin, end;
	bool good = true;

	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	plain = argc == 5 && !strcmp(argv[1], "-n");
	if (argc != 4 + plain) {
		fprintf(stderr, "usage: mixer [-n] SEED ROUNDS ACTIONS\n");
		return 2;
	}
	argv += plain;
	seed = strtoul(argv[1], NULL, 0);
	rounds = atoi(argv[2]);
	n_actions = atoi(argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	i = readlink("/proc/self/exe", self, sizeof(self) - 1);
	strcpy(twin, self);
	if (i > 2)
		memcpy(twin + i - 2, IS_64 ? "32" : "64", 2);
	if (access(twin, X_OK))
		strcpy(twin, self);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	install();
	probe();
	make_probes();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (round = 0; good && round < rounds; round++) {
		good = one_round();
		seed += good;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s %d-bit:", good ? "ok" : "not ok", IS_64 ? 64 : 32);
	for (i = 0; i < NUMBERS; i++)
		printf(" %ld %s,", shared->numbers[i], number_names[i]);
	printf(" %ld seconds; calls by", (long)(end.tv_sec - begin.tv_sec));
	for (i = 0; i < n_entries; i++)
		printf(" %s %ld", entries[i].name, shared->by_entry[i]);
	puts("");
	if (!good)
		printf("again: SEED=%lu\n", seed);
	return !good;
}
