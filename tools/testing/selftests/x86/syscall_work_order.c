// SPDX-License-Identifier: GPL-2.0
/*
 * One system call, and everything that can observe or change it: user dispatch, a
 * tracer, seccomp, tracepoints, audit. The order in which they see the call is ABI.
 * So is what each of them sees if another one before it has changed the call.
 *
 * Each test compares what happened with a text:
 *	entry CALL		the tracer's stop on entry
 *	seccomp CALL		the tracer's stop for seccomp's RET_TRACE
 *	notify CALL		a supervisor is asked
 *	enter CALL		tracepoint sys_enter
 *	leave CALL=RESULT	tracepoint sys_exit
 *	audit CALL=RESULT	audit's record, which is written after the call. It cannot
 *				be seen whether that is before or after sys_exit
 *	exit RESULT		the tracer's stop on exit
 *	dispatched CALL, trapped CALL=DATA	SIGSYS of user dispatch, of seccomp
 *	end RESULT, handled AX	what the program gets, what its handler of SIGSYS gets
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "syscall_entry.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
#endif
#ifndef PR_SYS_DISPATCH_ON
# define PR_SYS_DISPATCH_ON		1
#endif
#ifndef SYS_USER_DISPATCH
# define SYS_USER_DISPATCH		2
#endif

#define MAGIC		4711	/* a result that no call returns */
#define LAST_ARG	0x66
#define TIMEOUT		10000	/* ms. Only a failure takes this long */

/* What a tracer does at a stop */
struct change {
	enum {
		NOTHING,
		SET_CALL,	/* another number, and a result if there is one */
		SET_RESULT,
		SKIP_CALL,	/* and set the result */
		OPEN_TRACE,	/* begin to trace */
		CLOSE_TRACE,
	} what;
	enum entry_call call;
	long result;
};

#define TO(call)	{ SET_CALL, call }
#define TO_RESULT(call, result)	{ SET_CALL, call, result }
#define SKIP_TO(result)	{ SKIP_CALL, 0, result }
#define RESULT(result)	{ SET_RESULT, 0, result }

struct order {
	const char *want;
	/* seccomp's answer to a call */
	unsigned int answer;
	enum entry_call filtered;
	/* A supervisor's answer */
	struct seccomp_notif_resp notify;
	bool dispatch;
	/* How the program goes on, and how after seccomp's stop. 0: PTRACE_SYSCALL */
	int request, then_request;
	struct change entry, seccomp, exit;
};

/* The program's memory */
struct program {
	long args[6];
	long result;
	long ax, ip;		/* of its handler's frame */
	int filter;
	bool handled;
	char selector;
};

static struct program *prog;

/* Tell the tracer that the test is over, and make one more call in the same way */
static __noreturn void program_end(const struct entry_way *way)
{
	asm volatile("int3");
	way->call(entry_nr(way, CALL_GETTID), prog->args);
	_exit(0);
}

static const struct entry_way *handler_way;

static void sigsys_handler(int sig, siginfo_t *info, void *ctx)
{
	greg_t *gregs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	prog->selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	prog->ax = gregs[ENTRY_GREG_AX];
	prog->ip = gregs[ENTRY_GREG_IP];
	prog->handled = true;
	program_end(handler_way);
}

static void program_main(const struct entry_way *way, const struct order *o)
{
	struct sigaction sa = { .sa_sigaction = sigsys_handler, .sa_flags = SA_SIGINFO };
	unsigned int flags = 0;

	handler_way = way;
	if (sigaction(SIGSYS, &sa, NULL) || ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(1);
	if (o->answer) {
		if (o->answer == SECCOMP_RET_USER_NOTIF)
			flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
		prog->filter = entry_filter(way, entry_nr(way, o->filtered), 5, LAST_ARG,
					    o->answer, flags);
		if (prog->filter < 0)
			_exit(1);
	}
	if (o->dispatch && prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0,
				 &prog->selector))
		_exit(1);
	/* No system call between this one and the one that is tested */
	syscall(SYS_tgkill, getpid(), getpid(), SIGSTOP);
	if (o->dispatch)
		prog->selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	prog->result = way->call(entry_nr(way, CALL_PRIO_MAX), prog->args);
	program_end(way);
}

/*
 * Audit, without disturbing its daemon: listening does not take away its records
 */

struct audit {
	int control, listener;
	bool switched_on;	/* by this test */
	bool had_no_tasks;
	struct audit_rule_data rule;
};

struct audit_message {
	struct nlmsghdr head;
	char data[8192];
};

/* Send a request. Returns 0 or an error. A message of the same type goes to reply. */
static int audit_request(int fd, int type, const void *data, size_t len, void *reply,
			 size_t reply_len)
{
	struct audit_message msg = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(len),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
	};
	const struct nlmsgerr *err = (void *)msg.data;
	bool acknowledged = false;

	if (len)
		memcpy(msg.data, data, len);
	if (send(fd, &msg, msg.head.nlmsg_len, 0) < 0)
		return -errno;
	/* They come in any order */
	while (!acknowledged || reply) {
		if (recv(fd, &msg, sizeof(msg), 0) < (ssize_t)sizeof(msg.head))
			return -EIO;
		if (msg.head.nlmsg_type == NLMSG_ERROR) {
			if (err->error)
				return err->error;
			acknowledged = true;
		} else if (msg.head.nlmsg_type == type && reply) {
			memcpy(reply, msg.data, reply_len);
			reply = NULL;
		}
	}
	return 0;
}

static int audit_rule(const struct audit *a, int type, const struct audit_rule_data *rule)
{
	return audit_request(a->control, type, rule, sizeof(*rule), NULL, 0);
}

/* Distributions have this rule to not audit new tasks. The tests remove it. */
static const struct audit_rule_data no_tasks = {
	.flags = AUDIT_FILTER_TASK,
	.action = AUDIT_NEVER,
};

static int audit_switch(const struct audit *a, int on)
{
	struct audit_status status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on };

	return audit_request(a->control, AUDIT_SET, &status, sizeof(status), NULL, 0);
}

static int audit_socket(int groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	struct timeval timeout = { .tv_sec = TIMEOUT / 1000 };

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Returns why there is no audit, or NULL. Tasks must be created after this. */
static const char *audit_open(struct audit *a)
{
	struct audit_status status = { 0 };

	a->control = audit_socket(0);
	a->listener = audit_socket(1 << (AUDIT_NLGRP_READLOG - 1));
	if (a->control < 0 || a->listener < 0)
		return "no audit in this kernel, or no right to it";
	if (audit_request(a->control, AUDIT_GET, NULL, 0, &status, sizeof(status)))
		return "audit does not say how it is set";
	if (status.enabled > 1)
		return "audit is locked";
	if (!status.enabled) {
		if (audit_switch(a, 1))
			return "audit cannot be switched on";
		a->switched_on = true;
	}
	a->had_no_tasks = !audit_rule(a, AUDIT_DEL_RULE, &no_tasks);
	return NULL;
}

static bool audit_task(struct audit *a, pid_t pid)
{
	a->rule = (struct audit_rule_data) {
		.flags = AUDIT_FILTER_EXIT,
		.action = AUDIT_ALWAYS,
		.field_count = 1,
		.fields = { AUDIT_PID },
		.values = { pid },
		.fieldflags = { AUDIT_EQUAL },
	};
	memset(a->rule.mask, 0xff, sizeof(a->rule.mask));
	return !audit_rule(a, AUDIT_ADD_RULE, &a->rule);
}

static void audit_close(struct audit *a)
{
	if (a->rule.field_count)
		audit_rule(a, AUDIT_DEL_RULE, &a->rule);
	if (a->had_no_tasks)
		audit_rule(a, AUDIT_ADD_RULE, &no_tasks);
	if (a->switched_on)
		audit_switch(a, 0);
	close(a->control);
	close(a->listener);
}

/* The middle of the record of a call */
#define RECORD	"arch=%x syscall=%ld success=%*s exit=%ld a0=%llx a1=%llx a2=%llx a3=%llx " \
		"items=%*d ppid=%*d pid=%d"

/* Log the task's next record of a call. Returns false if there is none in time. */
static bool audit_say(struct entry_log *log, const struct audit *a, int timeout)
{
	struct pollfd pfd = { .fd = a->listener, .events = POLLIN };
	struct audit_message msg = { 0 };
	unsigned long long arg[4];
	unsigned int arch;
	long nr, result;
	const char *p;
	int i, pid;

	for (;;) {
		if (poll(&pfd, 1, timeout) != 1 || recv(a->listener, &msg, sizeof(msg) - 1, 0) < 0)
			return false;
		p = strstr(msg.data, "arch=");
		if (msg.head.nlmsg_type == AUDIT_SYSCALL && p &&
		    sscanf(p, RECORD, &arch, &nr, &result, &arg[0], &arg[1], &arg[2], &arg[3],
			   &pid) == 8 && pid == log->pid)
			break;
	}
	entry_say(log, "audit ");
	entry_say_call(log, nr);
	entry_say(log, "=");
	entry_say_value(log, result);
	if (arch != log->way->arch)
		entry_say(log, "(arch %#x)", arch);
	for (i = 0; i < 4; i++) {
		if (arg[i] != (unsigned long)prog->args[i])
			entry_say(log, "(argument %d is %#llx)", i, arg[i]);
	}
	entry_say(log, ", ");
	return true;
}

/*
 * The tests
 */

FIXTURE(order) {
	struct entry_trace trace;
	struct entry_log log;
	struct audit audit;
	char want[512];
	bool traced;		/* by tracepoints, now */
};

FIXTURE_VARIANT(order) {
	enum entry_by way;
	bool trace;
	bool audit;
};

FIXTURE_VARIANT_ADD(order, int80) { WAY_INT80 };
FIXTURE_VARIANT_ADD(order, int80_trace) { WAY_INT80, .trace = true };
FIXTURE_VARIANT_ADD(order, int80_trace_audit) { WAY_INT80, .trace = true, .audit = true };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(order, syscall) { WAY_SYSCALL };
FIXTURE_VARIANT_ADD(order, syscall_trace) { WAY_SYSCALL, .trace = true };
FIXTURE_VARIANT_ADD(order, syscall_trace_audit) { WAY_SYSCALL, .trace = true, .audit = true };
/* Audit has no rules for x32 numbers */
FIXTURE_VARIANT_ADD(order, x32) { WAY_X32 };
FIXTURE_VARIANT_ADD(order, x32_trace) { WAY_X32, .trace = true };
#else
FIXTURE_VARIANT_ADD(order, vdso) { WAY_VDSO };
FIXTURE_VARIANT_ADD(order, vdso_trace) { WAY_VDSO, .trace = true };
FIXTURE_VARIANT_ADD(order, vdso_trace_audit) { WAY_VDSO, .trace = true, .audit = true };
#endif

FIXTURE_SETUP(order)
{
	static const long args[6] = { SCHED_FIFO, 0x22, 0x33, 0x44, 0x55, LAST_ARG };
	const struct entry_way *way = &entry_ways[variant->way];
	const char *why;

	self->log.way = way;
	self->log.nr = entry_nr(way, CALL_PRIO_MAX);
	if (!entry_works(way))
		SKIP(return, "no %s in this kernel", way->name);
	if (variant->trace && !entry_trace_find(&self->trace))
		SKIP(return, "no tracepoints of system calls");
	self->audit.control = -1;
	self->audit.listener = -1;
	if (variant->audit) {
		why = audit_open(&self->audit);
		if (why)
			SKIP(return, "%s", why);
	}
	prog = entry_shared(sizeof(*prog));
	ASSERT_TRUE(!!prog);
	memcpy(prog->args, args, sizeof(args));
	self->trace.args = prog->args;
}

FIXTURE_TEARDOWN(order)
{
	if (self->log.pid > 0) {
		kill(self->log.pid, SIGKILL);
		waitpid(self->log.pid, NULL, __WALL);
	}
	audit_close(&self->audit);
}

#define ORDER	FIXTURE_DATA(order)
#define WATCH	FIXTURE_VARIANT(order)

static void trace_open(ORDER *self)
{
	self->traced = entry_trace_open(&self->trace, self->log.pid);
}

static void trace_close(ORDER *self)
{
	if (self->traced)
		entry_trace_stop(&self->trace);
	self->traced = false;
}

static void make_change(ORDER *self, const struct change *c, bool trace)
{
	pid_t pid = self->log.pid;

	switch (c->what) {
	case SET_CALL:
		ptrace(PTRACE_POKEUSER, pid, ENTRY_ORIG_AX,
		       (long)entry_nr(self->log.way, c->call));
		if (c->result)
			ptrace(PTRACE_POKEUSER, pid, ENTRY_REG(ax), c->result);
		break;
	case SKIP_CALL:
		ptrace(PTRACE_POKEUSER, pid, ENTRY_ORIG_AX, -1L);
		ptrace(PTRACE_POKEUSER, pid, ENTRY_REG(ax), c->result);
		break;
	case SET_RESULT:
		ptrace(PTRACE_POKEUSER, pid, ENTRY_REG(ax), c->result);
		break;
	case OPEN_TRACE:
		if (trace)
			trace_open(self);
		break;
	case CLOSE_TRACE:
		trace_close(self);
		break;
	case NOTHING:
		break;
	}
}

/* Answer as the supervisor. Returns false if there is no question. */
static bool supervise(ORDER *self, const struct order *o)
{
	struct pollfd pfd = { .fd = prog->filter, .events = POLLIN };
	struct seccomp_notif_resp resp = o->notify;
	struct seccomp_notif notif = { 0 };

	if (poll(&pfd, 1, TIMEOUT) != 1 ||
	    ioctl(prog->filter, SECCOMP_IOCTL_NOTIF_RECV, &notif))
		return false;
	entry_say_trace(&self->log, &self->trace);
	entry_say(&self->log, "notify ");
	entry_say_call(&self->log, notif.data.nr);
	entry_say_args(&self->log, notif.data.args, prog->args);
	if (notif.data.arch != self->log.way->arch)
		entry_say(&self->log, "(arch %#x)", notif.data.arch);
	entry_say(&self->log, ", ");
	resp.id = notif.id;
	return !ioctl(prog->filter, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void say_sigsys(struct entry_log *log)
{
	siginfo_t info = { 0 };

	ptrace(PTRACE_GETSIGINFO, log->pid, 0, &info);
	if (info.si_signo != SIGSYS) {
		entry_say(log, "signal %d, ", info.si_signo);
		return;
	}
	entry_say(log, info.si_code == SYS_USER_DISPATCH ? "dispatched " : "trapped ");
	entry_say_call(log, info.si_syscall);
	if (info.si_errno)
		entry_say(log, "=%d", info.si_errno);
	if (info.si_arch != log->way->arch)
		entry_say(log, "(arch %#x)", info.si_arch);
	if ((unsigned long)info.si_call_addr != entry_next(log->way))
		entry_say(log, "(at %p)", info.si_call_addr);
	entry_say(log, ", ");
}

static void say_end(struct entry_log *log)
{
	entry_say(log, prog->handled ? "handled " : "end ");
	entry_say_value(log, prog->handled ? prog->ax : prog->result);
	if (prog->handled && prog->ip != entry_next(log->way))
		entry_say(log, "(ip %#lx)", prog->ip);
	entry_say(log, ", ");
}

/* A thread sends what audit has queued: wait for the expected record, it is due now */
static void say_audit(ORDER *self)
{
	if (strstr(self->want, "audit ") && !strstr(self->log.text, "audit "))
		audit_say(&self->log, &self->audit, TIMEOUT);
}

/* From the stop before the call to its end. If all is well, the loop ends early. */
static void follow(struct __test_metadata *_metadata, ORDER *self, const struct order *o,
		   bool trace)
{
	int request = o->request ? o->request : PTRACE_SYSCALL;
	bool asks = o->answer == SECCOMP_RET_USER_NOTIF;
	struct entry_log *log = &self->log;
	int i, status, sig = 0;
	unsigned long side;

	for (i = 0; i < 16; i++) {
		ASSERT_EQ(ptrace(request, log->pid, 0, (long)sig), 0);
		/* If there is a stop on entry, it comes first */
		if (asks && (request == PTRACE_CONT || i == 1)) {
			EXPECT_TRUE(supervise(self, o));
			asks = false;
		}
		ASSERT_EQ(waitpid(log->pid, &status, __WALL), log->pid);
		entry_say_trace(log, &self->trace);
		sig = 0;
		if (!WIFSTOPPED(status)) {
			say_audit(self);
			entry_say(log, "status %#x, ", status & ~WCOREFLAG);
			log->pid = 0;
			return;
		}
		if (status == ENTRY_SYSCALL_STOP) {
			ASSERT_EQ(ptrace(PTRACE_GETEVENTMSG, log->pid, 0, &side), 0);
			if (side == PTRACE_EVENTMSG_SYSCALL_EXIT)
				say_audit(self);
			entry_say_stop(log, prog->args);
			make_change(self, side == PTRACE_EVENTMSG_SYSCALL_EXIT ?
				    &o->exit : &o->entry, trace);
		} else if (status == ENTRY_SECCOMP_STOP) {
			entry_say_stop(log, prog->args);
			make_change(self, &o->seccomp, trace);
			if (o->then_request)
				request = o->then_request;
		} else if (WSTOPSIG(status) != SIGTRAP) {
			say_sigsys(log);
			sig = WSTOPSIG(status);
		} else {
			say_audit(self);
			say_end(log);
			break;
		}
	}
}

static void run(struct __test_metadata *_metadata, ORDER *self, const WATCH *variant,
		const struct order *o)
{
	bool opens = o->entry.what == OPEN_TRACE || o->seccomp.what == OPEN_TRACE;
	struct entry_log *log = &self->log;
	char marker[] = "audit gettid=";
	int status;

	snprintf(self->want, sizeof(self->want), "%s, ", o->want);
	if (!variant->trace) {
		entry_want_less(self->want, "enter ");
		entry_want_less(self->want, "leave ");
	}
	if (!variant->audit)
		entry_want_less(self->want, "audit ");

	/* Share file descriptors: the supervisor needs the filter's */
	log->pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	ASSERT_GE(log->pid, 0);
	if (!log->pid)
		program_main(log->way, o);
	ASSERT_EQ(waitpid(log->pid, &status, 0), log->pid);
	ASSERT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ASSERT_EQ(ptrace(PTRACE_SETOPTIONS, log->pid, 0, PTRACE_O_TRACESYSGOOD |
			 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL), 0);
	if (variant->trace && !opens) {
		trace_open(self);
		ASSERT_TRUE(self->traced);
	}
	if (variant->audit)
		ASSERT_TRUE(audit_task(&self->audit, log->pid));

	follow(_metadata, self, o, variant->trace);
	trace_close(self);

	/* Wait for one more record, to be certain that no other one is on the way */
	if (variant->audit && log->pid) {
		ASSERT_EQ(ptrace(PTRACE_CONT, log->pid, 0, 0), 0);
		while (!strstr(log->text, marker) && audit_say(log, &self->audit, TIMEOUT))
			;
		strncat(self->want, marker, sizeof(self->want) - strlen(self->want) - 1);
		snprintf(self->want + strlen(self->want), 16, "%d, ", log->pid);
	}
	EXPECT_TRUE(entry_check(_metadata->name, log, self->want));
}

/* The text says what the kernel must do */
#define ORDER_TEST(name, text, ...)					\
static const struct order name##_order = { .want = text, ##__VA_ARGS__ };	\
TEST_F(order, name)							\
{									\
	run(_metadata, self, variant, &name##_order);			\
}

#define FILTER(ret, call)	.answer = SECCOMP_RET_##ret, .filtered = CALL_PRIO_##call
#define FILTER_ERRNO(call)	.answer = SECCOMP_RET_ERRNO | EXDEV, .filtered = CALL_PRIO_##call

/* Only observers */

ORDER_TEST(untraced, "enter max, leave max=99, audit max=99, end 99", .request = PTRACE_CONT)

ORDER_TEST(tracer, "entry max, enter max, leave max=99, audit max=99, exit 99, end 99")

/* A tracer changes the call: all others see the new one */

ORDER_TEST(tracer_sets_call, "entry max, enter min, leave min=1, audit min=1, exit 1, end 1",
	   .entry = TO(CALL_PRIO_MIN))

ORDER_TEST(tracer_sets_no_call,
	   "entry max, enter none, leave none=ENOSYS, audit none=ENOSYS, exit ENOSYS, end ENOSYS",
	   .entry = TO(CALL_NONE))

/* A result that a tracer sets is the call's only if the call is skipped */
ORDER_TEST(tracer_sets_no_call_and_result,
	   "entry max, enter none, leave none=ENOSYS, audit none=ENOSYS, exit ENOSYS, end ENOSYS",
	   .entry = TO_RESULT(CALL_NONE, MAGIC))

ORDER_TEST(tracer_skips,
	   "entry max, enter skip, leave skip=4711, exit 4711, end 4711",
	   .entry = SKIP_TO(MAGIC))

/* All others have seen the result of the call itself */
ORDER_TEST(tracer_sets_result,
	   "entry max, enter max, leave max=99, audit max=99, exit 99, end 4711",
	   .exit = RESULT(MAGIC))

ORDER_TEST(tracer_emulates, "entry max, leave max=ENOSYS, end ENOSYS", .request = PTRACE_SYSEMU)

/*
 * seccomp judges the call as the tracer has left it. If it forbids the call, the
 * observers on entry do not see the call.
 */

ORDER_TEST(filter_errno, "entry max, leave max=EXDEV, exit EXDEV, end EXDEV", FILTER_ERRNO(MAX))

ORDER_TEST(filter_errno_untraced, "leave max=EXDEV, end EXDEV", FILTER_ERRNO(MAX),
	   .request = PTRACE_CONT)

ORDER_TEST(tracer_sets_call_to_filtered, "entry max, leave min=EXDEV, exit EXDEV, end EXDEV",
	   FILTER_ERRNO(MIN), .entry = TO(CALL_PRIO_MIN))

ORDER_TEST(tracer_sets_call_from_filtered,
	   "entry max, enter min, leave min=1, audit min=1, exit 1, end 1",
	   FILTER_ERRNO(MAX), .entry = TO(CALL_PRIO_MIN))

ORDER_TEST(tracer_skips_filtered,
	   "entry max, enter skip, leave skip=4711, exit 4711, end 4711",
	   FILTER_ERRNO(MAX), .entry = SKIP_TO(MAGIC))

ORDER_TEST(tracer_emulates_filtered, "entry max, leave max=ENOSYS, end ENOSYS",
	   FILTER_ERRNO(MAX), .request = PTRACE_SYSEMU)

ORDER_TEST(filter_trap, "entry max, leave max=number, exit number, trapped max=7, handled number",
	   .answer = SECCOMP_RET_TRAP | 7, .filtered = CALL_PRIO_MAX)

ORDER_TEST(filter_trap_untraced, "leave max=number, trapped max=7, handled number",
	   .answer = SECCOMP_RET_TRAP | 7, .filtered = CALL_PRIO_MAX, .request = PTRACE_CONT)

ORDER_TEST(filter_kills, "entry max, leave max=number, exit number, status 0x1f",
	   FILTER(KILL_PROCESS, MAX))

ORDER_TEST(filter_kills_untraced, "leave max=number, status 0x1f",
	   FILTER(KILL_PROCESS, MAX), .request = PTRACE_CONT)

/* The stop of seccomp comes after the stop on entry, and before all observers */

ORDER_TEST(filter_trace,
	   "entry max, seccomp max, enter max, leave max=99, audit max=99, exit 99, end 99",
	   FILTER(TRACE, MAX))

ORDER_TEST(filter_trace_alone, "seccomp max, enter max, leave max=99, audit max=99, end 99",
	   FILTER(TRACE, MAX), .request = PTRACE_CONT)

/* It is too late for the stop on entry when the tracer asks for syscall stops */
ORDER_TEST(filter_trace_then_tracer,
	   "seccomp max, enter max, leave max=99, audit max=99, exit 99, end 99",
	   FILTER(TRACE, MAX), .request = PTRACE_CONT, .then_request = PTRACE_SYSCALL)

ORDER_TEST(filter_trace_then_none,
	   "entry max, seccomp max, enter max, leave max=99, audit max=99, end 99",
	   FILTER(TRACE, MAX), .then_request = PTRACE_CONT)

ORDER_TEST(filter_trace_of_changed,
	   "entry max, seccomp min, enter min, leave min=1, audit min=1, exit 1, end 1",
	   FILTER(TRACE, MIN), .entry = TO(CALL_PRIO_MIN))

ORDER_TEST(filter_trace_sets_call,
	   "entry max, seccomp max, enter min, leave min=1, audit min=1, exit 1, end 1",
	   FILTER(TRACE, MAX), .seccomp = TO(CALL_PRIO_MIN))

ORDER_TEST(filter_trace_sets_no_call_and_result,
	   "entry max, seccomp max, enter none, leave none=ENOSYS, audit none=ENOSYS, exit ENOSYS, end ENOSYS",
	   FILTER(TRACE, MAX), .seccomp = TO_RESULT(CALL_NONE, MAGIC))

ORDER_TEST(filter_trace_sets_call_and_result,
	   "entry max, seccomp max, enter min, leave min=1, audit min=1, exit 1, end 1",
	   FILTER(TRACE, MAX), .seccomp = TO_RESULT(CALL_PRIO_MIN, MAGIC))

ORDER_TEST(filter_trace_skips, "entry max, seccomp max, leave skip=4711, exit 4711, end 4711",
	   FILTER(TRACE, MAX), .seccomp = SKIP_TO(MAGIC))

/* A supervisor decides in the same place as a filter */

ORDER_TEST(supervisor_answers, "entry max, notify max, leave max=4711, exit 4711, end 4711",
	   FILTER(USER_NOTIF, MAX), .notify.val = MAGIC)

ORDER_TEST(supervisor_answers_untraced, "notify max, leave max=4711, end 4711",
	   FILTER(USER_NOTIF, MAX), .notify.val = MAGIC, .request = PTRACE_CONT)

ORDER_TEST(supervisor_denies, "entry max, notify max, leave max=EXDEV, exit EXDEV, end EXDEV",
	   FILTER(USER_NOTIF, MAX), .notify.error = -EXDEV)

ORDER_TEST(supervisor_permits,
	   "entry max, notify max, enter max, leave max=99, audit max=99, exit 99, end 99",
	   FILTER(USER_NOTIF, MAX), .notify.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE)

ORDER_TEST(supervisor_sees_changed, "entry max, notify min, leave min=4711, exit 4711, end 4711",
	   FILTER(USER_NOTIF, MIN), .notify.val = MAGIC, .entry = TO(CALL_PRIO_MIN))

/* If user dispatch catches a call, none of the others sees a system call */

ORDER_TEST(dispatch, "dispatched max, handled number", .dispatch = true)

ORDER_TEST(dispatch_untraced, "dispatched max, handled number", .dispatch = true,
	   .request = PTRACE_CONT)

ORDER_TEST(dispatch_before_emulation, "dispatched max, handled number", .dispatch = true,
	   .request = PTRACE_SYSEMU)

ORDER_TEST(dispatch_before_filter, "dispatched max, handled number", .dispatch = true,
	   FILTER(KILL_PROCESS, MAX))

ORDER_TEST(dispatch_before_filter_trace, "dispatched max, handled number", .dispatch = true,
	   FILTER(TRACE, MAX))

/*
 * Work that is set or cleared at the stop on entry counts at once. At seccomp's stop it
 * is too late for the rest of the entry.
 */

ORDER_TEST(trace_opens_on_entry,
	   "entry max, enter max, leave max=99, audit max=99, exit 99, end 99",
	   .entry.what = OPEN_TRACE)

ORDER_TEST(trace_closes_on_entry, "entry max, audit max=99, exit 99, end 99",
	   .entry.what = CLOSE_TRACE)

ORDER_TEST(trace_opens_in_filter, "seccomp max, leave max=99, audit max=99, end 99",
	   FILTER(TRACE, MAX), .request = PTRACE_CONT, .seccomp.what = OPEN_TRACE)

TEST_HARNESS_MAIN
