// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps over instructions that the kernel completes instead of the CPU:
 * calls of the vsyscall page, instructions that UMIP forbids, CLI and STI under
 * iopl(3), and instructions with a uprobe. One SIGTRAP comes after each, for a
 * program that steps itself and for a tracer, and none if the emulation fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "seccomp_filter.h"
#include "step.h"
#include "uprobe.h"

#ifndef SYS_SECCOMP
# define SYS_SECCOMP	1
#endif

#define PROBE_REFUSED	524	/* ENOTSUPP: internal, but perf_event_open() returns it */
#define DR_STEP		0x4000	/* the BS bit of DR6 */
#define USER_DR6	offsetof(struct user, u_debugreg[6])
#define FILL		0x5a5a5a5a

#ifdef __x86_64__
# define ARG1		"%rdi"
# define ARG3		"%rdx"
# define AX		"%rax"
# define MEM(label)	label "(%rip)"
# define POP		STEP_AT "pop %rcx\n"
# define USER_IP	rip
# define USER_ARG1	rdi
# define USER_ARG2	rsi
# define USER_ARG3	rdx
# define USER_NR	orig_rax
#else
# define ARG1		"%ebx"
# define ARG3		"%edx"
# define AX		"%eax"
# define MEM(label)	label
# define POP		STEP_AT "pop %ecx\n"
# define USER_IP	eip
# define USER_ARG1	ebx
# define USER_ARG2	ecx
# define USER_ARG3	edx
# define USER_NR	orig_eax
#endif

/* Load the number of a system call */
#define NR(name)	"mov $" STEP_STR(__NR_##name) ",%eax\n"

/*
 * The instruction, then a store that shows that the program went on, then
 * cleanup. Arguments: where the instruction writes, if it does, its second
 * destination, and the destination of the store.
 */
#define INSN_CODE(code, insn, after)	CALL_CODE(code, getpid, insn, after)

#define CALL_CODE(code, name, insn, after)				\
	STEP_CODE(code,							\
		  STEP_AT NR(name)					\
		  STEP_AT insn "\n"					\
		  STEP_AT "movl $1,(" ARG3 ")\n"			\
		  after							\
		  STEP_AT "nop\n"					\
		  STEP_AT "nop\n")

/* Indexes into code_want */
#define START	0	/* where a tracer begins */
#define INSN	1
#define NEXT	2

#ifdef __x86_64__
#define VSYSCALL_PAGE	0xffffffffff600000UL
#define VSYSCALL_GTOD	VSYSCALL_PAGE
#define VSYSCALL_TIME	(VSYSCALL_PAGE + 0x400)
#define VSYSCALL_GETCPU	(VSYSCALL_PAGE + 0x800)
#define VSYSCALL_NONE	(VSYSCALL_PAGE + 8)

#define VSYSCALL_CODE(code, offset)					\
	INSN_CODE(code, "call *" MEM("2f"),				\
		  ".pushsection .data\n"				\
		  "2: .quad 0xffffffffff600000 + " offset "\n"		\
		  ".popsection\n")

VSYSCALL_CODE(vsyscall_gettimeofday, "0");
VSYSCALL_CODE(vsyscall_time, "0x400");
VSYSCALL_CODE(vsyscall_getcpu, "0x800");
VSYSCALL_CODE(vsyscall_misaligned, "8");
#endif

/* For a result in a register: write it to memory, too */
#define TO_MEMORY	STEP_AT "mov %eax,(" ARG1 ")\n"

INSN_CODE(umip_sgdt, "sgdt (" ARG1 ")", "");
INSN_CODE(umip_sidt, "sidt (" ARG1 ")", "");
INSN_CODE(umip_smsw, "smsw (" ARG1 ")", "");
INSN_CODE(umip_sldt, "sldt (" ARG1 ")", "");
INSN_CODE(umip_str, "str (" ARG1 ")", "");
INSN_CODE(umip_smsw_reg, "smsw %eax", TO_MEMORY);
INSN_CODE(umip_sldt_reg, "sldt %eax", TO_MEMORY);
INSN_CODE(umip_str_reg, "str %eax", TO_MEMORY);

INSN_CODE(iopl_cli, "cli", "");
INSN_CODE(iopl_sti, "sti", "");

/* uprobes emulates these */
INSN_CODE(uprobe_nop, "nop", "");
INSN_CODE(uprobe_push, "push " AX, POP);
INSN_CODE(uprobe_jmp, "jmp 1f\n ud2\n 1:", "");
INSN_CODE(uprobe_jcc, "jnz 1f\n 1:", "");
INSN_CODE(uprobe_call, "call 1f\n ud2\n 1:", POP);

/* uprobes steps over copies of these */
INSN_CODE(uprobe_mov, "mov $4711,%eax", TO_MEMORY);
INSN_CODE(uprobe_add, "addl $1,(" ARG1 ")", "");
INSN_CODE(uprobe_smsw, "smsw %eax", TO_MEMORY);
INSN_CODE(uprobe_call_mem, "call *" MEM("2f") "\n ud2\n 1:",
	  POP
	  ".pushsection .data\n"
	  "2: " STEP_PTR " 1b\n"
	  ".popsection\n");

/* SYSCALL can be probed, INT $0x80 cannot */
#ifdef __x86_64__
INSN_CODE(uprobe_syscall, "syscall", TO_MEMORY);
CALL_CODE(uprobe_kill, kill, "syscall", "");
#endif
INSN_CODE(uprobe_int80, "int $0x80", "");

/*
 * What the tests know about the instructions
 */

enum kind { CPU, VSYSCALL, UMIP, IOPL, UPROBE };

struct insn {
	const char *name;
	enum kind kind;
	__typeof__(umip_sgdt) *code;
	const unsigned long *table;
	const char *end;
	unsigned long callee;	/* in the vsyscall page */
	unsigned long out;	/* first argument, 0: a harmless place */
	bool writes;		/* to where its first argument points */
};

/* What the tests write to. Shared, because some tests write in a child. */
static struct {
	int went_on;
	int out[2][4];
} *shared;

static struct step_want want;

static char tag[64];

#define EXPECT_STEPS()	EXPECT_TRUE(step_check(want.ip))

/* Stepping ends at the given address */
static long run_insn(const struct insn *insn, const char *end)
{
	long out = insn->out ? insn->out : (long)shared->out[0];

	step_reset(end);
	return insn->code(out, (long)shared->out[1], (long)&shared->went_on);
}

/*
 * Preconditions
 */

static bool cpu_has(const char *flag)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool found = false;
	char word[64];

	while (f && !found && fscanf(f, "%63s", word) == 1)
		found = !strcmp(word, flag);
	if (f)
		fclose(f);
	return found;
}

/* A uprobe on the instruction if the test needs one, else /dev/null */
static int open_probe(pid_t pid, const struct insn *insn)
{
	return insn->kind == UPROBE ? uprobe_open(pid, insn->table[INSN], 0)
				    : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Was the uprobe hit once, if the test needs one? */
static bool probe_hit_once(int fd, const struct insn *insn)
{
	return insn->kind != UPROBE || uprobe_hits(fd) == 1;
}

#ifdef __x86_64__
static bool have_vsyscall(void)
{
	__typeof__(time) *fn = (void *)VSYSCALL_TIME;
	pid_t pid = fork();
	int status;

	if (!pid) {
		fn(NULL);
		_exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	       WTERMSIG(status) != SIGSEGV;
}
#endif

static void prepare(struct __test_metadata *_metadata, const struct insn *insn)
{
	int fd;

	/* The name of a failure */
	snprintf(tag, sizeof(tag), "%s.%s.%s", _metadata->fixture->name, insn->name,
		 _metadata->name);
	step_tag = tag;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	shared->out[0][0] = FILL;
	ASSERT_TRUE(step_share_log());

	switch (insn->kind) {
#ifdef __x86_64__
	case VSYSCALL:
		if (!have_vsyscall())
			SKIP(return, "no vsyscall page in this kernel");
		break;
#endif
	case UMIP:
		if (!cpu_has("umip"))
			SKIP(return, "no UMIP in this CPU or kernel");
		break;
	case IOPL:
		if (syscall(SYS_iopl, 3))
			SKIP(return, "no iopl(3): %s", strerror(errno));
		break;
	case UPROBE:
		if (access(UPROBE_TYPE, F_OK))
			SKIP(return, "no uprobes by perf_event_open()");
		fd = open_probe(0, insn);
		if (fd < 0 && (errno == EACCES || errno == EPERM))
			SKIP(return, "not allowed to set uprobes: %s", strerror(errno));
		ASSERT_GE(fd, 0);
		close(fd);
		break;
	default:
		break;
	}
}

/*
 * Signals
 */

static struct {
	unsigned long ip;
	unsigned int traps;	/* seen by then */
	unsigned int count;
	int code;
} other_sig;

static void other_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	other_sig.ip = gregs[STEP_REG_IP];
	other_sig.code = info->si_code;
	other_sig.traps = step_log->count;

	/* The same fault again and again: give up */
	if (other_sig.count++ > 8)
		_exit(1);
}

/* The instruction that fails. The program goes on after it. */
static const struct insn *failing;

/* The program goes on after the instruction, as if it had been executed */
static void fault_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	other_handler(sig, info, ctx);
	gregs[STEP_REG_IP] = failing->table[NEXT];
	if (failing->callee)
		gregs[STEP_REG_SP] += sizeof(long);
}

/* From this trap on SIGTRAP is blocked, or ignored */
static unsigned long deaf_from;
static bool deaf_ignores;

static void trap_handler(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	step_handler(sig, info, ctx);
	if (step_log->count >= STEP_MAX) {
		/* The same trap again and again, even without TF: give up */
		step_check(want.ip);
		_exit(1);
	}
	if ((unsigned long)uc->uc_mcontext.gregs[STEP_REG_IP] != deaf_from)
		return;
	if (deaf_ignores)
		signal(SIGTRAP, SIG_IGN);
	else
		sigaddset(&uc->uc_sigmask, SIGTRAP);
}

static int catch(int sig, void (*handler)(int sig, siginfo_t *info, void *ctx))
{
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO,
	};

	sigemptyset(&sa.sa_mask);
	return sigaction(sig, &sa, NULL);
}

/* The expected log from the first trap to that at the instruction */
static void want_start(const struct insn *insn)
{
	step_want_range(&want, insn->table, START, INSN);
	if (insn->callee)
		step_want_ip(&want, insn->callee);
}

/* The address at which the kernel completes it */
static unsigned long emulated_ip(const struct insn *insn)
{
	return insn->callee ? insn->callee : insn->table[INSN];
}

/*
 * Children. They stop before they do anything.
 */

static void run_stepped(const struct insn *insn)
{
	if (!catch(SIGTRAP, trap_handler))
		run_insn(insn, insn->end);
}

/* Nothing to run: the tracer sets the registers */
static void run_traced(const struct insn *insn)
{
}

static pid_t start_child(const struct insn *insn, void (*fn)(const struct insn *insn),
			 bool traced, bool deaf)
{
	pid_t pid = fork();
	sigset_t set;
	int status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&set);
		sigaddset(&set, SIGTRAP);
		if (deaf)
			sigprocmask(SIG_BLOCK, &set, NULL);
		if (traced && ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(1);
		kill(getpid(), SIGSTOP);
		fn(insn);
		_exit(1);
	}
	if (pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
		return pid;
	return -1;
}

/*
 * A tracer's steps
 */

struct stop {
	int sig;	/* -1: the tracee is gone, or tracing failed */
	unsigned long ip;
};

static void log_stop(unsigned long ip, const siginfo_t *info, bool dr_step)
{
	struct step_trap *t = &step_log->trap[step_log->count++];

	t->ip = ip;
	t->addr = (unsigned long)info->si_addr;
	t->code = info->si_code;
	/* The tracer's TF is hidden, so assume it. DR6 shows the step. */
	t->flags = STEP_TF;
	t->trapno = dr_step ? STEP_TRAP_DB : 0;
}

/* Put the tracee where a program that steps itself has its first trap */
static bool set_start(pid_t pid, const struct insn *insn)
{
	siginfo_t info = {
		.si_code = TRAP_TRACE,
		.si_addr = (void *)insn->table[START],
	};
	struct user_regs_struct regs;

	step_reset(insn->end);
	log_stop(insn->table[START], &info, true);
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return false;
	regs.USER_IP = insn->table[START];
	regs.USER_NR = -1;
	regs.USER_ARG1 = insn->out ? insn->out : (unsigned long)shared->out[0];
	regs.USER_ARG2 = (unsigned long)shared->out[1];
	regs.USER_ARG3 = (unsigned long)&shared->went_on;
	return !ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

/*
 * Step up to the end, or up to another signal than SIGTRAP, and log what the
 * tracer is told about each step. Returns the last stop.
 */
static struct stop trace_steps(pid_t pid, const struct insn *insn)
{
	struct stop stop = { .sig = -1 };
	struct user_regs_struct regs;
	siginfo_t info;
	int status;
	long dr6;

	while (step_log->count < STEP_MAX) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, pid, 0, &regs) ||
		    ptrace(PTRACE_GETSIGINFO, pid, 0, &info))
			break;
		errno = 0;
		dr6 = ptrace(PTRACE_PEEKUSER, pid, USER_DR6, 0);
		/* The next step must set this bit again */
		if (errno || ptrace(PTRACE_POKEUSER, pid, USER_DR6, dr6 & ~DR_STEP))
			break;

		stop.ip = regs.USER_IP;
		if (WSTOPSIG(status) == SIGTRAP)
			log_stop(stop.ip, &info, dr6 & DR_STEP);
		if (WSTOPSIG(status) != SIGTRAP || stop.ip == step_log->end) {
			stop.sig = WSTOPSIG(status);
			return stop;
		}
	}
	stop.sig = -1;
	return stop;
}

static struct stop run_tracer(struct __test_metadata *_metadata, const struct insn *insn,
			      bool deaf)
{
	pid_t pid = start_child(insn, run_traced, true, deaf);
	struct stop stop = { .sig = -1 };
	int fd;

	EXPECT_GT(pid, 0);
	if (pid <= 0)
		return stop;
	fd = open_probe(pid, insn);
	EXPECT_GE(fd, 0);
	EXPECT_TRUE(set_start(pid, insn));
	stop = trace_steps(pid, insn);
	EXPECT_TRUE(probe_hit_once(fd, insn));
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return stop;
}

/*
 * What the kernel completes
 */

FIXTURE(emulated) {
};

FIXTURE_VARIANT(emulated) {
	struct insn insn;
};

FIXTURE_SETUP(emulated)
{
	prepare(_metadata, &variant->insn);
}

FIXTURE_TEARDOWN(emulated)
{
}

#define INSN_DATA(code_, kind_)						\
	.insn.name = #code_,						\
	.insn.kind = kind_,						\
	.insn.code = code_,						\
	.insn.table = code_##_want,					\
	.insn.end = code_##_end

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(emulated, vsyscall_gettimeofday) {
	INSN_DATA(vsyscall_gettimeofday, VSYSCALL),
	.insn.callee = VSYSCALL_GTOD,
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, vsyscall_time) {
	INSN_DATA(vsyscall_time, VSYSCALL),
	.insn.callee = VSYSCALL_TIME,
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, vsyscall_getcpu) {
	INSN_DATA(vsyscall_getcpu, VSYSCALL),
	.insn.callee = VSYSCALL_GETCPU,
	.insn.writes = true,
};
#endif

FIXTURE_VARIANT_ADD(emulated, umip_sgdt) {
	INSN_DATA(umip_sgdt, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_sidt) {
	INSN_DATA(umip_sidt, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_smsw) {
	INSN_DATA(umip_smsw, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_sldt) {
	INSN_DATA(umip_sldt, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_str) {
	INSN_DATA(umip_str, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_smsw_reg) {
	INSN_DATA(umip_smsw_reg, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_sldt_reg) {
	INSN_DATA(umip_sldt_reg, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, umip_str_reg) {
	INSN_DATA(umip_str_reg, UMIP),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, iopl_cli) {
	INSN_DATA(iopl_cli, IOPL),
};

FIXTURE_VARIANT_ADD(emulated, iopl_sti) {
	INSN_DATA(iopl_sti, IOPL),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_nop) {
	INSN_DATA(uprobe_nop, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_push) {
	INSN_DATA(uprobe_push, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_jmp) {
	INSN_DATA(uprobe_jmp, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_jcc) {
	INSN_DATA(uprobe_jcc, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_call) {
	INSN_DATA(uprobe_call, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_mov) {
	INSN_DATA(uprobe_mov, UPROBE),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, uprobe_add) {
	INSN_DATA(uprobe_add, UPROBE),
	.insn.writes = true,
};

FIXTURE_VARIANT_ADD(emulated, uprobe_call_mem) {
	INSN_DATA(uprobe_call_mem, UPROBE),
};

FIXTURE_VARIANT_ADD(emulated, uprobe_smsw) {
	INSN_DATA(uprobe_smsw, UPROBE),
	.insn.writes = true,
};

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(emulated, uprobe_syscall) {
	INSN_DATA(uprobe_syscall, UPROBE),
	.insn.writes = true,
};
#endif

/* With a uprobe on the instruction, if the test needs one */
static void run_self(struct __test_metadata *_metadata, const struct insn *insn,
		     const char *end)
{
	int fd = open_probe(0, insn);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(catch(SIGTRAP, trap_handler), 0);
	run_insn(insn, end);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 1);
	EXPECT_EQ(shared->out[0][0] != FILL, insn->writes);
	EXPECT_TRUE(probe_hit_once(fd, insn));
}

static void run_self_to_end(struct __test_metadata *_metadata, const struct insn *insn)
{
	want_start(insn);
	step_want_tail(&want, insn->table, NEXT);
	run_self(_metadata, insn, insn->end);
}

TEST_F(emulated, self)
{
	run_self_to_end(_metadata, &variant->insn);
}

/* If the program does not step, the instruction causes no trap */
static void run_unstepped(struct __test_metadata *_metadata, const struct insn *insn)
{
	step_want_ip(&want, insn->table[START]);
	run_self(_metadata, insn, (const char *)insn->table[START]);
}

TEST_F(emulated, unstepped)
{
	run_unstepped(_metadata, &variant->insn);
}

static void run_traced_to_end(struct __test_metadata *_metadata, const struct insn *insn,
			      bool deaf)
{
	struct stop stop = run_tracer(_metadata, insn, deaf);

	EXPECT_EQ(stop.sig, SIGTRAP);
	want_start(insn);
	step_want_tail(&want, insn->table, NEXT);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 1);
}

TEST_F(emulated, traced)
{
	run_traced_to_end(_metadata, &variant->insn, false);
}

/* The tracer does not notice that the tracee blocks SIGTRAP */
TEST_F(emulated, traced_blocked)
{
	run_traced_to_end(_metadata, &variant->insn, true);
}

/* If the program blocks or ignores SIGTRAP, it dies before the next instruction */
static void run_fatal(struct __test_metadata *_metadata, const struct insn *insn, bool ignore)
{
	int fd, status = 0;
	pid_t pid;

	deaf_from = emulated_ip(insn);
	deaf_ignores = ignore;
	pid = start_child(insn, run_stepped, false, false);
	ASSERT_GT(pid, 0);
	fd = open_probe(pid, insn);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(kill(pid, SIGCONT), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGTRAP);
	want_start(insn);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 0) {
		TH_LOG("the instruction after it was executed");
	}
	EXPECT_TRUE(probe_hit_once(fd, insn));
}

TEST_F(emulated, blocked)
{
	run_fatal(_metadata, &variant->insn, false);
}

TEST_F(emulated, ignored)
{
	run_fatal(_metadata, &variant->insn, true);
}

#ifdef __x86_64__
FIXTURE(probed_kill) {
	struct insn insn;
};

FIXTURE_SETUP(probed_kill)
{
	const FIXTURE_VARIANT(emulated) call = { INSN_DATA(uprobe_kill, UPROBE) };

	self->insn = call.insn;
	prepare(_metadata, &self->insn);
}

FIXTURE_TEARDOWN(probed_kill)
{
}

/* When the call's signal comes, the program is after the call, not in a copy of it */
TEST_F(probed_kill, unstepped)
{
	const struct insn *insn = &self->insn;
	int fd;

	fd = open_probe(0, insn);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(catch(SIGTRAP, trap_handler), 0);
	ASSERT_EQ(catch(SIGUSR1, other_handler), 0);

	/* No longer stepped */
	step_want_ip(&want, insn->table[START]);
	step_reset((const char *)insn->table[START]);
	EXPECT_EQ(insn->code(getpid(), SIGUSR1, (long)&shared->went_on), 0);
	EXPECT_STEPS();
	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.ip, insn->table[NEXT]);
	EXPECT_EQ(shared->went_on, 1);
	EXPECT_TRUE(probe_hit_once(fd, insn));
}
#endif

/*
 * What the kernel fails to complete: the instruction gets the signal of a fault
 * and no trap, and no trap is left over for later
 */

FIXTURE(fault) {
};

FIXTURE_VARIANT(fault) {
	struct insn insn;
};

FIXTURE_SETUP(fault)
{
	prepare(_metadata, &variant->insn);
}

FIXTURE_TEARDOWN(fault)
{
}

/* Bad pointers: below what can be mapped, and above the highest 32-bit stack */
#define UNMAPPED	16
#define KERNEL		(-16UL)

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(fault, vsyscall_unmapped) {
	INSN_DATA(vsyscall_gettimeofday, VSYSCALL),
	.insn.callee = VSYSCALL_GTOD,
	.insn.out = UNMAPPED,
};

FIXTURE_VARIANT_ADD(fault, vsyscall_kernel) {
	INSN_DATA(vsyscall_time, VSYSCALL),
	.insn.callee = VSYSCALL_TIME,
	.insn.out = KERNEL,
};

FIXTURE_VARIANT_ADD(fault, vsyscall_misaligned) {
	INSN_DATA(vsyscall_misaligned, VSYSCALL),
	.insn.callee = VSYSCALL_NONE,
};
#endif

FIXTURE_VARIANT_ADD(fault, umip_sgdt_unmapped) {
	INSN_DATA(umip_sgdt, UMIP),
	.insn.out = UNMAPPED,
};

FIXTURE_VARIANT_ADD(fault, umip_sidt_kernel) {
	INSN_DATA(umip_sidt, UMIP),
	.insn.out = KERNEL,
};

FIXTURE_VARIANT_ADD(fault, umip_smsw_unmapped) {
	INSN_DATA(umip_smsw, UMIP),
	.insn.out = UNMAPPED,
};

FIXTURE_VARIANT_ADD(fault, iopl_0_cli) {
	INSN_DATA(iopl_cli, CPU),
};

FIXTURE_VARIANT_ADD(fault, iopl_0_sti) {
	INSN_DATA(iopl_sti, CPU),
};

TEST_F(fault, self)
{
	const struct insn *insn = &variant->insn;
	unsigned int before;

	want_start(insn);
	before = want.n;
	/* The handler returns with TF set: one instruction runs without a trap */
	step_want_tail(&want, insn->table, NEXT + 1);

	failing = insn;
	ASSERT_EQ(catch(SIGTRAP, trap_handler), 0);
	ASSERT_EQ(catch(SIGSEGV, fault_handler), 0);
	run_insn(insn, insn->end);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 1);

	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.ip, emulated_ip(insn));
	EXPECT_EQ(other_sig.traps, before);
}

TEST_F(fault, traced)
{
	const struct insn *insn = &variant->insn;
	struct stop stop = run_tracer(_metadata, insn, false);

	EXPECT_EQ(stop.sig, SIGSEGV);
	EXPECT_EQ(stop.ip, emulated_ip(insn));
	want_start(insn);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 0);
}

/*
 * A tracer that steps from branch to branch does not stop after an instruction that
 * is no branch. If the CPU cannot do that, it stops after the next instruction.
 */

FIXTURE(blocks) {
};

FIXTURE_VARIANT(blocks) {
	struct insn insn;
};

FIXTURE_SETUP(blocks)
{
	prepare(_metadata, &variant->insn);
}

FIXTURE_TEARDOWN(blocks)
{
}

FIXTURE_VARIANT_ADD(blocks, umip_sgdt) { INSN_DATA(umip_sgdt, UMIP) };
FIXTURE_VARIANT_ADD(blocks, iopl_cli) { INSN_DATA(iopl_cli, IOPL) };

TEST_F(blocks, traced)
{
	const struct insn *insn = &variant->insn;
	pid_t pid = start_child(insn, run_traced, true, false);
	struct user_regs_struct regs;
	int status = 0;

	ASSERT_GT(pid, 0);
	ASSERT_TRUE(set_start(pid, insn));
	ASSERT_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	regs.USER_IP = insn->table[INSN];
	ASSERT_EQ(ptrace(PTRACE_SETREGS, pid, 0, &regs), 0);
	if (ptrace(PTRACE_SINGLEBLOCK, pid, 0, 0))
		SKIP(return, "no PTRACE_SINGLEBLOCK");
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(WSTOPSIG(status), SIGTRAP);
	EXPECT_EQ(shared->went_on, 1);
	kill(pid, SIGKILL);
}

/*
 * Vsyscalls and seccomp
 */

#ifdef __x86_64__
FIXTURE(seccomp) {
	struct insn insn;
};

FIXTURE_SETUP(seccomp)
{
	self->insn = _emulated_vsyscall_time_variant.insn;
	prepare(_metadata, &self->insn);
	ASSERT_EQ(catch(SIGTRAP, trap_handler), 0);
	ASSERT_EQ(catch(SIGSYS, other_handler), 0);
	want_start(&self->insn);
}

FIXTURE_TEARDOWN(seccomp)
{
}

/* seccomp's answer to time() */
static int set_filter(unsigned int answer)
{
	return seccomp_answer(__NR_time, answer, 0);
}

/* Install a filter that asks the tracer, and let the tracer set the registers */
static void stop_with_filter(const struct insn *insn)
{
	if (!set_filter(SECCOMP_RET_TRACE))
		kill(getpid(), SIGSTOP);
}

static void run_skipped(struct __test_metadata *_metadata, const struct insn *insn,
			unsigned int answer, long result)
{
	step_want_tail(&want, insn->table, NEXT);
	ASSERT_EQ(set_filter(answer), 0);
	EXPECT_EQ(run_insn(insn, insn->end), result);
	EXPECT_STEPS();
}

TEST_F(seccomp, vsyscall_errno)
{
	run_skipped(_metadata, &self->insn, SECCOMP_RET_ERRNO | EXDEV, -EXDEV);
}

TEST_F(seccomp, vsyscall_trace_without_tracer)
{
	run_skipped(_metadata, &self->insn, SECCOMP_RET_TRACE, -ENOSYS);
}

/* SIGSYS replaces the trap, and its handler returns with TF set */
TEST_F(seccomp, vsyscall_trap)
{
	const struct insn *insn = &self->insn;
	unsigned int before = want.n;

	step_want_tail(&want, insn->table, NEXT + 1);
	ASSERT_EQ(set_filter(SECCOMP_RET_TRAP), 0);
	EXPECT_EQ(run_insn(insn, insn->end), __NR_time);
	EXPECT_STEPS();

	EXPECT_EQ(other_sig.count, 1);
	EXPECT_EQ(other_sig.code, SYS_SECCOMP);
	EXPECT_EQ(other_sig.ip, insn->table[NEXT]);
	EXPECT_EQ(other_sig.traps, before);
}

/* A tracer begins to step when seccomp has stopped the program */
TEST_F(seccomp, vsyscall_step_from_stop)
{
	const struct insn *insn = &self->insn;
	struct user_regs_struct regs;
	int status = 0;
	pid_t pid;

	pid = start_child(insn, stop_with_filter, true, false);
	ASSERT_GT(pid, 0);
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0,
			 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL), 0);
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status >> 8, SIGSTOP);
	ASSERT_TRUE(set_start(pid, insn));
	ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status >> 8, SIGTRAP);
	ASSERT_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	EXPECT_EQ(regs.USER_IP, insn->table[NEXT]);
	EXPECT_EQ(shared->went_on, 0);
	kill(pid, SIGKILL);
}

TEST_F(seccomp, vsyscall_kill)
{
	const struct insn *insn = &self->insn;
	int status = 0;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (!set_filter(SECCOMP_RET_KILL_PROCESS))
			run_insn(insn, insn->end);
		_exit(1);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSYS);
	EXPECT_STEPS();
	EXPECT_EQ(shared->went_on, 0);
}
#endif

TEST(uprobe_on_int80)
{
	if (uprobe_open(0, uprobe_int80_want[NEXT], 0) < 0)
		SKIP(return, "no uprobes by perf_event_open(): %s", strerror(errno));
	EXPECT_EQ(uprobe_open(0, uprobe_int80_want[INSN], 0), -1);
	EXPECT_EQ(errno, PROBE_REFUSED);
}

TEST_HARNESS_MAIN
