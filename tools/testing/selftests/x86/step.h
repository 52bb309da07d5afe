/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Self-stepping: a program sets EFLAGS.TF, a SIGTRAP handler logs every trap,
 * and a test compares the log with the list that it expects.
 *
 *	STEP_CODE(two_nops,
 *		STEP_AT "nop\n"
 *		STEP_AT "nop\n");
 *
 *	step_install(0);
 *	step_run(two_nops, 0, 0, 0);
 *	EXPECT_TRUE(step_check(two_nops_want));
 */
#ifndef SELFTEST_X86_STEP_H
#define SELFTEST_X86_STEP_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
# define STEP_REG_IP	REG_RIP
# define STEP_REG_SP	REG_RSP
# define STEP_REG_AX	REG_RAX
# define STEP_REG_FL	REG_EFL
# define STEP_PTR	".quad"
# define STEP_CALL
#else
# define STEP_REG_IP	REG_EIP
# define STEP_REG_SP	REG_ESP
# define STEP_REG_AX	REG_EAX
# define STEP_REG_FL	REG_EFL
# define STEP_PTR	".long"
# define STEP_CALL	__attribute__((regparm(3)))
#endif

#define STEP_TF		0x100UL
#define STEP_TRAP_DB	1	/* vector of #DB, in REG_TRAPNO */
#define STEP_MAX	256

#ifndef TRAP_TRACE
#define TRAP_TRACE	2
#endif

#define STEP_STR_(x)	#x
#define STEP_STR(x)	STEP_STR_(x)

struct step_trap {
	unsigned long ip;
	unsigned long flags;	/* EFLAGS of the context */
	unsigned long addr;	/* si_addr */
	unsigned long trapno;
	unsigned long err;
	int code;		/* si_code */
	int tid;		/* of the task that was trapped */
};

struct step_log {
	unsigned long end;	/* stepping ends with a trap here; 0: never */
	unsigned int count;	/* of all traps, may exceed STEP_MAX */
	struct step_trap trap[STEP_MAX];
};

/* Where the handler writes. Tests may point it to shared memory. */
static struct step_log step_own_log;
static struct step_log *step_log = &step_own_log;

/* If set, returns the log of the calling task. Must not use TLS. */
static struct step_log *(*step_find_log)(void);

/* Not through libc, which may use the vDSO, errno and TLS */
static inline int step_gettid(void)
{
	long ret;

#ifdef __x86_64__
	asm volatile("syscall" : "=a" (ret) : "0" (SYS_gettid) : "rcx", "r11", "memory");
#else
	asm volatile("int $0x80" : "=a" (ret) : "0" (SYS_gettid) : "memory");
#endif
	return ret;
}

#ifdef __x86_64__
/* Does this kernel have the 32-bit system calls? They may still be broken. */
static inline bool step_have_int80(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		asm volatile("int $0x80" : : "a" (20) : "r8", "r9", "r10", "r11", "memory");
		_exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	       WTERMSIG(status) != SIGSEGV;
}
#endif

static inline void step_handler(int sig, siginfo_t *info, void *ctx)
{
	struct step_log *log = step_find_log ? step_find_log() : step_log;
	ucontext_t *uc = ctx;
	greg_t *gregs = uc->uc_mcontext.gregs;
	unsigned int i = __atomic_fetch_add(&log->count, 1, __ATOMIC_SEQ_CST);

	if (i < STEP_MAX) {
		struct step_trap *t = &log->trap[i];

		t->ip = gregs[STEP_REG_IP];
		t->flags = gregs[STEP_REG_FL];
		t->addr = (unsigned long)info->si_addr;
		t->trapno = gregs[REG_TRAPNO];
		t->err = gregs[REG_ERR];
		t->code = info->si_code;
		t->tid = step_gettid();
	}

	if (i + 1 >= STEP_MAX || (unsigned long)gregs[STEP_REG_IP] == log->end)
		gregs[STEP_REG_FL] &= ~STEP_TF;
}

/* flags: additional SA_* bits, like SA_ONSTACK. Returns what sigaction() returns. */
static inline int step_install(int flags)
{
	struct sigaction sa = {
		.sa_sigaction = step_handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&sa.sa_mask);
	return sigaction(SIGTRAP, &sa, NULL);
}

/* Empty the log. Stepping ends at this address, or never if it is 0. */
static inline void step_reset(const void *end)
{
	memset(step_log, 0, sizeof(*step_log));
	step_log->end = (unsigned long)end;
}

/* From here on, children of fork() share the log */
static inline bool step_share_log(void)
{
	void *p = mmap(NULL, sizeof(*step_log), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	step_log = p;
	return true;
}

/*
 * Text for asm. It writes below the stack pointer: do not use it for inline asm
 * in a function that may have a red zone. The first trap comes right after STEP_ON.
 */
#ifdef __x86_64__
# define STEP_ON	"pushfq\n orl $0x100,(%rsp)\n popfq\n nop\n"
# define STEP_OFF	"pushfq\n andl $~0x100,(%rsp)\n popfq\n"
# define STEP_SAVE	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
# define STEP_RESTORE	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
# define STEP_ARGS	""
/* How this kind of program makes its system calls */
# define STEP_SYSCALL	"syscall\n"
#else
# define STEP_ON	"pushfl\n orl $0x100,(%esp)\n popfl\n nop\n"
# define STEP_OFF	"pushfl\n andl $~0x100,(%esp)\n popfl\n"
# define STEP_SAVE	"push %ebx\n push %ebp\n push %esi\n push %edi\n"
# define STEP_RESTORE	"pop %edi\n pop %esi\n pop %ebp\n pop %ebx\n"
# define STEP_ARGS	"mov %eax,%ebx\n xchg %ecx,%edx\n"
# define STEP_SYSCALL	"int $0x80\n"
#endif

/* In STEP_CODE(), before an instruction: expect a trap with this ip */
#define STEP_AT								\
	"771:\n"							\
	".pushsection .data.step_want,\"aw\",@progbits\n"		\
	STEP_PTR " 771b\n"						\
	".popsection\n"

/*
 * Define long name(long, long, long), which steps through the given
 * instructions. They find its arguments in the registers for the first three
 * arguments of a system call. Its result is AX. name_want lists the addresses
 * marked by STEP_AT, in the order of the text, and ends with 0. The last address
 * is name_end, right after the given text. Stepping ends there, even if no trap
 * is reported.
 */
#define STEP_CODE_(name, on, text)					\
	extern long STEP_CALL name(long a, long b, long c);		\
	extern const unsigned long name##_want[];			\
	extern const char name##_end[];					\
	asm(".pushsection .text\n"					\
	    ".globl " #name ", " #name "_want, " #name "_end\n"		\
	    ".pushsection .data.step_want,\"aw\",@progbits\n"		\
	    ".balign 8\n"						\
	    #name "_want:\n"						\
	    ".popsection\n"						\
	    ".type " #name ", @function\n"				\
	    #name ":\n"							\
	    STEP_SAVE							\
	    STEP_ARGS							\
	    on								\
	    text							\
	    STEP_AT							\
	    #name "_end:\n"						\
	    "nop\n"							\
	    STEP_OFF							\
	    STEP_RESTORE						\
	    "ret\n"							\
	    ".size " #name ", . - " #name "\n"				\
	    ".pushsection .data.step_want,\"aw\",@progbits\n"		\
	    STEP_PTR " 0\n"						\
	    ".popsection\n"						\
	    ".popsection\n")

#define STEP_CODE(name, text)	STEP_CODE_(name, STEP_ON, text)

/* The same, but it does not set TF */
#define STEP_PLAIN_CODE(name, text)	STEP_CODE_(name, "", text)

/*
 * Bare text, after STEP_ON or "". It is not a function and must not reach its end.
 * Has name_want, but no name_end.
 */
#define STEP_BARE_CODE(name, on, text)					\
	extern const char name[];					\
	extern const unsigned long name##_want[];			\
	asm(".pushsection .text\n"					\
	    ".globl " #name ", " #name "_want\n"			\
	    ".pushsection .data.step_want,\"aw\",@progbits\n"		\
	    ".balign 8\n"						\
	    #name "_want:\n"						\
	    ".popsection\n"						\
	    #name ":\n"							\
	    on								\
	    text							\
	    "ud2\n"							\
	    ".pushsection .data.step_want,\"aw\",@progbits\n"		\
	    STEP_PTR " 0\n"						\
	    ".popsection\n"						\
	    ".popsection\n")

/* Step through a STEP_CODE() with an empty log. Other code needs step_reset(). */
#define step_run(name, a, b, c)						\
	(step_reset(name##_end), name((long)(a), (long)(b), (long)(c)))

/* If set, the name of the list in what step_check*() print */
static const char *step_tag;

static inline void step_print_tag(unsigned int trap)
{
	fprintf(stderr, "# %s%strap %u: ", step_tag ? step_tag : "", step_tag ? ": " : "", trap);
}

/*
 * Has task tid (0: any task) logged exactly this list of addresses, which ends
 * with 0, and is every trap a proper one? Print the first difference.
 * Offsets are relative to the first address of the list.
 */
static inline bool step_check_log(const struct step_log *log, int tid, const unsigned long *want)
{
	unsigned int i, n = 0, count = log->count < STEP_MAX ? log->count : STEP_MAX;
	unsigned long base = want[0];

	for (i = 0; i < count; i++) {
		const struct step_trap *t = &log->trap[i];

		if (tid && t->tid != tid)
			continue;
		if (!want[n]) {
			step_print_tag(n);
			fprintf(stderr, "expected none, got ip %#lx (%+ld)\n",
				t->ip, (long)(t->ip - base));
			return false;
		}
		if (t->ip != want[n]) {
			step_print_tag(n);
			fprintf(stderr, "expected ip %#lx (%+ld), got %#lx (%+ld)\n",
				want[n], (long)(want[n] - base), t->ip, (long)(t->ip - base));
			return false;
		}
		if (t->code != TRAP_TRACE || t->addr != t->ip ||
		    t->trapno != STEP_TRAP_DB || t->err || !(t->flags & STEP_TF)) {
			step_print_tag(n);
			fprintf(stderr, "at ip %#lx (%+ld): ", t->ip, (long)(t->ip - base));
			fprintf(stderr, "si_code %d si_addr %#lx trapno %lu err %#lx flags %#lx\n",
				t->code, t->addr, t->trapno, t->err, t->flags);
			return false;
		}
		n++;
	}
	if (want[n]) {
		step_print_tag(n);
		fprintf(stderr, "expected ip %#lx (%+ld), got none\n",
			want[n], (long)(want[n] - base));
		return false;
	}
	return true;
}

static inline bool step_check(const unsigned long *want)
{
	return step_check_log(step_log, 0, want);
}

/* A list of expected addresses that a test puts together. Zeroed at the start. */
struct step_want {
	unsigned int n;
	unsigned long ip[STEP_MAX];
};

static inline void step_want_ip(struct step_want *w, unsigned long ip)
{
	if (w->n < STEP_MAX - 1)
		w->ip[w->n++] = ip;
}

/* Add addresses number from to number to, inclusive, of a name_want */
static inline void step_want_range(struct step_want *w, const unsigned long *table,
				   unsigned int from, unsigned int to)
{
	while (from <= to)
		step_want_ip(w, table[from++]);
}

/* Add addresses number from and up of a name_want */
static inline void step_want_tail(struct step_want *w, const unsigned long *table,
				  unsigned int from)
{
	while (table[from])
		step_want_ip(w, table[from++]);
}

#endif /* SELFTEST_X86_STEP_H */
