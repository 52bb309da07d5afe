// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's TCG. It gives the emulated CPU FRED, so that kernels with it can run.
 *
 * How it is done: all events still come by the IDT, whose gates are the plugin's. At each
 * gate is an IRETQ. Before that is executed, the plugin reads the frame that the CPU has
 * pushed, stores what FRED stores instead, and writes into the frame where FRED would go
 * on. SYSCALL, SYSENTER and LKGS raise an exception in QEMU as well. So they take the same
 * way, and all flags in the frame are right: what the interface says of them lacks the
 * arithmetic ones and DF. ERETU and ERETS are CLAC to a QEMU with SMAP, and the plugin
 * executes UD2 instead.
 *
 * arguments (addresses in hexadecimal):
 *	on=0|1		does CPUID have FRED? Without, nothing is done.
 *	code=ADDRESS	CODE_SIZE bytes of kernel code that are not executed with FRED
 *	idt=ADDRESS	a page that has the IDT without FRED
 *
 * The page below the TSS must be writable and unused: it becomes the stack of the gates.
 * With Linux, that is the entry stack. The last of its interrupt stacks is taken for that.
 *
 * There can be one CPU only: with several in one thread, QEMU 11.1 names the one that has
 * translated the code, not the one that executes it, and so a plugin cannot tell them apart.
 *
 * Not done:
 *	- Blocking by STI (bit 16 of SS): the interface does not show it.
 *	- Shadow stacks, enclaves, VMX, the event data of #NM: the emulated CPU has none.
 *	- LKGS and LTR from memory.
 *	- DR6 is cleared after each #DB, CR2 is set by each #PF: software has event data.
 *	- Far CALL, JMP and RET that would change the ring are not refused; IRET is.
 *	- A trap that ERETU makes pending comes without a check of the new CS and SS; those of
 *	  IRETQ are used otherwise.
 *	- SYSENTER comes through only if IA32_SYSENTER_CS is 0, or the CPU is not Intel's.
 *	- 64-bit mode is told by the selector of IA32_STAR.
 *	- Where an instruction is skipped or refused (MOV to CR4, CPUID, RDMSR, LIDT,
 *	  SWAPGS, ...), arithmetic flags can be lost.
 *
 * "FRED:" is what the specification of Flexible Return and Event Delivery says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plugin-registers.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1ULL << (n))

#define NR_VECTORS	256
#define USED_IST	7
#define TSS_IST(n)	(0x24 + 8 * ((n) - 1))

#define FLAGS_FIXED	BIT(1)
#define FLAGS_TF	BIT(8)
#define FLAGS_RF	BIT(16)
#define FLAGS_VALID	0x3d7fd7ULL	/* without VM */
#define CR4_LA57	BIT(12)
#define CR4_FRED	BIT(32)
#define EFER_SCE	BIT(0)

/* DR6 as it is without an event. The bits that are 1 here say something when they are 0. */
#define DR6_IDLE	0xffff0ff0ULL
#define DR6_EVENTS	0x1e80fULL	/* RTM, BS, BD, BLD, B3-B0 */
#define DR6_BS		BIT(14)

enum { DB = 1, NMI, BP, OF, UD = 6, DF = 8, TS = 10, NP, SS, GP, PF, AC = 17, CP = 21 };

/* FRED: event types */
enum { TYPE_INTERRUPT, TYPE_NMI = 2, HWEXC, SWINT, PRIV_SWEXC, SWEXC, OTHER, NR_TYPES };
/* FRED: vectors of type OTHER */
enum { SYSCALL_EVENT = 1, SYSENTER_EVENT };

#define SS_SWEVENT	BIT(17)
#define SS_NMI		BIT(18)
#define SS_LONG_MODE	BIT(57)
#define SS_NESTED	BIT(58)

enum { RSP0 = 0x1cc, STKLVLS = 0x1d0, CONFIG = 0x1d4, STAR = 0xc0000081 };

/* Own code: an IRETQ for each gate, and then */
enum {
	OWN_IRETQ = NR_VECTORS * 8,
	OWN_UD2 = OWN_IRETQ + 8,
	OWN_LIDT = OWN_UD2 + 8,		/* LIDT (RIP + 25); NOP */
	OWN_DR6 = OWN_LIDT + 16,	/* MOV DR6, RAX; MOV RAX, DR6; NOP */
	OWN_GS = OWN_DR6 + 8,		/* MOV EAX, GS; NOP */
	OWN_POINTER = OWN_GS + 8,
	CODE_SIZE = OWN_POINTER + 16,
};

static const uint8_t own_code[CODE_SIZE - OWN_IRETQ] = {
	[OWN_IRETQ - OWN_IRETQ] = 0x48, 0xcf,
	[OWN_UD2 - OWN_IRETQ] = 0x0f, 0x0b,
	[OWN_LIDT - OWN_IRETQ] = 0x0f, 0x01, 0x1d, OWN_POINTER - OWN_LIDT - 7, 0, 0, 0, 0x90,
	[OWN_DR6 - OWN_IRETQ] = 0x0f, 0x21, 0xf0, 0x0f, 0x23, 0xf0, 0x90,
	[OWN_GS - OWN_IRETQ] = 0x8e, 0xe8, 0x90,
};

/* What IRETQ takes from the stack */
struct context {
	uint64_t ip, cs, flags, sp, ss;
};

struct event {
	unsigned int type, vector, length;
	uint64_t error, data;
	bool nested;
};

static struct event exception(unsigned int vector, uint64_t error, uint64_t data)
{
	return (struct event){ .type = HWEXC, .vector = vector, .error = error, .data = data };
}

/* FRED: the stack frame */
struct frame {
	uint64_t error, ip, cs, flags, sp, ss, data, reserved;
};

/* Instructions that the plugin knows */
enum op {
	NONE, INT_N, INT1, INT3, INTO, SYSCALL, SYSENTER, ERETU, ERETS, LKGS,
	SWAPGS, SYSRET, SYSEXIT, IRETQ, RDMSR, WRMSR, CPUID, FROM_CR4, TO_CR4, LGDT, LIDT, LTR,
};

struct insn {
	uint64_t pc;		/* of the first translation */
	unsigned int size, reg;
	enum op op;
	unsigned int vector;
};

struct vcpu {
	bool enabled;			/* CR4.FRED */
	uint64_t msr[CONFIG - RSP0 + 1];
	uint64_t star, gdt, tss;
	bool nmi_blocked, nmi_pending;
	/* The instruction whose exception comes next */
	const struct insn *expected;
	/* What UD2 of own code stands for, unless an instruction is expected */
	struct event raised;
	uint64_t raised_ip;
	/* The instruction that own code works on, and what was then */
	const struct insn *at_work;
	struct context context;
	uint64_t rax, gs_base, debug;
	bool nmi_was_blocked;
	unsigned int level_was;
	/* After the IRETQ of an ERETU */
	uint64_t whole_sp;
	bool sp_unset;
	/* Where a return has set RF */
	uint64_t rf_ip;
	uint64_t resume;
};

static struct vcpu the_vcpu;
static uint64_t code, idt;
static bool gates_have_stack;
static struct vcpu_u64 sp_unset;
static unsigned long delivered[NR_TYPES], n_eretu, n_erets, n_pending;

/* ---- the CPU's state */

static void die(const char *what, uint64_t value)
{
	fprintf(stderr, "fred: %s: %#" PRIx64 "\n", what, value);
	exit(1);
}

static bool read_memory(uint64_t addr, void *to, size_t size)
{
	g_byte_array_set_size(buffer, size);
	if (!qemu_plugin_read_memory_vaddr(addr, buffer, size))
		return false;
	memcpy(to, buffer->data, size);
	return true;
}

/* Whether or not the page is writable */
static bool write_memory(uint64_t addr, const void *from, size_t size)
{
	g_byte_array_set_size(buffer, size);
	memcpy(buffer->data, from, size);
	return qemu_plugin_write_memory_vaddr(addr, buffer);
}

/*
 * Code that is mapped twice is translated once. RIP is not kept up to date within a block,
 * but no block has instructions that begin on another page.
 */
static uint64_t pc_of(const struct insn *insn)
{
	return (get("rip") & ~0xfffULL) | (insn->pc & 0xfff);
}

static void swap_gs(void)
{
	uint64_t base = get("gs_base");

	set("gs_base", get("k_gs_base"));
	set("k_gs_base", base);
}

static bool in_ring0(void) { return !(get("cs") & 3); }
static bool of_ring3(const struct context *c) { return (c->cs & 3) == 3; }

static bool is_canonical(uint64_t addr)
{
	unsigned int unused = get("cr4") & CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(addr << unused) >> unused) == addr;
}

static uint64_t *msr(struct vcpu *v, unsigned int number) { return &v->msr[number - RSP0]; }

/* FRED: the current stack level is in IA32_FRED_CONFIG */
static unsigned int level(struct vcpu *v) { return *msr(v, CONFIG) & 3; }

static void set_level(struct vcpu *v, unsigned int level)
{
	*msr(v, CONFIG) = (*msr(v, CONFIG) & ~3ULL) | level;
}

/* FRED: as for SYSCALL and SYSRET, IA32_STAR has the selectors */
static uint64_t kernel_cs(const struct vcpu *v) { return v->star >> 32 & 0xfffc; }
static uint64_t user_ss(const struct vcpu *v) { return ((v->star >> 48) + 8) | 3; }
static uint64_t user_cs64(const struct vcpu *v) { return ((v->star >> 48) + 16) | 3; }

static bool is_64bit(const struct vcpu *v, uint64_t cs)
{
	return (cs & 3) != 3 || (cs & 0xffff) == user_cs64(v);
}

/* ---- gates and own code */

static bool is_own_code(uint64_t pc) { return pc >= code && pc < code + CODE_SIZE; }

/*
 * An NMI can come when another event has just come to its gate, and must not overwrite
 * that one's frame. FRED: ring 3 may execute INT n with any n.
 */
static void set_gates(const struct vcpu *v)
{
	unsigned int i;

	gates_have_stack |= v->tss;
	for (i = 0; i < NR_VECTORS; i++) {
		uint64_t addr = code + i * 8, use_ist = gates_have_stack && i != NMI ? USED_IST : 0;
		uint64_t gate[2] = {
			(addr & 0xffff) | (get("cs") & 0xffff) << 16 | use_ist << 32 |
			0xeeULL << 40 | (addr >> 16 & 0xffff) << 48, addr >> 32,
		};

		if (!write_memory(idt + i * sizeof(gate), gate, sizeof(gate)))
			die("no memory for the IDT", idt);
	}
}

static void write_own_code(void)
{
	uint8_t bytes[CODE_SIZE];
	uint16_t limit = NR_VECTORS * 16 - 1;
	unsigned int i;

	for (i = 0; i < OWN_IRETQ; i++)
		bytes[i] = own_code[i & 7];
	memcpy(bytes + OWN_IRETQ, own_code, sizeof(own_code));
	memcpy(bytes + OWN_POINTER, &limit, sizeof(limit));
	memcpy(bytes + OWN_POINTER + sizeof(limit), &idt, sizeof(idt));
	if (!write_memory(code, bytes, sizeof(bytes)))
		die("no memory for own code", code);
}

/* The next IRETQ goes there */
static void iret_to(struct vcpu *v, const struct context *to)
{
	uint64_t sp = v->tss ? v->tss - sizeof(*to) : get("rsp");

	write_memory(sp, to, sizeof(*to));
	set("rsp", sp);
}

/* Where another instruction than the present one has to raise the exception */
static void raise(struct vcpu *v, const struct insn *insn, unsigned int vector, uint64_t error)
{
	v->expected = NULL;
	v->raised = exception(vector, error, 0);
	v->raised_ip = pc_of(insn);
	qemu_plugin_set_pc(code + OWN_UD2);
}

/* ---- event delivery */

/*
 * FRED: events of ring 3 use level 0, unless they are #DF or come while another one is
 * delivered. In ring 0, interrupts have a level in IA32_FRED_CONFIG, exceptions and NMIs in
 * IA32_FRED_STKLVLS; SYSCALL, SYSENTER and INT n do not change it. It never becomes lower.
 */
static unsigned int new_level(struct vcpu *v, const struct event *e, bool user)
{
	unsigned int now = user ? 0 : level(v), wanted = now;

	if (user && e->vector != DF && !e->nested)
		return 0;
	if (e->type == TYPE_INTERRUPT)
		wanted = *msr(v, CONFIG) >> 9 & 3;
	else if (e->type != SWINT && e->type != OTHER)
		wanted = *msr(v, STKLVLS) >> e->vector * 2 & 3;
	return wanted > now ? wanted : now;
}

static bool is_contributory(const struct event *e)
{
	return e->type == HWEXC && (e->vector == 0 || (e->vector >= TS && e->vector <= PF) ||
				    e->vector == CP);
}

/* In context c, which becomes that of the entry point. If there is no memory: at fault. */
static bool push_frame(struct vcpu *v, const struct event *e, struct context *c, uint64_t *fault)
{
	bool user = of_ring3(c), soft = e->type == SWINT || e->type == OTHER;
	unsigned int old = user ? 0 : level(v), new = new_level(v, e, user);
	struct frame frame = {
		.error = e->error,
		.ip = c->ip,
		/* FRED: with the stack level */
		.cs = (c->cs & 0xffff) | old << 16,
		.flags = c->flags,
		.sp = c->sp,
		/* FRED: with what the event is */
		.ss = (c->ss & 0xffff) | (soft ? SS_SWEVENT : 0) |
		      (e->type == TYPE_NMI ? SS_NMI : 0) | (uint64_t)e->vector << 32 |
		      (uint64_t)e->type << 48 | (is_64bit(v, c->cs) ? SS_LONG_MODE : 0) |
		      (e->nested ? SS_NESTED : 0) | (uint64_t)e->length << 60,
		.data = e->data,
	};
	uint64_t sp;

	/*
	 * FRED: a higher level has its stack in an MSR, as has ring 0 for ring 3. Otherwise
	 * the stack is kept, after a gap in units of 64 bytes, on a 64-byte boundary.
	 */
	if (user || new > old)
		sp = *msr(v, RSP0 + new);
	else
		sp = (c->sp - (*msr(v, CONFIG) & 0x1c0)) & ~0x3fULL;
	sp -= sizeof(frame);
	if (!write_memory(sp, &frame, sizeof(frame))) {
		*fault = sp;
		return false;
	}
	delivered[e->type]++;
	set_level(v, new);
	/* FRED: NMIs are blocked until a return that has their bit in SS */
	if (e->type == TYPE_NMI)
		v->nmi_blocked = true;
	/* FRED: ring 0 has its entry point 256 bytes after that of ring 3; RFLAGS are cleared */
	*c = (struct context){
		.ip = (*msr(v, CONFIG) & ~0xfffULL) + (user ? 0 : 256),
		.cs = user ? kernel_cs(v) : c->cs & 0xffff,
		.flags = FLAGS_FIXED,
		.sp = sp,
		.ss = user ? kernel_cs(v) + 8 : c->ss & 0xffff,
	};
	return true;
}

static void push_event(struct vcpu *v, struct event e, struct context *c)
{
	uint64_t fault;

	while (!push_frame(v, &e, c, &fault)) {
		if (e.type == HWEXC && e.vector == DF)
			die("triple fault, the event before came at", c->ip);
		/*
		 * FRED: an exception of event delivery is marked as nested, #DF is not. What
		 * the interface does not tell is whether the page was there.
		 */
		if (is_contributory(&e)) {
			e = exception(DF, 0, 0);
		} else {
			e = exception(PF, 2, fault);
			e.nested = true;
		}
	}
}

static const struct event nmi_event = { .type = TYPE_NMI, .vector = NMI };

static void deliver(struct vcpu *v, struct event e, struct context c);

/* One that came where it could not be delivered at once. IRETQ to c is next. */
static bool deliver_pending_nmi(struct vcpu *v, struct context c)
{
	if (!v->nmi_pending || v->nmi_blocked)
		return false;
	v->nmi_pending = false;
	deliver(v, nmi_event, c);
	return true;
}

/* The CPU is in ring 0, the event came in context c, and IRETQ is next */
static void deliver(struct vcpu *v, struct event e, struct context c)
{
	/* FRED: of ring 3, with SWAPGS */
	if (of_ring3(&c))
		swap_gs();
	v->rf_ip = 0;
	push_event(v, e, &c);
	iret_to(v, &c);
	deliver_pending_nmi(v, c);
}

/* ---- returns */

/*
 * FRED, ERETU: from level 0 to ring 3. ERETS: within ring 0, to the same or a lower level,
 * CS and SS being those that are loaded. Other bits, and a bad RIP or RFLAGS, raise #GP.
 */
static bool may_return(struct vcpu *v, const struct context *c, const struct context *to,
		       bool to_user, uint64_t *error)
{
	*error = 0;
	if (!is_canonical(to->ip) || (to->flags & ~FLAGS_VALID))
		return false;
	if (!to_user)
		return !(to->cs >> 18) && (to->cs >> 16) <= level(v) &&
		       (uint16_t)to->cs == (uint16_t)c->cs && (uint16_t)to->ss == (uint16_t)c->ss;
	if (level(v) || to->cs >> 16)
		return false;
	if ((to->cs & 3) != 3) {
		*error = to->cs & 0xfffc;
		return false;
	}
	*error = to->ss & 0xfffc;
	return (to->ss & 3) == 3;
}

static void event_return(struct vcpu *v, const struct insn *insn, const struct context *c)
{
	bool to_user = insn->op == ERETU, soft;
	struct context to;
	uint64_t error;

	/* FRED: the error code is skipped */
	if (!read_memory(c->sp + 8, &to, sizeof(to)))
		return deliver(v, exception(PF, 0, c->sp + 8), *c);
	if (!may_return(v, c, &to, to_user, &error))
		return deliver(v, exception(GP, error, 0), *c);

	v->at_work = insn;
	v->context = *c;
	v->nmi_was_blocked = v->nmi_blocked;
	v->level_was = level(v);
	/* FRED: swevent and nmi are in SS, the stack level in CS */
	soft = to.ss & SS_SWEVENT;
	if (to.ss & SS_NMI)
		v->nmi_blocked = false;
	set_level(v, to.cs >> 16 & 3);
	to.cs &= 0xffff;
	to.ss &= 0xffff;
	if (to_user) {
		n_eretu++;
		/* FRED, ERETU: with SWAPGS */
		swap_gs();
	} else {
		n_erets++;
	}
	/* FRED: with TF, a return from a software event makes a single-step trap pending */
	if (soft && to.flags & FLAGS_TF) {
		n_pending++;
		return deliver(v, exception(DB, 0, DR6_BS), to);
	}
	if (deliver_pending_nmi(v, to))
		return;
	/* FRED: all of RSP is restored. IRETQ to a 16-bit stack leaves the upper bits. */
	if (to_user && to.ss != user_ss(v)) {
		v->whole_sp = to.sp;
		v->sp_unset = true;
		qemu_plugin_u64_set(sp_unset, 0, 1);
	}
	if (to.flags & FLAGS_RF)
		v->rf_ip = to.ip;
	iret_to(v, &to);
}

static void sp_is_set(struct vcpu *v)
{
	v->sp_unset = false;
	qemu_plugin_u64_set(sp_unset, 0, 0);
}

/* The first block of ring 3 after such an ERETU */
static void at_user(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;

	/* The lower half of the address space may have code of ring 0, too */
	if (in_ring0())
		return;
	set("rsp", v->whole_sp);
	sp_is_set(v);
}

/* FRED, LKGS: as MOV to GS, but the base goes to IA32_KERNEL_GS_BASE */
static void begin_lkgs(struct vcpu *v, const struct insn *insn, const struct context *c)
{
	v->at_work = insn;
	v->context = *c;
	v->rax = get("rax");
	v->gs_base = get("gs_base");
	set("rax", get(gprs[insn->reg]) & 0xffff);
	qemu_plugin_set_pc(code + OWN_GS);
}

static void end_lkgs(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;

	set("k_gs_base", get("gs_base"));
	set("gs_base", v->gs_base);
	set("rax", v->rax);
	v->context.ip += v->at_work->size;
	v->context.flags &= ~FLAGS_RF;
	iret_to(v, &v->context);
	deliver_pending_nmi(v, v->context);
	qemu_plugin_set_pc(code + OWN_IRETQ);
}

/* ---- what comes to a gate */

/* An exception of own code is that of the instruction it works for, which did nothing then */
static void own_exception(struct vcpu *v, struct event e, struct context c)
{
	if (c.ip == code + OWN_UD2) {
		const struct insn *insn = v->expected;

		c.ip = v->raised_ip;
		if (!insn)
			return deliver(v, v->raised, c);
		v->expected = NULL;
		return event_return(v, insn, &c);
	}
	if (v->at_work->op == LKGS) {
		set("rax", v->rax);
		set("gs_base", v->gs_base);
	} else {
		v->nmi_blocked = v->nmi_was_blocked;
		set_level(v, v->level_was);
		if (v->at_work->op == ERETU)
			swap_gs();
		sp_is_set(v);
	}
	deliver(v, e, v->context);
}

/*
 * FRED: event data are the bits of DR6, inverted where they are so there. RAX is used for
 * reading them.
 */
static void begin_debug(struct vcpu *v, const struct context *c)
{
	v->context = *c;
	v->rax = get("rax");
	qemu_plugin_set_pc(code + OWN_DR6);
}

static void end_debug(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;

	set("rax", v->rax);
	deliver(v, exception(DB, 0, v->debug), v->context);
	qemu_plugin_set_pc(code + OWN_IRETQ);
}

/* DR6 collects bits: those that were reported are cleared */
static void dr6_read(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;

	v->debug = (get("rax") ^ DR6_IDLE) & DR6_EVENTS;
	set("rax", DR6_IDLE);
}

static bool has_error_code(unsigned int vector)
{
	return vector == DF || (vector >= TS && vector <= PF) || vector == AC || vector == CP;
}

/* Is this the exception that the instruction was expected to raise? INTO may raise none. */
static bool is_expected(const struct insn *insn, unsigned int vector)
{
	if (!insn)
		return false;
	return insn->op <= INTO ? vector == insn->vector : vector == UD || vector == GP;
}

static void expected_event(struct vcpu *v, const struct insn *insn, struct event e,
			   struct context c)
{
	switch (insn->op) {
	case INT_N:
		e.type = SWINT;
		break;
	case INT1:
		e.type = PRIV_SWEXC;
		break;
	case INT3:
	case INTO:
		e.type = SWEXC;
		break;
	case SYSCALL:
		set("efer", get("efer") | EFER_SCE);
		/* FRED changes nothing in that it is for 64-bit mode only */
		if (!is_64bit(v, c.cs))
			return deliver(v, e, c);
		e = (struct event){ .type = OTHER, .vector = SYSCALL_EVENT };
		break;
	case SYSENTER:
		e = (struct event){ .type = OTHER, .vector = SYSENTER_EVENT };
		break;
	default:
		return begin_lkgs(v, insn, &c);
	}
	/* FRED: of these, the length is stored, and RIP is that of the next instruction */
	e.length = insn->size;
	if (insn->op >= SYSCALL)
		c.ip += insn->size;
	c.flags &= ~FLAGS_RF;
	deliver(v, e, c);
}

static void at_gate(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;
	const struct insn *insn = v->expected;
	unsigned int vector = ((const struct insn *)data)->vector;
	bool is_int = insn && insn->op == INT_N && insn->vector == vector;
	struct event e = exception(vector, 0, 0);
	uint64_t sp = get("rsp");
	struct context c;

	if (has_error_code(vector) && !is_int) {
		read_memory(sp, &e.error, 8);
		sp += 8;
		set("rsp", sp);
	}
	if (!read_memory(sp, &c, sizeof(c)))
		die("no stack of a gate", sp);

	if (vector == NMI && !is_int) {
		/* It came before another IRETQ, and is one of where that would go */
		if (c.ip == code + OWN_IRETQ)
			read_memory(c.sp, &c, sizeof(c));
		/* Not now: IRETQ goes back to where it came */
		if (is_own_code(c.ip) || v->nmi_blocked) {
			v->nmi_pending = true;
			return;
		}
	} else if (is_own_code(c.ip)) {
		return own_exception(v, e, c);
	}
	if (of_ring3(&c) && v->sp_unset) {
		c.sp = v->whole_sp;
		sp_is_set(v);
	}
	v->expected = NULL;
	if (is_expected(insn, vector))
		return expected_event(v, insn, e, c);
	if (vector == NMI)
		e.type = TYPE_NMI;
	else if (vector >= 32)
		e.type = TYPE_INTERRUPT;
	/* QEMU has RF of an interrupt always set */
	if (e.type != HWEXC && c.ip != v->rf_ip)
		c.flags &= ~FLAGS_RF;
	if (vector == DB)
		return begin_debug(v, &c);
	/* FRED: event data of #PF is the address */
	if (vector == PF)
		e.data = get("cr2");
	deliver(v, e, c);
}

/* ---- instructions */

/* INT n, and those that raise #UD or #GP in the emulated CPU */
static void expect(unsigned int index, void *data)
{
	const struct insn *insn = data;
	struct vcpu *v = &the_vcpu;

	/* LKGS is there without FRED as well, but not used */
	if (v->enabled)
		v->expected = insn;
}

/* FRED: LKGS, ERETU and ERETS are for ring 0 */
static void expect_in_ring0(unsigned int index, void *data)
{
	if (in_ring0())
		expect(index, data);
}

static void at_event_return(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;

	if (!v->enabled || !in_ring0())
		return;
	v->expected = data;
	v->raised_ip = pc_of(data);
	qemu_plugin_set_pc(code + OWN_UD2);
}

/* It is to raise #UD */
static void at_syscall(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;
	uint64_t efer = get("efer");

	/* FRED: IA32_EFER.SCE is still needed */
	if (v->enabled && efer & EFER_SCE) {
		set("efer", efer & ~EFER_SCE);
		v->expected = data;
	}
}

/* FRED: SWAPGS, SYSRET and SYSEXIT raise #UD; IRET does not leave ring 0 */
static void at_refused(unsigned int index, void *data)
{
	const struct insn *insn = data;
	struct vcpu *v = &the_vcpu;
	uint64_t cs = 0;

	if (!v->enabled || !in_ring0())
		return;
	if (insn->op != IRETQ)
		raise(v, insn, UD, 0);
	else if (read_memory(get("rsp") + 8, &cs, 8) && (cs & 3))
		raise(v, insn, GP, cs & 0xfffc);
}

/* FRED: MSRs. Stacks are canonical and aligned, and reserved bits are 0, or #GP is raised. */
static bool is_valid(unsigned int number, uint64_t value)
{
	if (number < STKLVLS)
		return is_canonical(value) && !(value & 0x3f);
	if (number == STKLVLS)
		return true;
	if (number == CONFIG)
		return is_canonical(value) && !(value & 0x834);
	return is_canonical(value) && !(value & 7);
}

static void at_wrmsr(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;
	uint32_t number = get("rcx");
	uint64_t value = get("rdx") << 32 | (uint32_t)get("rax");

	if (!in_ring0())
		return;
	if (number == STAR)
		v->star = value;
	if (number < RSP0 || number > CONFIG)
		return;
	if (!is_valid(number, value))
		raise(v, data, GP, 0);
	/* QEMU ignores those that it does not know */
	*msr(v, number) = value;
}

static void skip(const struct insn *insn)
{
	qemu_plugin_set_pc(pc_of(insn) + insn->size);
}

static void at_rdmsr(unsigned int index, void *data)
{
	struct vcpu *v = &the_vcpu;
	uint32_t number = get("rcx");

	if (!in_ring0() || number < RSP0 || number > CONFIG)
		return;
	set("rax", (uint32_t)*msr(v, number));
	set("rdx", *msr(v, number) >> 32);
	skip(data);
}

/* Leaf 7.1 of QEMU's CPU "max", with FRED and LKGS, of which other models have nothing */
static void at_cpuid(unsigned int index, void *data)
{
	if ((uint32_t)get("rax") != 7 || (uint32_t)get("rcx") != 1)
		return;
	set("rax", BIT(10) | BIT(11) | BIT(12) | BIT(17) | BIT(18));
	set("rbx", 0);
	set("rcx", 0);
	set("rdx", 0);
	skip(data);
}

static void at_cr4(unsigned int index, void *data)
{
	const struct insn *insn = data;
	struct vcpu *v = &the_vcpu;
	uint64_t value;

	if (!in_ring0())
		return;
	if (insn->op == FROM_CR4) {
		if (!v->enabled)
			return;
		set(gprs[insn->reg], get("cr4") | CR4_FRED);
		skip(insn);
	}
	value = get(gprs[insn->reg]);
	if (!v->enabled && !(value & CR4_FRED))
		return;
	set("cr4", value & ~CR4_FRED);
	if (!v->enabled && value & CR4_FRED) {
		v->enabled = true;
		write_own_code();
		set_gates(v);
		v->resume = pc_of(insn) + insn->size;
		qemu_plugin_set_pc(code + OWN_LIDT);
	}
	v->enabled = value & CR4_FRED;
	skip(insn);
}

static void end_lidt(unsigned int index, void *data)
{
	qemu_plugin_set_pc(the_vcpu.resume);
}

/* FRED does not use the IDT, but this plugin does */
static void at_lidt(unsigned int index, void *data)
{
	if (the_vcpu.enabled && in_ring0())
		skip(data);
}

/* The limit comes first */
static void lgdt_reads(unsigned int index, uint32_t info, uint64_t addr, void *data)
{
	if (qemu_plugin_mem_size_shift(info) == 3)
		read_memory(addr, &the_vcpu.gdt, 8);
}

static void at_ltr(unsigned int index, void *data)
{
	const struct insn *insn = data;
	struct vcpu *v = &the_vcpu;
	uint64_t selector = get(gprs[insn->reg]), descriptor[2];

	if (!v->gdt || !in_ring0() ||
	    !read_memory(v->gdt + (selector & 0xfff8), descriptor, sizeof(descriptor)))
		return;
	v->tss = descriptor[1] << 32 | (descriptor[0] >> 32 & 0xff000000) |
		 (descriptor[0] >> 16 & 0xffffff);
	if (!write_memory(v->tss + TSS_IST(USED_IST), &v->tss, 8))
		die("no memory of a TSS", v->tss);
	if (v->enabled)
		set_gates(v);
}

/* ---- translation */

static const enum op one_byte_ops[] = {
	[0xcc] = INT3,
	[0xcd] = INT_N,
	[0xce] = INTO,
	[0xcf] = IRETQ,
	[0xf1] = INT1,
	[0xff] = NONE,
};

/* After 0x0f */
static const enum op two_byte_ops[] = {
	[0x05] = SYSCALL,
	[0x07] = SYSRET,
	[0x20] = FROM_CR4,
	[0x22] = TO_CR4,
	[0x30] = WRMSR,
	[0x32] = RDMSR,
	[0x34] = SYSENTER,
	[0x35] = SYSEXIT,
	[0xa2] = CPUID,
	[0xff] = NONE,
};

static const unsigned int vectors[] = { [INT1] = DB, [INT3] = BP, [INTO] = OF, [IRETQ] = 0 };

/* After 0x0f: 0x00 or 0x01, and ModRM */
static enum op group_op(const uint8_t *byte, uint8_t prefix)
{
	unsigned int reg = byte[1] >> 3 & 7;
	bool is_register = byte[1] >= 0xc0;

	if (byte[0] == 0x00) {
		if (!is_register)
			return NONE;
		return reg == 3 ? LTR : reg == 6 && prefix == 0xf2 ? LKGS : NONE;
	}
	if (!is_register)
		return reg == 2 ? LGDT : reg == 3 ? LIDT : NONE;
	if (byte[1] == 0xca)
		return prefix == 0xf3 ? ERETU : prefix == 0xf2 ? ERETS : NONE;
	/* WRMSRNS */
	if (byte[1] == 0xc6)
		return prefix ? NONE : WRMSR;
	return byte[1] == 0xf8 ? SWAPGS : NONE;
}

/* Segment, operand size, address size, LOCK, REPNE, REP */
static bool is_prefix(uint8_t byte)
{
	return (byte & 0xe7) == 0x26 || (byte >= 0x64 && byte <= 0x67) || byte == 0xf0 ||
	       byte == 0xf2 || byte == 0xf3;
}

static void decode(struct insn *insn, const uint8_t *byte)
{
	uint8_t prefix = 0, rex = 0;

	for (; is_prefix(*byte); byte++) {
		if (*byte == 0xf2 || *byte == 0xf3)
			prefix = *byte;
	}
	if ((*byte & 0xf0) == 0x40)
		rex = *byte++;
	if (*byte != 0x0f) {
		insn->op = one_byte_ops[*byte];
		if (insn->op == IRETQ && !(rex & 8))
			insn->op = NONE;
		if (insn->op != NONE)
			insn->vector = insn->op == INT_N ? byte[1] : vectors[insn->op];
		return;
	}
	byte++;
	/* The register of ModRM */
	insn->reg = (byte[1] & 7) | (rex & 1) << 3;
	insn->op = *byte <= 0x01 ? group_op(byte, prefix) : two_byte_ops[*byte];
	/* MOV from and to other control registers */
	if ((insn->op == FROM_CR4 || insn->op == TO_CR4) && ((byte[1] >> 3 & 7) != 4 || rex & 4))
		insn->op = NONE;
}

static const struct {
	exec_cb_t cb;
	int flags;
} callbacks[] = {
	[INT_N] = { expect, CB_NO_REGS },
	[INT1] = { expect, CB_NO_REGS },
	[INT3] = { expect, CB_NO_REGS },
	[INTO] = { expect, CB_NO_REGS },
	[SYSCALL] = { at_syscall, CB_RW_REGS },
	[SYSENTER] = { expect, CB_NO_REGS },
	[ERETU] = { at_event_return, CB_RW_REGS_PC },
	[ERETS] = { at_event_return, CB_RW_REGS_PC },
	[LKGS] = { expect_in_ring0, CB_R_REGS },
	[SWAPGS] = { at_refused, CB_RW_REGS_PC },
	[SYSRET] = { at_refused, CB_RW_REGS_PC },
	[SYSEXIT] = { at_refused, CB_RW_REGS_PC },
	[IRETQ] = { at_refused, CB_RW_REGS_PC },
	[RDMSR] = { at_rdmsr, CB_RW_REGS_PC },
	[WRMSR] = { at_wrmsr, CB_RW_REGS_PC },
	[CPUID] = { at_cpuid, CB_RW_REGS_PC },
	[FROM_CR4] = { at_cr4, CB_RW_REGS_PC },
	[TO_CR4] = { at_cr4, CB_RW_REGS_PC },
	[LIDT] = { at_lidt, CB_RW_REGS_PC },
	[LTR] = { at_ltr, CB_RW_REGS },
};

static const struct {
	unsigned int offset;
	exec_cb_t cb;
	int flags;
} own_callbacks[] = {
	{ OWN_LIDT + 7, end_lidt, CB_RW_REGS_PC },
	{ OWN_DR6 + 3, dr6_read, CB_RW_REGS },
	{ OWN_DR6 + 6, end_debug, CB_RW_REGS_PC },
	{ OWN_GS + 2, end_lkgs, CB_RW_REGS_PC },
};

static void own_translated(struct qemu_plugin_insn *handle, struct insn *insn)
{
	unsigned int i, offset = insn->pc - code;

	if (offset < OWN_IRETQ && offset % 8 == 0) {
		insn->vector = offset / 8;
		qemu_plugin_register_vcpu_insn_exec_cb(handle, at_gate, CB_RW_REGS_PC, insn);
	}
	for (i = 0; i < ARRAY_SIZE(own_callbacks); i++) {
		if (own_callbacks[i].offset == offset)
			qemu_plugin_register_vcpu_insn_exec_cb(handle, own_callbacks[i].cb,
							       own_callbacks[i].flags, insn);
	}
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	size_t i;

	if (!(qemu_plugin_tb_vaddr(tb) >> 63))
		qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, at_user, CB_RW_REGS, COND_NE,
							  sp_unset, 0, NULL);
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *handle = qemu_plugin_tb_get_insn(tb, i);
		struct insn insn = { .pc = qemu_plugin_insn_vaddr(handle) };
		uint8_t bytes[17] = { 0 };
		struct insn *kept;

		insn.size = qemu_plugin_insn_size(handle);
		qemu_plugin_insn_data(handle, bytes, 15);
		decode(&insn, bytes);
		if (insn.op == NONE && !is_own_code(insn.pc))
			continue;
		/* Translated code refers to it, and nobody says when that is gone */
		kept = malloc(sizeof(*kept));
		*kept = insn;
		if (is_own_code(insn.pc))
			own_translated(handle, kept);
		else if (insn.op == LGDT)
			qemu_plugin_register_vcpu_mem_cb(handle, lgdt_reads, CB_NO_REGS, MEM_R,
							 kept);
		else
			qemu_plugin_register_vcpu_insn_exec_cb(handle, callbacks[insn.op].cb,
							       callbacks[insn.op].flags, kept);
	}
}

static const char *const type_names[NR_TYPES] = {
	[TYPE_INTERRUPT] = "interrupts",
	[TYPE_NMI] = "NMIs",
	[HWEXC] = "exceptions",
	[SWINT] = "INT n",
	[PRIV_SWEXC] = "INT1",
	[SWEXC] = "INT3, INTO",
	[OTHER] = "system calls",
};

/* So that a run can show that it was one with FRED */
static void finish(void *data)
{
	unsigned int i;

	if (!the_vcpu.enabled)
		return;
	fprintf(stderr, "fred: ");
	for (i = 0; i < NR_TYPES; i++) {
		if (type_names[i])
			fprintf(stderr, "%s: %lu; ", type_names[i], delivered[i]);
	}
	fprintf(stderr, "ERETU: %lu, %lu with a trap; ERETS: %lu\n", n_eretu, n_pending, n_erets);
}

EXPORTED int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv)
{
	const char *on_arg = plugin_argument("on", argc, argv);
	const char *code_arg = plugin_argument("code", argc, argv);
	const char *idt_arg = plugin_argument("idt", argc, argv);

	if (!plugin_fits(info) || !on_arg || !code_arg || !idt_arg) {
		fprintf(stderr, "fred: wants x86_64, version %d of plugins, and on=, code=, idt=\n",
			qemu_plugin_version);
		return -1;
	}
	if (strcmp(on_arg, "1"))
		return 0;
	if (info->smp_vcpus != 1) {
		fprintf(stderr, "fred: wants one CPU, not %d\n", info->smp_vcpus);
		return -1;
	}
	code = strtoull(code_arg, NULL, 16);
	idt = strtoull(idt_arg, NULL, 16);
	buffer = g_byte_array_new();
	sp_unset.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
