// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger's steps are exact, over system calls as well. So let a debugger step
 * a program, let the same program step itself, and compare: both lists of addresses
 * must be the same.
 *
 * The program is a static busybox, which does the same at the same addresses each
 * time if nothing is random. It does not know that it is stepped: at the stop after
 * execve() it gets a handler for SIGTRAP, and then TF or a tracer.
 * STEP_ORACLE_PROGRAM can be the absolute path of another busybox.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <sched.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "step.h"

#ifndef SA_RESTORER
# define SA_RESTORER		0x04000000
#endif
#ifndef MAP_FIXED_NOREPLACE
# define MAP_FIXED_NOREPLACE	0x100000
#endif

#ifdef __x86_64__
# define ELF_CLASS	ELFCLASS64
# define ELF_HEADER	struct elf64_hdr
# define ELF_SEGMENT	struct elf64_phdr
# define OBJDUMP	"objdump -D -b binary -m i386:x86-64"
# define R(name)	r##name
# define ORIG_AX	orig_rax
# define NR_mmap	__NR_mmap
# define HIDDEN_AUX	AT_SYSINFO_EHDR
# define AX		"%rax"
# define CX		"%rcx"
# define DX		"%rdx"
# define LOAD_CONTEXT	""
# define CONTEXT_IP	168
# define CONTEXT_FLAGS	176
# define IP_SIZE	8
#else
# define ELF_CLASS	ELFCLASS32
# define ELF_HEADER	struct elf32_hdr
# define ELF_SEGMENT	struct elf32_phdr
# define OBJDUMP	"objdump -D -b binary -m i386"
# define R(name)	e##name
# define ORIG_AX	orig_eax
# define NR_mmap	__NR_mmap2
# define HIDDEN_AUX	AT_IGNORE
# define AX		"%eax"
# define CX		"%ecx"
# define DX		"%edx"
# define LOAD_CONTEXT	"mov 12(%esp),%edx\n"
# define CONTEXT_IP	76
# define CONTEXT_FLAGS	84
# define IP_SIZE	4
#endif

#define CODE_LINES	"sed -n '/^ *[0-9a-f]*:/s/^ */# /p'"
#define PROGRAM_ENV	"STEP_ORACLE_PROGRAM"
#define MAX_STEPS	0x80000
#define MAX_NR		1024	/* limit of system call numbers */
#define MAX_INSN	16
#define CODE_PAGE	4096UL
#define MAX_GAP		16	/* addresses in a row that one list may lack */

/* Where the program gets additional memory: out of the way of any program */
#define AREA		0x20000000
#define AREA_TID	0x20000080
#define AREA_COUNT	0x20000084
#define AREA_IP		0x20000088
#define STACK		0x28000000
#define STACK_SIZE	0x10000
#define AREA_FD		9

/* Shared with the program, but not known to it */
struct area {
	char handler[112];
	char restorer[16];
	int tid;		/* the task that logs */
	unsigned int count;
	unsigned long ip[MAX_STEPS];
	stack_t stack;
	struct {
		unsigned long handler, flags, restorer;
		unsigned long long mask;
	} action;
};

static_assert(AREA + offsetof(struct area, tid) == AREA_TID, "tid");
static_assert(AREA + offsetof(struct area, count) == AREA_COUNT, "count");
static_assert(AREA + offsetof(struct area, ip) == AREA_IP, "ip");
static_assert(sizeof(unsigned long) == IP_SIZE, "size of ip");
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[STEP_REG_IP]) == CONTEXT_IP, "context");
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[STEP_REG_FL]) == CONTEXT_FLAGS, "context");

/*
 * This becomes the program's handler. It stops the stepping of children, and of
 * a program that does not end.
 */
STEP_BARE_CODE(trap_handler, "",
	       LOAD_CONTEXT
	       "mov $" STEP_STR(__NR_gettid) ",%eax\n"
	       STEP_SYSCALL
	       "cmp %eax," STEP_STR(AREA_TID) "\n"
	       "jne 1f\n"
	       "mov " STEP_STR(AREA_COUNT) ",%ecx\n"
	       "cmp $" STEP_STR(MAX_STEPS) ",%ecx\n"
	       "jae 1f\n"
	       "mov " STEP_STR(CONTEXT_IP) "(" DX ")," AX "\n"
	       "mov " AX "," STEP_STR(AREA_IP) "(," CX "," STEP_STR(IP_SIZE) ")\n"
	       "incl " STEP_STR(AREA_COUNT) "\n"
	       "ret\n"
	       "1:\n"
	       "andl $~0x100," STEP_STR(CONTEXT_FLAGS) "(" DX ")\n"
	       "ret\n");

STEP_BARE_CODE(trap_restorer, "",
	       "mov $" STEP_STR(__NR_rt_sigreturn) ",%eax\n"
	       STEP_SYSCALL);

/* An instruction, before the tracer steps over it */
struct insn {
	unsigned long ip;
	int nr;			/* of the system call that it makes, or -1 */
	unsigned char len;	/* of the part of the code that is known */
	unsigned char code[MAX_INSN];
};

struct totals {
	unsigned int programs, insns, calls, missing;
	unsigned int syscall, sysenter, int80;
	bool made[MAX_NR];
};

static struct totals *totals;
static struct area *area;
static int area_fd;
static struct insn *insns;
static unsigned int insn_count;

static void *map_shared(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * The program
 */

/* Is it static, and of the same word size as this test? */
static bool is_program(const char *path)
{
	int i, fd = open(path, O_RDONLY | O_CLOEXEC);
	ELF_SEGMENT segment;
	ELF_HEADER header;
	bool ok;

	ok = fd >= 0 && read(fd, &header, sizeof(header)) == sizeof(header) &&
	     !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELF_CLASS;
	for (i = 0; ok && i < header.e_phnum; i++) {
		ok = pread(fd, &segment, sizeof(segment),
			   header.e_phoff + i * sizeof(segment)) == sizeof(segment) &&
		     segment.p_type != PT_INTERP;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static const char *find_program(void)
{
	static const char * const paths[] = {
		"/bin/busybox", "/bin/busybox32", "/usr/bin/busybox", "/usr/bin/busybox32",
	};
	const char *path = getenv(PROGRAM_ENV);
	int i;

	if (path)
		return is_program(path) ? path : NULL;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (is_program(paths[i]))
			return paths[i];
	}
	return NULL;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ssize_t len = strlen(text);
	bool ok = fd >= 0 && write(fd, text, len) == len;

	return !close(fd) && ok;
}

/* The files that the program works on: what it looks at is the same each time */
static bool make_files(const char *program)
{
	const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	static const char * const paths[] = { "d/one", "d/two", "text", "link", "d" };
	int i;

	if (mkdir("w", 0755) || chdir("w") || mkdir("d", 0755) ||
	    !write_file("text", "wombat 3\nkoala 1\nemu 7\nquokka 5\n") ||
	    !write_file("d/one", "1\n") || !write_file("d/two", "2\n2\n") ||
	    symlink("text", "link") || symlink(program, "busybox"))
		return false;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (utimensat(AT_FDCWD, paths[i], times, AT_SYMLINK_NOFOLLOW))
			return false;
	}
	return true;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static bool remove_tree(const char *path)
{
	return !nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Clear FD_CLOEXEC, which stays set if dup2() has nothing to do */
static bool hand_down(int fd, int as)
{
	return dup2(fd, as) == as && !fcntl(as, F_SETFD, 0);
}

static void exec_program(const char *path, const char * const *argv, int out)
{
	char * const envp[] = { "PATH=/bin", "TZ=UTC0", "LC_ALL=C", NULL };
	int in = open("text", O_RDONLY | O_CLOEXEC);

	if (hand_down(area_fd, AREA_FD) && hand_down(out, 1) && hand_down(out, 2) &&
	    hand_down(in, 0) &&
	    !prctl(PR_SET_PDEATHSIG, SIGKILL) &&
	    personality(ADDR_NO_RANDOMIZE) != -1 &&
	    !ptrace(PTRACE_TRACEME, 0, 0, 0))
		execve(path, (char * const *)argv, envp);
	_exit(1);
}

/*
 * The program, stopped before its first instruction
 */

static unsigned long peek_reg(pid_t pid, size_t offset)
{
	return ptrace(PTRACE_PEEKUSER, pid, offset, 0);
}

#define PEEK_REG(pid, name)	peek_reg(pid, offsetof(struct user_regs_struct, name))

static unsigned long peek(pid_t pid, unsigned long addr)
{
	return ptrace(PTRACE_PEEKDATA, pid, addr, 0);
}

static bool poke(pid_t pid, unsigned long addr, unsigned long value)
{
	return !ptrace(PTRACE_POKEDATA, pid, addr, value);
}

static bool wait_trap(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP;
}

/* The instruction that makes the call is at its ip, followed by an INT3 */
static long remote_call(pid_t pid, long nr, const long arg[6])
{
	struct user_regs_struct saved, regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &saved))
		return -1;
	/* There is no call that could be restarted */
	saved.ORIG_AX = -1;
	regs = saved;
	regs.R(ax) = nr;
#ifdef __x86_64__
	regs.rdi = arg[0];
	regs.rsi = arg[1];
	regs.rdx = arg[2];
	regs.r10 = arg[3];
	regs.r8 = arg[4];
	regs.r9 = arg[5];
#else
	regs.ebx = arg[0];
	regs.ecx = arg[1];
	regs.edx = arg[2];
	regs.esi = arg[3];
	regs.edi = arg[4];
	regs.ebp = arg[5];
#endif
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs) || ptrace(PTRACE_CONT, pid, 0, 0) ||
	    !wait_trap(pid) || ptrace(PTRACE_GETREGS, pid, 0, &regs) ||
	    ptrace(PTRACE_SETREGS, pid, 0, &saved))
		return -1;
	return regs.R(ax);
}

/* Give the program its handler, and the memory that the handler needs */
static bool add_handler(pid_t pid)
{
	static const struct {
		long nr, arg[6], result;
	} calls[] = {
		{ NR_mmap, { AREA, sizeof(struct area), PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_SHARED | MAP_FIXED_NOREPLACE, AREA_FD, 0 }, AREA },
		{ NR_mmap, { STACK, STACK_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0 }, STACK },
		{ __NR_close, { AREA_FD } },
		{ __NR_rt_sigaction, { SIGTRAP, AREA + offsetof(struct area, action), 0,
				       sizeof(area->action.mask) } },
		{ __NR_sigaltstack, { AREA + offsetof(struct area, stack) } },
	};
	unsigned long ip = PEEK_REG(pid, R(ip)), saved = peek(pid, ip), code = saved;
	int i;

#ifdef __x86_64__
	memcpy(&code, "\x0f\x05\xcc", 3);
#else
	memcpy(&code, "\xcd\x80\xcc", 3);
#endif
	if (!poke(pid, ip, code))
		return false;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (remote_call(pid, calls[i].nr, calls[i].arg) != calls[i].result)
			return false;
	}
	return poke(pid, ip, saved);
}

/*
 * Replace the random bytes by fixed ones. Hide the vDSO from 64-bit programs, so
 * that reading the time is a system call. 32-bit programs need the vDSO to make
 * their calls, so they should not read the time.
 */
static bool edit_auxv(pid_t pid)
{
	const unsigned long word = sizeof(word), failed = -1;
	unsigned long type, p = PEEK_REG(pid, R(sp));
	int i;

	p += (1 + peek(pid, p) + 1) * word;
	while ((type = peek(pid, p)) && type != failed)
		p += word;
	for (p += word; (type = peek(pid, p)) != AT_NULL && type != failed; p += 2 * word) {
		if (type == HIDDEN_AUX && !poke(pid, p, AT_IGNORE))
			return false;
		for (i = 0; type == AT_RANDOM && i < 16; i += word) {
			if (!poke(pid, peek(pid, p + word) + i, 0x5a5a5a00))
				return false;
		}
	}
	return type == AT_NULL;
}

static pid_t start_program(const char *path, const char * const *argv, int out)
{
	pid_t pid = fork();

	if (!pid)
		exec_program(path, argv, out);
	if (pid > 0 && wait_trap(pid) && !ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL) &&
	    add_handler(pid) && edit_auxv(pid))
		return pid;
	return -1;
}

/* Run without steps until the first system calls have returned */
static bool skip_calls(pid_t pid, int count)
{
	int i;

	/* Each has a stop at its entry and one at its exit */
	for (i = 0; i < 2 * count; i++) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) || !wait_trap(pid))
			return false;
	}
	return true;
}

/*
 * No steps at all, to see what the program does. These functions return the status
 * of the program's end, as waitpid() reports it.
 */

static unsigned int call_stops;

static int count_call_stops(pid_t pid)
{
	int status = -1, sig = 0;

	call_stops = 0;
	while (!ptrace(PTRACE_SYSCALL, pid, 0, sig) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status)) {
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		call_stops += !sig;
	}
	return status;
}

/*
 * The two ways to step
 */

static int step_itself(pid_t pid)
{
	size_t flags = offsetof(struct user_regs_struct, eflags);
	int status;

	area->tid = pid;
	area->count = 0;
	if (ptrace(PTRACE_POKEUSER, pid, flags, peek_reg(pid, flags) | STEP_TF) ||
	    ptrace(PTRACE_DETACH, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* Code does not change: read each page of it once */
static const unsigned char *code_at(int mem, unsigned long ip)
{
	static struct {
		unsigned long addr;
		unsigned char code[CODE_PAGE];
	} cache[64], *page;

	page = &cache[ip / CODE_PAGE % ARRAY_SIZE(cache)];
	if (page->addr != (ip & -CODE_PAGE)) {
		page->addr = ip & -CODE_PAGE;
		if (pread64(mem, page->code, CODE_PAGE, page->addr) != CODE_PAGE)
			memset(page->code, 0, CODE_PAGE);
	}
	return page->code + ip % CODE_PAGE;
}

static void note_insn(pid_t pid, int mem)
{
	unsigned long ip = PEEK_REG(pid, R(ip)), left = CODE_PAGE - ip % CODE_PAGE;
	struct insn *insn = &insns[insn_count++];

	insn->ip = ip;
	insn->len = left < MAX_INSN ? left : MAX_INSN;
	memcpy(insn->code, code_at(mem, ip), insn->len);
	insn->nr = -1;
	/* SYSCALL, SYSENTER, INT $0x80 */
	if ((insn->code[0] == 0x0f && (insn->code[1] == 0x05 || insn->code[1] == 0x34)) ||
	    (insn->code[0] == 0xcd && insn->code[1] == 0x80))
		insn->nr = PEEK_REG(pid, R(ax));
}

static int step_by_tracer(pid_t pid)
{
	int mem, status = -1, sig = SIGTRAP;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	insn_count = 0;
	while (mem >= 0 && insn_count < MAX_STEPS) {
		/* Other signals are the program's, and not steps */
		if (sig == SIGTRAP) {
			note_insn(pid, mem);
			sig = 0;
		}
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, sig) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
	}
	close(mem);
	return status;
}

/*
 * Comparison
 */

struct result {
	unsigned int calls, different;	/* calls that have returned */
	unsigned int missing;		/* right after a call */
	unsigned int elsewhere, extra;
};

/* Print the code at a difference, and what was executed in a row before it */
static void print_code(unsigned int i)
{
	unsigned int first = i, size = 0, n;
	unsigned char code[4 * MAX_INSN];
	char command[256];
	int fd;

	while (first && i - first < 3 && insns[first].ip - insns[first - 1].ip < MAX_INSN)
		first--;
	for (n = first; n <= i; n++) {
		size = insns[n].ip - insns[first].ip;
		memcpy(code + size, insns[n].code, insns[n].len);
		size += insns[n].len;
	}

	fprintf(stderr, "# %zu-bit code at %#lx:", 8 * sizeof(long), insns[first].ip);
	for (n = 0; n < size; n++)
		fprintf(stderr, " %02x", code[n]);
	fprintf(stderr, "\n");

	/* Disassemble it, if there is an objdump */
	fd = memfd_create("code", 0);
	snprintf(command, sizeof(command),
		 OBJDUMP " --adjust-vma=%#lx /proc/self/fd/%d 2>/dev/null | " CODE_LINES " >&2",
		 insns[first].ip, fd);
	if (write(fd, code, size) != size || system(command))
		fprintf(stderr, "# no disassembly\n");
	close(fd);
}

static void print_first(const char *name, unsigned int i, unsigned int own)
{
	fprintf(stderr, "# %s: first difference is step %u: ", name, i);
	if (i < insn_count)
		fprintf(stderr, "expected ip %#lx, ", insns[i].ip);
	else
		fprintf(stderr, "expected none, ");
	if (own < area->count)
		fprintf(stderr, "got %#lx\n", area->ip[own]);
	else
		fprintf(stderr, "got none\n");
	print_code(i < insn_count ? i : insn_count - 1);
}

static bool same_step(unsigned int i, unsigned int own)
{
	return i < insn_count && own < area->count && insns[i].ip == area->ip[own];
}

/*
 * From a difference on: how many addresses does the program's own list lack, or
 * have in addition, until the lists agree again?
 */
static void find_gap(unsigned int i, unsigned int own, unsigned int *missing, unsigned int *extra)
{
	unsigned int n;

	for (n = 1; n <= MAX_GAP; n++) {
		*missing = same_step(i + n, own) ? n : 0;
		*extra = same_step(i, own + n) ? n : 0;
		if (*missing || *extra)
			return;
	}
	*missing = i < insn_count;
	*extra = own < area->count;
}

static void compare_lists(const char *name, struct result *result)
{
	/* The program's own first trap comes after the first instruction */
	unsigned int i = 1, own = 0, missing, extra;

	while (i < insn_count || own < area->count) {
		if (same_step(i, own)) {
			i++;
			own++;
			continue;
		}
		if (!result->missing && !result->elsewhere && !result->extra)
			print_first(name, i, own);
		find_gap(i, own, &missing, &extra);
		for (; missing; missing--, i++)
			*(insns[i - 1].nr < 0 ? &result->elsewhere : &result->missing) += 1;
		result->extra += extra;
		own += extra;
	}
}

static void count_calls(struct result *result)
{
	bool made[MAX_NR] = { false };
	unsigned int i;

	for (i = 0; i + 1 < insn_count; i++) {
		int nr = insns[i].nr;

		if (nr < 0 || nr >= MAX_NR)
			continue;
		result->calls++;
		result->different += !made[nr];
		made[nr] = true;
		totals->made[nr] = true;
		totals->int80 += insns[i].code[0] == 0xcd;
		totals->sysenter += insns[i].code[1] == 0x34;
		totals->syscall += insns[i].code[1] == 0x05;
	}
}

static bool same_content(int a, int b)
{
	char buf_a[4096], buf_b[4096];
	off_t pos = 0;
	ssize_t len;

	do {
		len = pread(a, buf_a, sizeof(buf_a), pos);
		if (len < 0 || pread(b, buf_b, sizeof(buf_b), pos) != len ||
		    memcmp(buf_a, buf_b, len))
			return false;
		pos += len;
	} while (len);
	return true;
}

FIXTURE(program)
{
	const char *path;
	char dir[32];
};

FIXTURE_VARIANT(program)
{
	const char *argv[12];
	int skip;		/* this many system calls */
};

FIXTURE_SETUP(program)
{
	cpu_set_t cpus;

	self->path = find_program();
	if (!self->path)
		SKIP(return, "no static busybox of this test's kind, see " PROGRAM_ENV);

	area_fd = memfd_create("area", MFD_CLOEXEC);
	ASSERT_GE(area_fd, 0);
	ASSERT_EQ(ftruncate(area_fd, sizeof(*area)), 0);
	area = map_shared(area_fd, sizeof(*area));
	ASSERT_TRUE(!!area);
	insns = map_shared(-1, MAX_STEPS * sizeof(*insns));
	ASSERT_TRUE(!!insns);

	memcpy(area->handler, trap_handler, sizeof(area->handler));
	memcpy(area->restorer, trap_restorer, sizeof(area->restorer));
	area->action.handler = AREA + offsetof(struct area, handler);
	area->action.restorer = AREA + offsetof(struct area, restorer);
	area->action.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER;
	area->stack.ss_sp = (void *)STACK;
	area->stack.ss_size = STACK_SIZE;

	/* The CPUs of a machine may differ, and this is faster */
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	ASSERT_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);

	snprintf(self->dir, sizeof(self->dir), "/tmp/step_oracle.XXXXXX");
	ASSERT_TRUE(!!mkdtemp(self->dir));
	ASSERT_EQ(chdir(self->dir), 0);
}

FIXTURE_TEARDOWN(program)
{
	if (chdir("/") || !remove_tree(self->dir))
		fprintf(stderr, "# %s is left behind\n", self->dir);
}

/* Returns the program's status */
static int run(const char *path, const char * const *argv, int skip, int out,
	       int (*step)(pid_t pid))
{
	int status = -1;
	pid_t pid;

	if (!make_files(path))
		return -1;
	pid = start_program(path, argv, out);
	if (pid > 0 && skip_calls(pid, skip))
		status = step(pid);
	return chdir("..") || !remove_tree("w") ? -1 : status;
}

TEST_F_TIMEOUT(program, steps, 150)
{
	int status, traced_out = memfd_create("out", MFD_CLOEXEC);
	int own_out = memfd_create("out", MFD_CLOEXEC);
	const char * const *argv = variant->argv;
	struct result result = { 0 };
	int skip = variant->skip;

	status = run(self->path, argv, 0, memfd_create("out", MFD_CLOEXEC), count_call_stops);
	ASSERT_TRUE(status >= 0 && WIFEXITED(status));
	if (status)
		SKIP(return, "%s %s does not do this, or is not there", argv[0], argv[1]);
	/* Another libc may need fewer calls at the start */
	if (call_stops / 2 <= skip)
		skip = 0;

	status = run(self->path, argv, skip, traced_out, step_by_tracer);
	ASSERT_EQ(status, 0);
	status = run(self->path, argv, skip, own_out, step_itself);
	EXPECT_EQ(status, 0);
	EXPECT_TRUE(same_content(traced_out, own_out));

	count_calls(&result);
	compare_lists(argv[1], &result);
	fprintf(stderr, "# %s: %u instructions, %u system calls (%u different), ", argv[1],
		insn_count, result.calls, result.different);
	fprintf(stderr, "traps missing after %u of %u system calls, %u elsewhere, %u extra\n",
		result.missing, result.calls, result.elsewhere, result.extra);
	EXPECT_EQ(result.missing, 0);
	EXPECT_EQ(result.elsewhere, 0);
	EXPECT_EQ(result.extra, 0);
	EXPECT_GT(result.calls, 0);

	totals->programs++;
	totals->insns += insn_count;
	totals->calls += result.calls;
	totals->missing += result.missing;
}

#define RUN(skipped, ...)	.skip = skipped, .argv = { "busybox", __VA_ARGS__ }

/* libc and busybox start in the same way each time: skip that to save time */
FIXTURE_VARIANT_ADD(program, cat) { RUN(0, "cat", "text", "d/one") };
FIXTURE_VARIANT_ADD(program, find)
	{ RUN(15, "find", "d", "-name", "one", "-exec", "./busybox", "true", ";") };
FIXTURE_VARIANT_ADD(program, dd)
	{ RUN(15, "dd", "if=text", "of=out", "bs=9", "skip=1", "conv=fsync", "status=none") };
FIXTURE_VARIANT_ADD(program, cp) { RUN(15, "cp", "-a", "text", "link", "d") };
FIXTURE_VARIANT_ADD(program, rm) { RUN(15, "rm", "-r", "d", "text") };
FIXTURE_VARIANT_ADD(program, mkdir) { RUN(15, "mkdir", "-p", "-m", "700", "a/b/c") };
FIXTURE_VARIANT_ADD(program, mv) { RUN(15, "mv", "text", "d/three") };
FIXTURE_VARIANT_ADD(program, mkfifo) { RUN(15, "mkfifo", "p") };
FIXTURE_VARIANT_ADD(program, md5sum) { RUN(15, "md5sum", "d/one") };
FIXTURE_VARIANT_ADD(program, usleep) { RUN(15, "usleep", "1") };
FIXTURE_VARIANT_ADD(program, sh) { RUN(25, "sh", "-c", "umask 77 >f") };

static void print_totals(void)
{
	unsigned int i, different = 0;

	for (i = 0; i < MAX_NR; i++)
		different += totals->made[i];
	printf("# %u programs: %u instructions, %u system calls (%u different), ",
	       totals->programs, totals->insns, totals->calls, different);
	printf("traps missing after %u of %u system calls\n", totals->missing, totals->calls);
	printf("# by SYSCALL %u, SYSENTER %u, INT 0x80 %u\n",
	       totals->syscall, totals->sysenter, totals->int80);
}

int main(int argc, char **argv)
{
	totals = map_shared(-1, sizeof(*totals));
	/* The harness exits, it does not return */
	atexit(print_totals);
	return test_harness_run(argc, argv);
}
