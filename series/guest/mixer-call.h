/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mixer's system calls: made by any way into the kernel, perhaps stepped over, with
 * each register looked at when they return.
 */
#ifndef MIXER_CALL_H
#define MIXER_CALL_H

#include <limits.h>
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
#include <sys/wait.h>
#include <time.h>

#include "bench-kernel.h"
#include "mixer-entry.h"

#define PROCESSES	3
#define THREADS		2
#define WORKERS		(PROCESSES * THREADS)
#define MOST_STEPS	24
#define TF		0x100
#define RET		(char)0xc3
#define FLAGS_ALWAYS	0x202
/* CF, PF, AF, ZF, SF, DF, OF: what sigreturn restores */
#define FLAGS_RANDOM	0xcd5
#define X32		0x40000000
#define MAGIC		0x4d495845
#define BITS		(IS_64 ? 64 : 32)
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

/*
 * The last two of a 64-bit program are no system calls. With FRED the vDSO of a 32-bit
 * program does not use its SYSENTER.
 */
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
	AN_ENTRY("SYSENTER", enter_sysenter, true, 0),
#endif
};

enum { VSYSCALL = 3, SGDT = 4 };

static bool in_vdso(const struct entry *entry) { return !IS_64 && entry != &entries[0]; }

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
static bool plain, fred;
static int cpus;
#ifndef __x86_64__
static int vdso_steps[3];
#endif
static char self[PATH_MAX], twin[PATH_MAX];

/*** What went wrong ***/

static void *share(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

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
		dprintf(1, "FAIL %d-bit, seed %lu, worker %d, action %d (%s): %s\n", BITS, seed,
			me->number, me->action, me->doing, text);
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
		fail("missing step %s %s: expected a SIGTRAP at %#lx, got one at %#lx "
		     "(%d of %d, the instruction is at %#lx)", where, entry->name, (word)ip,
		     got, *i + 1, use->n, (word)entry->insn);
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
	if (in_vdso(entry)) {
		const char *landing = (char *)(entry->enter == enter_vdso ? mixer_vdso : mixer_sysenter);
		int *steps = &vdso_steps[entry - entries];

		while (memcmp(landing, "\xcd\x80", 2))
			landing++;
		landing += 2;
		while (i < use->n && use->ip[i] >= mixer_vdso && use->ip[i] < (word)landing)
			i++;
		if (!use->replaced)
			expect_step(use, &i, "after", landing);
		/* With FRED there is nothing but RET after the vDSO's INT $0x80 */
		if (*landing != RET)
			expect_step(use, &i, "after the landing pad of", landing + 1);
		while (i < use->n && use->ip[i] != (word)entry->after)
			i++;
		if (!*steps)
			*steps = use->n + use->replaced;
		expect("steps of the vDSO", *steps, use->n + use->replaced);
		use->replaced = false;
	}
#endif
	/* SIGSYS comes in the place of this one */
	if (!use->replaced)
		expect_step(use, &i, "after", entry->after);
	expect_step(use, &i, "at the end, after", entry->end);
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
	/* PUSHF shows it, too. Without FRED, SYSENTER loses the arithmetic flags. */
	use->out[FLAGS] &= ~TF;
	if (in_vdso(use->entry) && !fred)
		want[FLAGS] = use->out[FLAGS];
	verify_steps(use);
	for (i = 1; i < REGS; i++) {
		snprintf(what, sizeof(what), "%s after %s", names[i], use->entry->name);
		expect(what, want[i], use->out[i]);
	}
	return use->out[AX];
}

static int number_of(const struct entry *entry, struct call call)
{
	return entry->ia32 ? call.nr32 : call.nr64 | entry->bit;
}

static long architecture(const struct entry *entry)
{
	return entry->ia32 ? AUDIT_ARCH_I386 : (long)AUDIT_ARCH_X86_64;
}

/* What a way into the kernel does not look at is garbage. With FRED the base looks at it. */
static void set_number(struct use *use, int nr)
{
	word garbage = IS_64 && !(plain && fred) ? use->in[AX] & ~0xffffffffUL : 0;

	use->in[AX] = garbage | (unsigned int)nr;
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

#endif
