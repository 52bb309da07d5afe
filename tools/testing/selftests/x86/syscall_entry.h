/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of what user space can observe of the entry and exit of system calls:
 * the ways into the kernel, and the observers of system calls. What happens is
 * logged as text, which a test compares with the expected text.
 */
#ifndef SELFTEST_X86_SYSCALL_ENTRY_H
#define SELFTEST_X86_SYSCALL_ENTRY_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
/* Must come after libc's headers */
#include <linux/ptrace.h>

#include "kselftest.h"
#include "seccomp_filter.h"

#ifdef __x86_64__
# define ENTRY_REG(name)	offsetof(struct user, regs.r##name)
# define ENTRY_ORIG_AX		offsetof(struct user, regs.orig_rax)
# define ENTRY_GREG_AX		REG_RAX
# define ENTRY_GREG_IP		REG_RIP
#else
# define ENTRY_REG(name)	offsetof(struct user, regs.e##name)
# define ENTRY_ORIG_AX		offsetof(struct user, regs.orig_eax)
# define ENTRY_GREG_AX		REG_EAX
# define ENTRY_GREG_IP		REG_EIP
#endif

#ifndef PTRACE_SYSEMU
# define PTRACE_SYSEMU		31
#endif

/* Results that a tracer sees before the kernel replaces them. Unknown to libc. */
#define ERESTARTSYS		512
#define ERESTARTNOINTR		513
#define ERESTARTNOHAND		514
#define ERESTART_RESTARTBLOCK	516

/*
 * System calls, numbered independently of the way to make them. Each takes the same
 * arguments in all ways, if pointers are below 4 GB.
 */
enum entry_call {
	CALL_PRIO_MAX,		/* returns 99 for SCHED_FIFO */
	CALL_PRIO_MIN,		/* returns 1, likewise */
	CALL_GETTID,
	CALL_DUP2,
	CALL_GETCPU,
	CALL_SETAFFINITY,
	CALL_READ,
	CALL_PPOLL,
	CALL_POLL,
	CALL_FUTEX,
	CALL_CLOCK_NANOSLEEP,
	CALL_RESTART,
	CALL_MADVISE,
	CALL_NONE,		/* an unused number. Audit has rules up to 2047 */
	CALL_SKIP,		/* a tracer sets this number to skip a call */
	CALL_COUNT,
};

enum entry_abi { ABI_64, ABI_32, ABI_COUNT };

static const struct {
	const char *name;
	int nr[ABI_COUNT];
} entry_calls[CALL_COUNT] = {
	[CALL_PRIO_MAX]		= { "max", { 146, 159 } },
	[CALL_PRIO_MIN]		= { "min", { 147, 160 } },
	[CALL_GETTID]		= { "gettid", { 186, 224 } },
	[CALL_DUP2]		= { "dup2", { 33, 63 } },
	[CALL_GETCPU]		= { "getcpu", { 309, 318 } },
	[CALL_SETAFFINITY]	= { "sched_setaffinity", { 203, 241 } },
	[CALL_READ]		= { "read", { 0, 3 } },
	[CALL_PPOLL]		= { "ppoll", { 271, 309 } },
	[CALL_POLL]		= { "poll", { 7, 168 } },
	/* With 64-bit times in all ABIs */
	[CALL_FUTEX]		= { "futex", { 202, 422 } },
	[CALL_CLOCK_NANOSLEEP]	= { "clock_nanosleep", { 230, 407 } },
	[CALL_RESTART]		= { "restart_syscall", { 219, 0 } },
	[CALL_MADVISE]		= { "madvise", { 28, 219 } },
	[CALL_NONE]		= { "none", { 2000, 2000 } },
	[CALL_SKIP]		= { "skip", { -1, -1 } },
};

/* A way to make a system call */
struct entry_way {
	const char *name;
	long (*call)(long nr, const long *args);
	const char *next;	/* address after the instruction; NULL: in the vDSO */
	enum entry_abi abi;
	unsigned int arch;
	int bit;		/* set in all numbers */
};

/* A label in the text of an asm() */
#define ENTRY_LABEL(name)	extern const char name[]

/* A function in that text, with its arguments in registers */
#ifdef __x86_64__
# define ENTRY_REGS
#else
# define ENTRY_REGS	__attribute__((regparm(3)))
#endif

#define ENTRY_FUNCTION(name, ...)	void ENTRY_REGS name(__VA_ARGS__)

/*
 * Functions that take the number and a pointer to the arguments. They do not use the
 * red zone.
 */
#define ENTRY_CODE(name, text)						\
	extern const char name##_next[];				\
	asm(".pushsection .text\n"					\
	    ".globl " #name ", " #name "_next\n"			\
	    ".type " #name ", @function\n"				\
	    #name ":\n"							\
	    text							\
	    ".size " #name ", . - " #name "\n"				\
	    ".popsection\n")

#ifdef __x86_64__
long entry_syscall(long nr, const long *args);
ENTRY_CODE(entry_syscall,
	   "mov %rdi,%rax\n"
	   "mov %rsi,%rcx\n"
	   "mov (%rcx),%rdi\n"
	   "mov 8(%rcx),%rsi\n"
	   "mov 16(%rcx),%rdx\n"
	   "mov 24(%rcx),%r10\n"
	   "mov 32(%rcx),%r8\n"
	   "mov 40(%rcx),%r9\n"
	   "syscall\n"
	   "entry_syscall_next:\n"
	   "ret\n");

long entry_int80(long nr, const long *args);
ENTRY_CODE(entry_int80,
	   "push %rbx\n"
	   "push %rbp\n"
	   "mov %rdi,%rax\n"
	   "mov %rsi,%rbp\n"
	   "mov (%rbp),%rbx\n"
	   "mov 8(%rbp),%rcx\n"
	   "mov 16(%rbp),%rdx\n"
	   "mov 24(%rbp),%rsi\n"
	   "mov 32(%rbp),%rdi\n"
	   "mov 40(%rbp),%rbp\n"
	   "int $0x80\n"
	   "entry_int80_next:\n"
	   "pop %rbp\n"
	   "pop %rbx\n"
	   "ret\n");
#else
# define ENTRY_CODE_32(name, insn)					\
	ENTRY_CODE(name,						\
		   "push %ebx\n"					\
		   "push %ebp\n"					\
		   "push %esi\n"					\
		   "push %edi\n"					\
		   "mov 20(%esp),%eax\n"				\
		   "mov 24(%esp),%ebp\n"				\
		   "mov (%ebp),%ebx\n"					\
		   "mov 4(%ebp),%ecx\n"					\
		   "mov 8(%ebp),%edx\n"					\
		   "mov 12(%ebp),%esi\n"				\
		   "mov 16(%ebp),%edi\n"				\
		   "mov 20(%ebp),%ebp\n"				\
		   insn "\n"						\
		   #name "_next:\n"					\
		   "pop %edi\n"						\
		   "pop %esi\n"						\
		   "pop %ebp\n"						\
		   "pop %ebx\n"						\
		   "ret\n")

long entry_int80(long nr, const long *args);
ENTRY_CODE_32(entry_int80, "int $0x80");

/* libc keeps the address of the vDSO's entry there */
long entry_vdso(long nr, const long *args);
ENTRY_CODE_32(entry_vdso, "call *%gs:0x10");
#endif

enum entry_by {
	WAY_INT80,
#ifdef __x86_64__
	WAY_SYSCALL,
	WAY_X32,		/* with x32 numbers */
#else
	WAY_VDSO,
#endif
};

static const struct entry_way entry_ways[] = {
	[WAY_INT80]	= { "int80", entry_int80, entry_int80_next, ABI_32, AUDIT_ARCH_I386 },
#ifdef __x86_64__
	[WAY_SYSCALL]	= { "syscall", entry_syscall, entry_syscall_next, ABI_64,
			    AUDIT_ARCH_X86_64 },
	[WAY_X32]	= { "x32", entry_syscall, entry_syscall_next, ABI_64,
			    AUDIT_ARCH_X86_64, 0x40000000 },
#else
	[WAY_VDSO]	= { "vdso", entry_vdso, NULL, ABI_32, AUDIT_ARCH_I386 },
#endif
};

static inline int entry_nr(const struct entry_way *way, enum entry_call call)
{
	return entry_calls[call].nr[way->abi] | way->bit;
}

/* The address after the instruction, to which the kernel returns; 0: none */
static inline unsigned long entry_next(const struct entry_way *way)
{
	const unsigned char *code = (const unsigned char *)getauxval(AT_SYSINFO);
	int i;

	if (way->next)
		return (unsigned long)way->next;
	/* The kernel returns to the address after the vDSO's INT $0x80 in any case */
	for (i = 0; code && i < 32; i++) {
		if (code[i] == 0xcd && code[i + 1] == 0x80)
			return (unsigned long)&code[i + 2];
	}
	return 0;
}

/* Does this kernel have the way? Tried in a child, because it may be killed. */
static inline bool entry_works(const struct entry_way *way)
{
	static const long no_args[6];
	int status;
	pid_t pid;

	if (!entry_next(way))
		return false;
	pid = fork();
	if (!pid)
		_exit(way->call(entry_nr(way, CALL_GETTID), no_args) != getpid());
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* Memory that is shared with children, and that 32-bit calls can address */
static inline void *entry_shared(size_t size)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	void *p;

#ifdef __x86_64__
	flags |= MAP_32BIT;
#endif
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/*
 * Install a filter that gives this answer to call @nr of the way if its argument
 * number @arg has the value, and allows all other calls. Returns what seccomp() returns.
 */
static inline int entry_filter(const struct entry_way *way, int nr, int arg, unsigned int value,
			       unsigned int answer, unsigned int flags)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, way->arch, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[arg])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return seccomp_install(insns, ARRAY_SIZE(insns), flags);
}

/* Read one item from a file in the task's directory of /proc */
static inline bool entry_proc(pid_t pid, const char *file, const char *format, void *item)
{
	char name[32];
	bool ok;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, file);
	f = fopen(name, "r");
	if (!f)
		return false;
	ok = fscanf(f, format, item) == 1;
	fclose(f);
	return ok;
}

static inline bool entry_asleep(pid_t pid)
{
	char state;

	return entry_proc(pid, "stat", "%*d (%*[^)]) %c", &state) && state == 'S';
}

/*
 * The number of the call in which a task sleeps, or -1. The file with the number is not
 * enough: in there, a task also looks asleep if it was woken up but does not run yet, or
 * if it has stopped since the first check.
 */
static inline long entry_sleeps_in(pid_t pid)
{
	long nr;

	if (!entry_asleep(pid) || !entry_proc(pid, "syscall", "%ld", &nr) || !entry_asleep(pid))
		return -1;
	return nr;
}

/*
 * The log: what happens, in words. Calls of the way's ABI are logged by name.
 */
struct entry_log {
	const struct entry_way *way;
	pid_t pid;
	long nr;		/* of the call; logged as "number" where it is a value */
	size_t len;
	char text[4096];
};

static inline __printf(2, 3) void entry_say(struct entry_log *log, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (log->len < sizeof(log->text))
		log->len += vsnprintf(log->text + log->len, sizeof(log->text) - log->len,
				      format, ap);
	va_end(ap);
}

static inline void entry_say_call(struct entry_log *log, long nr)
{
	int i;

	for (i = 0; i < CALL_COUNT; i++) {
		if (entry_nr(log->way, i) == nr) {
			entry_say(log, "%s", entry_calls[i].name);
			return;
		}
	}
	entry_say(log, "%#lx", nr);
}

static inline void entry_say_value(struct entry_log *log, long value)
{
	static const struct {
		int value;
		const char *name;
	} errors[] = {
		{ -ENOSYS, "ENOSYS" },
		{ -EINTR, "EINTR" },
		{ -EXDEV, "EXDEV" },
		{ -ERESTARTSYS, "ERESTARTSYS" },
		{ -ERESTARTNOINTR, "ERESTARTNOINTR" },
		{ -ERESTARTNOHAND, "ERESTARTNOHAND" },
		{ -ERESTART_RESTARTBLOCK, "ERESTART_RESTARTBLOCK" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (value == errors[i].value) {
			entry_say(log, "%s", errors[i].name);
			return;
		}
	}
	if (value == log->nr)
		entry_say(log, "number");
	else
		entry_say(log, "%ld", value);
}

/* Remove the items with this beginning from the expected text: nothing logs them */
static inline void entry_want_less(char *want, const char *begin)
{
	char *p, *end;

	for (p = want; *p; p = end) {
		end = strstr(p, ", ");
		end = end ? end + 2 : p + strlen(p);
		if (!strncmp(p, begin, strlen(begin))) {
			memmove(p, end, strlen(end) + 1);
			end = p;
		}
	}
}

/* Is the log as expected? Otherwise print both texts. */
static inline bool entry_check(const char *name, const struct entry_log *log, const char *want)
{
	if (!strcmp(log->text, want))
		return true;
	fprintf(stderr, "# %s: expected \"%s\"\n# %s: got      \"%s\"\n", name, want,
		name, log->text);
	return false;
}

/*
 * What a tracer sees when its child has stopped, and the statuses from waitpid()
 */
#define ENTRY_SYSCALL_STOP	((SIGTRAP | 0x80) << 8 | 0x7f)
#define ENTRY_SECCOMP_STOP	(PTRACE_EVENT_SECCOMP << 16 | SIGTRAP << 8 | 0x7f)

static inline void entry_say_args(struct entry_log *log, const __u64 *got, const long *want)
{
	int i;

	for (i = 0; want && i < 6; i++) {
		if (got[i] != (unsigned long)want[i])
			entry_say(log, "(argument %d is %#llx)", i, (unsigned long long)got[i]);
	}
}

/* Log a syscall or seccomp stop. If not NULL, @args are the expected arguments. */
static inline void entry_say_stop(struct entry_log *log, const long *args)
{
	struct ptrace_syscall_info info = { 0 };
	pid_t pid = log->pid;
	long ax;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0) {
		entry_say(log, "no information, ");
		return;
	}
	errno = 0;
	ax = ptrace(PTRACE_PEEKUSER, pid, ENTRY_REG(ax), 0);
	switch (info.op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
	case PTRACE_SYSCALL_INFO_SECCOMP:
		entry_say(log, info.op == PTRACE_SYSCALL_INFO_ENTRY ? "entry " : "seccomp ");
		/* Everywhere else this number has 32 bits */
		entry_say_call(log, (int)info.entry.nr);
		entry_say_args(log, info.entry.args, args);
		if (ax != -ENOSYS)
			entry_say(log, "(ax %ld)", ax);
		break;
	case PTRACE_SYSCALL_INFO_EXIT:
		entry_say(log, "exit ");
		entry_say_value(log, ax);
		if (info.exit.rval != ax ||
		    info.exit.is_error != (ax < 0 && ax >= -4095))
			entry_say(log, "(rval %lld, error %d)", (long long)info.exit.rval,
				  info.exit.is_error);
		break;
	default:
		entry_say(log, "stop %d", info.op);
	}
	if (info.arch != log->way->arch)
		entry_say(log, "(arch %#x)", info.arch);
	if (info.instruction_pointer != entry_next(log->way))
		entry_say(log, "(ip %+ld)",
			  (long)(info.instruction_pointer - entry_next(log->way)));
	entry_say(log, ", ");
}

/*
 * The tracepoints of a task's system calls
 */

#define ENTRY_TRACEFS		"/sys/kernel/tracing/events/raw_syscalls/"
#define ENTRY_PERF_PAGES	8

/* Where a field of a tracepoint is in its record */
struct entry_field {
	unsigned int offset, size;
};

struct entry_tracepoint {
	int id, fd;
	struct entry_field nr, value;	/* value: arguments or result */
};

struct entry_trace {
	struct entry_tracepoint enter, leave;
	struct perf_event_mmap_page *page;
	const long *args;
};

static inline bool entry_read_id(const char *event, int *id)
{
	char path[128];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), ENTRY_TRACEFS "%s/id", event);
	f = fopen(path, "r");
	if (!f)
		return false;
	ok = fscanf(f, "%d", id) == 1;
	fclose(f);
	return ok;
}

static inline bool entry_read_field(const char *event, const char *name,
				    struct entry_field *field)
{
	char path[128], line[256];
	bool found = false;
	const char *p;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), ENTRY_TRACEFS "%s/format", event);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		/* "	field:long id;	offset:8;	size:8;	signed:1;" */
		p = strstr(line, name);
		len = strlen(name);
		found = p && p > line && p[-1] == ' ' && (p[len] == ';' || p[len] == '[') &&
			(p = strstr(p, "offset:")) &&
			sscanf(p, "offset:%u; size:%u;", &field->offset, &field->size) == 2;
	}
	fclose(f);
	return found;
}

static inline int entry_perf_open(int id, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW,
		.wakeup_events = 1,
	};

	return syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Find the tracepoints of system calls. To be called before entry_trace_open(). */
static inline bool entry_trace_find(struct entry_trace *trace)
{
	return entry_read_id("sys_enter", &trace->enter.id) &&
	       entry_read_field("sys_enter", "id", &trace->enter.nr) &&
	       entry_read_field("sys_enter", "args", &trace->enter.value) &&
	       entry_read_id("sys_exit", &trace->leave.id) &&
	       entry_read_field("sys_exit", "id", &trace->leave.nr) &&
	       entry_read_field("sys_exit", "ret", &trace->leave.value);
}

/* Trace a task, with both tracepoints in one buffer */
static inline bool entry_trace_open(struct entry_trace *trace, pid_t pid)
{
	size_t size = (1 + ENTRY_PERF_PAGES) * sysconf(_SC_PAGESIZE);

	trace->enter.fd = entry_perf_open(trace->enter.id, pid);
	trace->leave.fd = entry_perf_open(trace->leave.id, pid);
	if (trace->enter.fd < 0 || trace->leave.fd < 0)
		return false;
	trace->page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, trace->enter.fd, 0);
	if (trace->page == MAP_FAILED) {
		trace->page = NULL;
		return false;
	}
	return !ioctl(trace->leave.fd, PERF_EVENT_IOC_SET_OUTPUT, trace->enter.fd);
}

/* What was traced so far can still be read */
static inline void entry_trace_stop(struct entry_trace *trace)
{
	ioctl(trace->enter.fd, PERF_EVENT_IOC_DISABLE, 0);
	ioctl(trace->leave.fd, PERF_EVENT_IOC_DISABLE, 0);
	close(trace->leave.fd);
	close(trace->enter.fd);
}

/* The elements of @field in a record are longs of the kernel's size */
static inline long long entry_get_long(const char *raw, const struct entry_field *field, int i,
				       unsigned int size)
{
	const char *p = raw + field->offset + i * size;
	long long value64;
	int value32;

	if (size == sizeof(value64)) {
		memcpy(&value64, p, sizeof(value64));
		return value64;
	}
	memcpy(&value32, p, sizeof(value32));
	return value32;
}

/* Copy bytes from the ring buffer */
static inline void entry_trace_copy(const struct entry_trace *trace, __u64 at, void *to,
				    unsigned int len)
{
	const char *data = (const char *)trace->page + sysconf(_SC_PAGESIZE);
	size_t size = ENTRY_PERF_PAGES * sysconf(_SC_PAGESIZE);
	unsigned int i;

	for (i = 0; i < len; i++)
		((char *)to)[i] = data[(at + i) % size];
}

static inline void entry_say_record(struct entry_log *log, const struct entry_trace *trace,
				    const char *raw)
{
	const struct entry_tracepoint *leave = &trace->leave;
	const struct entry_tracepoint *enter = &trace->enter;
	unsigned int size = enter->nr.size;
	unsigned short type;
	__u64 args[6];
	int i;

	/* Each record begins with its type */
	memcpy(&type, raw, sizeof(type));
	if (type == enter->id) {
		entry_say(log, "enter ");
		entry_say_call(log, entry_get_long(raw, &enter->nr, 0, size));
		for (i = 0; i < 6; i++) {
			args[i] = entry_get_long(raw, &enter->value, i, size);
			if (size < sizeof(args[i]))
				args[i] = (__u32)args[i];
		}
		entry_say_args(log, args, trace->args);
	} else if (type == leave->id) {
		entry_say(log, "leave ");
		entry_say_call(log, entry_get_long(raw, &leave->nr, 0, size));
		entry_say(log, "=");
		entry_say_value(log, entry_get_long(raw, &leave->value, 0, size));
	} else {
		entry_say(log, "record of type %u", type);
	}
	entry_say(log, ", ");
}

/* Log what was traced since the last time */
static inline void entry_say_trace(struct entry_log *log, struct entry_trace *trace)
{
	struct perf_event_header head;
	__u64 at, end;
	char raw[512];
	__u32 len;

	if (!trace->page)
		return;
	end = __atomic_load_n(&trace->page->data_head, __ATOMIC_ACQUIRE);
	for (at = trace->page->data_tail; at < end; at += head.size) {
		entry_trace_copy(trace, at, &head, sizeof(head));
		entry_trace_copy(trace, at + sizeof(head), &len, sizeof(len));
		if (head.type != PERF_RECORD_SAMPLE || len > sizeof(raw)) {
			entry_say(log, "perf record %u, ", head.type);
			continue;
		}
		entry_trace_copy(trace, at + sizeof(head) + sizeof(len), raw, len);
		entry_say_record(log, trace, raw);
	}
	__atomic_store_n(&trace->page->data_tail, end, __ATOMIC_RELEASE);
}

#endif /* SELFTEST_X86_SYSCALL_ENTRY_H */
