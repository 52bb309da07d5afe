// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the emulated CPU do what FRED's specification says? A kernel of its own that
 * programs FRED, runs instructions in ring 3 and ring 0, and looks at the frames that come.
 * It writes TAP to the serial port. See fred-test.S for the rest, and for the layout.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define BIT(n)		(1UL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define KERNEL_CS	0x08
#define KERNEL_SS	0x10
#define USER32_CS	0x1b
#define USER_SS		0x23
#define USER_CS		0x2b
#define STACK16_SS	0x43
#define BASED_DS	0x4b
#define ABSENT_DS	0x53
#define BASED_BASE	0x12345000UL

#define CF		BIT(0)
#define FIXED		BIT(1)
#define PF		BIT(2)
#define AF		BIT(4)
#define ZF		BIT(6)
#define SF		BIT(7)
#define TF		BIT(8)
#define IF		BIT(9)
#define DF		BIT(10)
#define OF		BIT(11)
#define NT		BIT(14)
#define RF		BIT(16)
#define AC		BIT(18)
#define ID		BIT(21)
#define ARITHMETIC	(CF | PF | AF | ZF | SF | OF)

#define CR4_FRED	BIT(32)

#define FRED_RSP(n)	(0x1cc + (n))
#define FRED_STKLVLS	0x1d0
#define FRED_CONFIG	0x1d4
#define STAR		0xc0000081
#define GS_BASE		0xc0000101
#define KERNEL_GS_BASE	0xc0000102

#define APIC_EOI	0xfee000b0UL
#define APIC_SVR	0xfee000f0UL
#define APIC_ICR	0xfee00300UL
#define ICR_NMI		0x4400
#define ICR_INT50	0x4050

#define SERIAL		0x3f8
#define DEBUG_PORT	0xf4

#define UNMAPPED	0x7f0000000000UL
#define NONCANONICAL	0x0000800000000000UL
#define USER_GS		0x300000UL
#define KERNEL_GS	0x300100UL

/* Types of events */
enum { TYPE_INTERRUPT, NMI = 2, HWEXC, SWINT, PRIV_SWEXC, SWEXC, OTHER };
#define SWEVENT		BIT(17)
#define NMI_BIT		BIT(18)
#define LONG_MODE	BIT(57)
#define NESTED		BIT(58)
#define BS		BIT(14)
#define BD		BIT(13)

struct frame {
	u64 error, ip, cs, flags, sp, ss, data, reserved;
};

/* What came, and how */
struct seen {
	struct frame frame;
	u64 addr, flags, level;
};

extern char gdt[], entry[], landed[], eretu[], erets[], kernel_erets[];
extern u64 back, user_rax, user_rcx, user_r11;

void run(u64 sp, u64 ip);
void user_event(struct frame *frame, u64 flags);
void kernel_event(struct frame *frame, u64 flags);
void main(void);

static struct seen user, kernel[8];
static u32 n_user, n_kernel;
/* What else is to be done in ring 0's handler */
static void (*hook)(struct frame *frame);

static struct {
	char stack[8192];
	u64 top[8];
} __attribute__((aligned(64))) level_stack[4], user_stack, return_stack;

static u32 n_checks, n_failed;

/* ---- the machine */

static u64 rdmsr(u32 number)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
	return low | (u64)high << 32;
}

static void wrmsr(u32 number, u64 value)
{
	asm volatile("wrmsr" : : "c"(number), "a"((u32)value), "d"(value >> 32) : "memory");
}

static void outb(u32 port, u8 value)
{
	asm volatile("outb %0, %w1" : : "a"(value), "d"(port));
}

static void write32(u64 addr, u32 value) { *(volatile u32 *)addr = value; }

#define read_register(name) ({ u64 v_; asm volatile("mov %%" name ", %0" : "=r"(v_)); v_; })
#define write_register(name, value) asm volatile("mov %0, %%" name : : "r"((u64)(value)) : "memory")

static void print(const char *text)
{
	while (*text)
		outb(SERIAL, *text++);
}

static void print_number(u64 n, u32 base)
{
	char digits[20];
	int i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		outb(SERIAL, digits[--i]);
}

/* ---- checks */

static u32 bad_line;

/* Facts of one check; ok() says it */
#define is(got, wanted) is_(got, wanted, #got, __LINE__)
static void is_(u64 got, u64 wanted, const char *name, u32 line)
{
	if (got == wanted)
		return;
	if (!bad_line)
		bad_line = line;
	print("# line ");
	print_number(line, 10);
	print(": ");
	print(name);
	print(" is 0x");
	print_number(got, 16);
	print(", not 0x");
	print_number(wanted, 16);
	print("\n");
}

static void ok(const char *words)
{
	print(bad_line ? "not ok " : "ok ");
	print_number(++n_checks, 10);
	print(" - ");
	print(words);
	print("\n");
	n_failed += !!bad_line;
	bad_line = 0;
}

static u64 ss_slot(u64 ss, u32 type, u32 vector, u32 length, u64 bits)
{
	return ss | (u64)vector << 32 | (u64)type << 48 | (u64)length << 60 | bits;
}

/* ---- what comes */

static void see(struct seen *seen, struct frame *frame, u64 flags)
{
	*seen = (struct seen){ *frame, (u64)frame, flags, rdmsr(FRED_CONFIG) & 3 };
}

void user_event(struct frame *frame, u64 flags)
{
	see(&user, frame, flags);
	n_user++;
}

void kernel_event(struct frame *frame, u64 flags)
{
	if (n_kernel < ARRAY_SIZE(kernel))
		see(&kernel[n_kernel++], frame, flags);
	if (hook)
		hook(frame);
	if ((frame->ss >> 32 & 0xff) == 0x50 && (frame->ss >> 48 & 15) == TYPE_INTERRUPT)
		write32(APIC_EOI, 0);
	/* The code after a fault is not to be executed */
	if ((frame->ss >> 48 & 15) == HWEXC)
		frame->ip = (u64)landed;
}

static void forget(void)
{
	n_user = n_kernel = 0;
	user = (struct seen){ };
	kernel[0] = kernel[1] = (struct seen){ };
	hook = 0;
}

/* ---- running code in ring 3 and ring 0 */

#define USER_SP	((u64)user_stack.top)

/* ERETU or ERETS, with room for events below the frame */
static void event_return(const char *insn, const struct frame *frame)
{
	struct frame *copy = (struct frame *)return_stack.top;

	*copy = *frame;
	run((u64)copy, (u64)insn);
}

static struct frame user_frame(const char *ip, u64 flags)
{
	return (struct frame){
		.ip = (u64)ip,
		.cs = USER_CS,
		.flags = flags,
		.sp = USER_SP,
		.ss = USER_SS,
	};
}

static void in_user(const char *ip, u64 flags)
{
	struct frame frame = user_frame(ip, flags);

	forget();
	event_return(eretu, &frame);
}

static void in_user32(const char *ip, u64 flags)
{
	struct frame frame = user_frame(ip, flags);

	forget();
	frame.cs = USER32_CS;
	event_return(eretu, &frame);
}

#define KERNEL_SP (USER_SP - 256)

static void in_kernel(const char *ip)
{
	forget();
	run(KERNEL_SP, (u64)ip);
}

/* Code, with the label NAME_at before and NAME_end after what raises the event */
#define CODE(name, before, insn, after)						\
	extern char name[], name##_at[], name##_end[];				\
	asm(".pushsection .text; .globl " #name ", " #name "_at, " #name "_end\n"	\
	    #name ":\n" before "\n" #name "_at:\n" insn "\n" #name "_end:\n" after	\
	    "\njmp landed; .popsection")
#define CODE32(name, before, insn) CODE(name, ".code32\n" before, insn, "int3; .code64")

CODE(u_syscall, "", "syscall", "");
CODE(u_syscall_lazy, "std; mov $1, %eax; cmp $2, %eax", "syscall", "");
CODE(u_syscall_lazy2, "mov $0x7fffffff, %eax; add $1, %eax", "syscall", "");
CODE(u_sysenter, "", "sysenter", "");
CODE(u_sysenter_lazy, "std; mov $1, %eax; cmp $2, %eax", "sysenter", "");
CODE32(u_sysenter32, "", "sysenter");
CODE32(u_syscall32, "", "syscall");
CODE(u_int80, "", "int $0x80", "");
CODE(u_int80_long, "", ".fill 13, 1, 0x2e\n.byte 0xcd, 0x80", "");
CODE(u_int14, "", "int $14", "");
CODE(u_intcd3, "", ".byte 0xcd, 3", "");
CODE(u_int3, "", "int3", "");
CODE(u_int1, "", ".byte 0xf1", "");
CODE32(u_into, "", "into");
CODE(u_ud2, "", "ud2", "");
CODE(u_hlt, "", "hlt", "");
CODE(u_bad_ds, "mov $0x777b, %eax", "mov %eax, %ds", "");
CODE(u_absent_ds, "mov $0x53, %eax", "mov %eax, %ds", "");
CODE(u_read, "mov $0x7f0000000123, %rdi", "mov (%rdi), %al", "");
CODE(u_write, "mov $0x7f0000000123, %rdi", "mov %al, (%rdi)", "");
CODE(u_nops, "", "nop", "nop; nop; syscall");
CODE(u_registers, "mov %rsp, %rax", "int3", "");
CODE32(u_esp, "mov %esp, %eax", "int3");
CODE(u_gs, "mov %gs:0, %rax", "int3", "");
CODE(u_eretu, "", ".byte 0xf3, 0x0f, 0x01, 0xca", "");
CODE(u_lkgs, "", ".byte 0xf2, 0x0f, 0x00, 0xf0", "");
CODE(u_nmi, "mov $0xfee00300, %edi; movl $0x4400, (%rdi)", "nop", "nop; nop; int3");
CODE(u_interrupt, "mov $0xfee00300, %edi; movl $0x4050, (%rdi)", "nop", "nop; nop; int3");
CODE(u_watched, "mov $0x300200, %edi", "mov %al, (%rdi)", "nop; nop; int3");

CODE(k_int3, "", "int3", "");
CODE(k_int80, "", "int $0x80", "");
CODE(k_intcd3, "", ".byte 0xcd, 3", "");
CODE(k_ud2, "", "ud2", "");
CODE(k_read, "mov $0x7f0000000123, %rdi", "mov (%rdi), %al", "");
CODE(k_wrmsr, "mov $0x1cd, %ecx; mov $0x1008, %eax; xor %edx, %edx", "wrmsr", "");
CODE(k_swapgs, "", "swapgs", "");
CODE(k_sysret, "", "sysretq", "");
CODE(k_sysexit, "", "sysexitl", "");
CODE(k_iret, "push $0x23; push $0; push $2; push $0x2b; push $0", "iretq", "");
CODE(k_lkgs, "mov $0x4b, %eax", ".byte 0xf2, 0x0f, 0x00, 0xf0", "");
CODE(k_lkgs_r9, "mov $0x4b, %r9d; std; mov $1, %eax; cmp $2, %eax",
     ".byte 0xf2, 0x41, 0x0f, 0x00, 0xf1", "pushfq; pop user_rax");
CODE(k_lkgs_null, "xor %edi, %edi", ".byte 0xf2, 0x0f, 0x00, 0xf7", "");
CODE(k_lkgs_bad, "mov $0x777b, %eax", ".byte 0xf2, 0x0f, 0x00, 0xf0", "");
CODE(k_lkgs_absent, "mov $0x53, %eax", ".byte 0xf2, 0x0f, 0x00, 0xf0", "");
CODE(k_nmi, "mov $0xfee00300, %edi; movl $0x4400, (%rdi)", "nop", "nop; nop");
CODE(k_interrupt, "mov $0xfee00300, %edi; movl $0x4050, (%rdi); sti; nop", "nop", "nop; cli");
CODE(k_dr, "", "mov %rax, %dr0", "");
CODE(k_flags, "", "pushfq; pop %rax; mov %rax, user_rax", "");

/* An event of 64-bit ring 3 has come, and is all that has */
static void is_user_event(u32 type, u32 vector, u32 length, const char *ip, u64 bits)
{
	is(n_user, 1);
	is(n_kernel, 0);
	is(user.frame.ss, ss_slot(USER_SS, type, vector, length, bits));
	is(user.frame.ip, (u64)ip);
	is(user.frame.sp, USER_SP);
	is(user.frame.reserved, 0);
	is(user.addr, (u64)&level_stack[0].top - sizeof(struct frame));
	is(user.flags, FIXED);
	is(user.level, 0);
}

static void is_kernel_event(u32 type, u32 vector, u32 length, const char *ip, u64 bits)
{
	is(n_user, 0);
	is(n_kernel, 1);
	is(kernel[0].frame.ss, ss_slot(KERNEL_SS, type, vector, length, bits | LONG_MODE));
	is(kernel[0].frame.ip, (u64)ip);
	is(kernel[0].frame.cs & 0xffff, KERNEL_CS);
	is(kernel[0].flags, FIXED);
}

/* ---- the parts of FRED */

static void check_enumeration(void)
{
	u32 a = 7, b, c = 1, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	is(a >> 17 & 3, 3);
	ok("CPUID shows FRED and LKGS");
	is(read_register("cr4") & CR4_FRED, CR4_FRED);
	ok("CR4 has the FRED bit that was set");
	is(rdmsr(FRED_RSP(2)), (u64)level_stack[2].top);
	is(rdmsr(FRED_STKLVLS), 0);
	is(rdmsr(FRED_CONFIG), (u64)entry | 0x40);
	ok("the MSRs have what was written");
	in_kernel(k_wrmsr);
	is_kernel_event(HWEXC, 13, 0, k_wrmsr_at, 0);
	is(kernel[0].frame.error, 0);
	is(rdmsr(FRED_RSP(1)), (u64)level_stack[1].top);
	ok("WRMSR of a stack that is not aligned: #GP");
}

static void check_system_calls(void)
{
	in_user(u_syscall, FIXED | IF);
	is_user_event(OTHER, 1, 2, u_syscall_end, SWEVENT | LONG_MODE);
	is(user.frame.cs, USER_CS);
	is(user.frame.error, 0);
	is(user.frame.data, 0);
	is(user_rcx, 0x1111);
	is(user_r11, 0x2222);
	ok("SYSCALL: the frame; RCX and R11 are kept");

	in_user(u_syscall, FIXED | ARITHMETIC | DF | IF | NT | AC | ID);
	is(user.frame.flags, FIXED | ARITHMETIC | DF | IF | NT | AC | ID);
	in_user(u_syscall_lazy, FIXED | IF);
	is(user.frame.flags, FIXED | IF | DF | CF | PF | AF | SF);
	in_user(u_syscall_lazy2, FIXED | IF);
	is(user.frame.flags, FIXED | IF | OF | PF | AF | SF);
	ok("SYSCALL: the flags");

	in_user(u_sysenter, FIXED | IF);
	is_user_event(OTHER, 2, 2, u_sysenter_end, SWEVENT | LONG_MODE);
	is(user.frame.error, 0);
	ok("SYSENTER of 64-bit mode");
	in_user(u_sysenter_lazy, FIXED | IF);
	is(user.frame.flags, FIXED | IF | DF | CF | PF | AF | SF);
	ok("SYSENTER: the flags");
	in_user32(u_sysenter32, FIXED | IF);
	is_user_event(OTHER, 2, 2, u_sysenter32_end, SWEVENT);
	is(user.frame.cs, USER32_CS);
	ok("SYSENTER of 32-bit code");
	in_user32(u_syscall32, FIXED | IF);
	is_user_event(HWEXC, 6, 0, u_syscall32_at, 0);
	ok("SYSCALL of 32-bit code: #UD");
}

static void check_software_events(void)
{
	in_user(u_int80, FIXED | DF | CF);
	is_user_event(SWINT, 0x80, 2, u_int80_end, SWEVENT | LONG_MODE);
	is(user.frame.flags, FIXED | DF | CF);
	ok("INT n");
	in_user(u_int80_long, FIXED);
	is_user_event(SWINT, 0x80, 15, u_int80_long_end, SWEVENT | LONG_MODE);
	ok("INT n of 15 bytes");
	in_user(u_int14, FIXED);
	is_user_event(SWINT, 14, 2, u_int14_end, SWEVENT | LONG_MODE);
	is(user.frame.error, 0);
	is(user.frame.data, 0);
	ok("INT n of an exception's vector is no exception");
	in_user(u_intcd3, FIXED);
	is_user_event(SWINT, 3, 2, u_intcd3_end, SWEVENT | LONG_MODE);
	ok("INT 3 of two bytes is INT n");
	in_user(u_int3, FIXED);
	is_user_event(SWEXC, 3, 1, u_int3_end, LONG_MODE);
	ok("INT3");
	in_user(u_int1, FIXED);
	is_user_event(PRIV_SWEXC, 1, 1, u_int1_end, LONG_MODE);
	is(user.frame.data, 0);
	ok("INT1");
	in_user32(u_into, FIXED | OF);
	is_user_event(SWEXC, 4, 1, u_into_end, 0);
	ok("INTO with OF");
	in_user32(u_into, FIXED);
	is_user_event(SWEXC, 3, 1, u_into_end + 1, 0);
	ok("INTO without OF: nothing");
}

static void check_exceptions(void)
{
	in_user(u_ud2, FIXED | CF);
	is_user_event(HWEXC, 6, 0, u_ud2_at, LONG_MODE);
	is(user.frame.error, 0);
	is(user.frame.flags, FIXED | CF | RF);
	ok("#UD");
	in_user(u_hlt, FIXED);
	is_user_event(HWEXC, 13, 0, u_hlt_at, LONG_MODE);
	is(user.frame.error, 0);
	in_user(u_bad_ds, FIXED);
	is_user_event(HWEXC, 13, 0, u_bad_ds_at, LONG_MODE);
	is(user.frame.error, 0x7778);
	ok("#GP and its error code");
	in_user(u_absent_ds, FIXED);
	is_user_event(HWEXC, 11, 0, u_absent_ds_at, LONG_MODE);
	is(user.frame.error, ABSENT_DS & ~3);
	ok("#NP and its error code");
	in_user(u_read, FIXED);
	is_user_event(HWEXC, 14, 0, u_read_at, LONG_MODE);
	is(user.frame.error, 4);
	is(user.frame.data, UNMAPPED + 0x123);
	in_user(u_write, FIXED);
	is(user.frame.error, 6);
	in_kernel(k_read);
	is_kernel_event(HWEXC, 14, 0, k_read_at, 0);
	is(kernel[0].frame.error, 0);
	is(kernel[0].frame.data, UNMAPPED + 0x123);
	ok("#PF: error code, and the address as event data");
	in_user(u_eretu, FIXED);
	is_user_event(HWEXC, 6, 0, u_eretu_at, LONG_MODE);
	in_user(u_lkgs, FIXED);
	is_user_event(HWEXC, 6, 0, u_lkgs_at, LONG_MODE);
	ok("ERETU and LKGS in ring 3: #UD");
}

static void check_eretu(void)
{
	struct frame frame = user_frame(u_registers, FIXED | IF | DF | ARITHMETIC);

	forget();
	frame.sp = 0x123456789abcdef0UL >> 16;
	event_return(eretu, &frame);
	is(user_rax, frame.sp);
	is(user.frame.sp, frame.sp);
	is(user.frame.flags, frame.flags);
	ok("ERETU restores RSP and the flags");

	forget();
	frame = user_frame(u_nops, FIXED | TF);
	frame.ss |= SWEVENT;
	event_return(eretu, &frame);
	is_user_event(HWEXC, 1, 0, u_nops, LONG_MODE);
	is(user.frame.data, BS);
	is(user.frame.flags & ~RF, FIXED | TF);
	ok("ERETU, software event and TF: a trap before the first instruction");
	in_user(u_nops, FIXED | TF);
	is_user_event(HWEXC, 1, 0, u_nops_end, LONG_MODE);
	is(user.frame.data, BS);
	ok("ERETU with TF alone: a trap after the first instruction");
	forget();
	frame.flags = FIXED;
	event_return(eretu, &frame);
	is_user_event(OTHER, 1, 2, u_nops_end + 4, SWEVENT | LONG_MODE);
	ok("ERETU of a software event without TF: no trap");
	in_user(u_syscall, FIXED | TF);
	is_user_event(OTHER, 1, 2, u_syscall_end, SWEVENT | LONG_MODE);
	is(user.frame.flags, FIXED | TF);
	frame = user.frame;
	forget();
	event_return(eretu, &frame);
	is_user_event(HWEXC, 1, 0, u_syscall_end, LONG_MODE);
	is(user.frame.data, BS);
	ok("SYSCALL with TF: the trap comes with the return");

	forget();
	frame = user_frame(u_esp, FIXED);
	frame.cs = USER32_CS;
	frame.ss = STACK16_SS;
	frame.sp = 0x12345678;
	event_return(eretu, &frame);
	is(user_rax, 0x12345678);
	is(user.frame.ss & 0xffff, STACK16_SS);
	is(user.frame.sp, 0x12345678);
	ok("ERETU to a 16-bit stack restores all of RSP");
}

static void refused(const struct frame *frame, const char *insn, u64 error)
{
	forget();
	event_return(insn, frame);
	is_kernel_event(HWEXC, 13, 0, insn, 0);
	is(kernel[0].frame.error, error);
	is(kernel[0].frame.sp, (u64)return_stack.top);
	is(rdmsr(GS_BASE), KERNEL_GS);
	is(rdmsr(KERNEL_GS_BASE), USER_GS);
	is(rdmsr(FRED_CONFIG) & 3, 0);
}

static struct frame kernel_frame(void)
{
	return (struct frame){
		.ip = (u64)landed,
		.cs = KERNEL_CS,
		.flags = FIXED,
		.sp = KERNEL_SP,
		.ss = KERNEL_SS,
	};
}

static u64 config_was;

/* An ERETU that the handler executes, above level 0 */
static void eretu_at_level(struct frame *frame)
{
	struct frame to = user_frame(u_int3, FIXED);
	u64 back_was = back;

	if (n_kernel > 1)
		return;
	event_return(eretu, &to);
	back = back_was;
}

static void check_refused_returns(void)
{
	struct frame frame;

	frame = user_frame((char *)NONCANONICAL, FIXED);
	refused(&frame, eretu, 0);
	ok("ERETU to a RIP that is not canonical: #GP at ERETU");
	frame = user_frame(u_int3, FIXED);
	frame.cs = KERNEL_CS;
	refused(&frame, eretu, KERNEL_CS);
	frame.cs = USER_SS;
	refused(&frame, eretu, USER_SS & ~3);
	frame.cs = 0x777b;
	refused(&frame, eretu, 0x7778);
	frame = user_frame(u_int3, FIXED);
	frame.ss = KERNEL_SS;
	refused(&frame, eretu, KERNEL_SS);
	frame.ss = USER_CS;
	refused(&frame, eretu, USER_CS & ~3);
	ok("ERETU to a bad CS or SS: #GP with the selector, nothing changed");
	frame = user_frame(u_int3, FIXED | BIT(3));
	refused(&frame, eretu, 0);
	ok("ERETU to reserved flags: #GP");
	frame = user_frame(u_int3, FIXED);
	frame.cs |= BIT(16);
	refused(&frame, eretu, 0);
	ok("ERETU to a stack level: #GP");

	frame = kernel_frame();
	frame.cs = USER_CS;
	refused(&frame, erets, 0);
	frame = kernel_frame();
	frame.ss = USER_SS;
	refused(&frame, erets, 0);
	ok("ERETS to another CS or SS: #GP");
	frame = kernel_frame();
	frame.cs |= BIT(16);
	refused(&frame, erets, 0);
	ok("ERETS to a higher level: #GP");
	frame = kernel_frame();
	frame.ip = NONCANONICAL;
	refused(&frame, erets, 0);
	ok("ERETS to a RIP that is not canonical: #GP at ERETS");

	forget();
	frame = kernel_frame();
	frame.ip = (u64)k_flags;
	frame.flags = FIXED | DF | ARITHMETIC;
	event_return(erets, &frame);
	is(n_kernel, 0);
	is(user_rax, FIXED | DF | ARITHMETIC);
	ok("ERETS restores the flags");
}

static void check_gs(void)
{
	wrmsr(GS_BASE, KERNEL_GS);
	wrmsr(KERNEL_GS_BASE, USER_GS);
	*(u64 *)USER_GS = 0x1234;
	in_user(u_gs, FIXED);
	is_user_event(SWEXC, 3, 1, u_gs_end, LONG_MODE);
	is(user_rax, 0x1234);
	is(rdmsr(GS_BASE), KERNEL_GS);
	is(rdmsr(KERNEL_GS_BASE), USER_GS);
	ok("the GS bases are swapped on the way in and out");

	in_kernel(k_lkgs);
	is(n_kernel, 0);
	is(rdmsr(GS_BASE), KERNEL_GS);
	is(rdmsr(KERNEL_GS_BASE), BASED_BASE);
	is(read_register("gs") & 0xffff, BASED_DS);
	wrmsr(KERNEL_GS_BASE, USER_GS);
	in_kernel(k_lkgs_r9);
	is(rdmsr(KERNEL_GS_BASE), BASED_BASE);
	is(user_rax, FIXED | DF | CF | PF | AF | SF);
	in_kernel(k_lkgs_null);
	is(n_kernel, 0);
	is(rdmsr(GS_BASE), KERNEL_GS);
	is(rdmsr(KERNEL_GS_BASE), 0);
	is(read_register("gs") & 0xffff, 0);
	ok("LKGS");
	wrmsr(KERNEL_GS_BASE, USER_GS);
	in_kernel(k_lkgs_bad);
	is_kernel_event(HWEXC, 13, 0, k_lkgs_bad_at, 0);
	is(kernel[0].frame.error, 0x7778);
	is(rdmsr(GS_BASE), KERNEL_GS);
	is(rdmsr(KERNEL_GS_BASE), USER_GS);
	ok("LKGS of a bad selector: #GP, nothing changed");
	in_kernel(k_lkgs_absent);
	is_kernel_event(HWEXC, 11, 0, k_lkgs_absent_at, 0);
	is(kernel[0].frame.error, ABSENT_DS & ~3);
	ok("LKGS of an absent segment: #NP");
}

static void check_refused_instructions(void)
{
	in_kernel(k_swapgs);
	is_kernel_event(HWEXC, 6, 0, k_swapgs_at, 0);
	is(rdmsr(GS_BASE), KERNEL_GS);
	in_kernel(k_sysret);
	is_kernel_event(HWEXC, 6, 0, k_sysret_at, 0);
	in_kernel(k_sysexit);
	is_kernel_event(HWEXC, 6, 0, k_sysexit_at, 0);
	ok("SWAPGS, SYSRET and SYSEXIT: #UD");
	in_kernel(k_iret);
	is_kernel_event(HWEXC, 13, 0, k_iret_at, 0);
	is(kernel[0].frame.error, USER_CS & ~3);
	ok("IRET to ring 3: #GP");
}

static u64 level(u32 vector, u64 level) { return level << 2 * vector; }
static u64 stack(u32 n) { return (u64)level_stack[n].top - sizeof(struct frame); }

static void raise_again(struct frame *frame)
{
	if (n_kernel == 1)
		asm volatile("int3");
}

static void check_levels(void)
{
	in_kernel(k_int3);
	is_kernel_event(SWEXC, 3, 1, k_int3_end, 0);
	is(kernel[0].addr, ((KERNEL_SP - 0x40) & ~0x3fUL) - sizeof(struct frame));
	is(kernel[0].frame.sp, KERNEL_SP);
	is(kernel[0].frame.cs, KERNEL_CS);
	is(kernel[0].level, 0);
	wrmsr(FRED_CONFIG, (u64)entry | 0xc0);
	in_kernel(k_int3);
	is(kernel[0].addr, ((KERNEL_SP - 0xc0) & ~0x3fUL) - sizeof(struct frame));
	wrmsr(FRED_CONFIG, config_was);
	forget();
	run(KERNEL_SP - 24, (u64)k_int3);
	is(kernel[0].addr, ((KERNEL_SP - 24 - 0x40) & ~0x3fUL) - sizeof(struct frame));
	is(kernel[0].frame.sp, KERNEL_SP - 24);
	ok("ring 0, the same level: the same stack, after the gap, aligned");

	wrmsr(FRED_STKLVLS, level(3, 2) | level(6, 1));
	in_kernel(k_int3);
	is_kernel_event(SWEXC, 3, 1, k_int3_end, 0);
	is(kernel[0].addr, stack(2));
	is(kernel[0].level, 2);
	is(kernel[0].frame.cs, KERNEL_CS);
	is(rdmsr(FRED_CONFIG) & 3, 0);
	ok("ring 0, a higher level: its stack; ERETS goes back");
	forget();
	hook = raise_again;
	run(KERNEL_SP, (u64)k_ud2);
	is(n_kernel, 2);
	is(kernel[0].addr, stack(1));
	is(kernel[1].addr, stack(2));
	is(kernel[1].frame.cs, KERNEL_CS | 1 << 16);
	is(rdmsr(FRED_CONFIG) & 3, 0);
	ok("from level 1 to level 2, and back");
	wrmsr(FRED_STKLVLS, level(3, 1) | level(6, 2));
	forget();
	hook = raise_again;
	run(KERNEL_SP, (u64)k_ud2);
	is(kernel[0].addr, stack(2));
	is(kernel[1].addr < stack(2) && kernel[1].addr > stack(2) - 4096, 1);
	is(kernel[1].frame.cs, KERNEL_CS | 2 << 16);
	is(kernel[1].level, 2);
	ok("the level does not become lower");
	wrmsr(FRED_STKLVLS, level(3, 3));
	in_user(u_int3, FIXED);
	is_user_event(SWEXC, 3, 1, u_int3_end, LONG_MODE);
	is(user.frame.cs, USER_CS);
	ok("ring 3: level 0");
	in_kernel(k_int80);
	is_kernel_event(SWINT, 0x80, 2, k_int80_end, SWEVENT);
	is(kernel[0].level, 0);
	in_kernel(k_intcd3);
	is_kernel_event(SWINT, 3, 2, k_intcd3_end, SWEVENT);
	is(kernel[0].level, 0);
	ok("ring 0, INT n: the same level");

	wrmsr(FRED_STKLVLS, level(6, 1));
	forget();
	hook = eretu_at_level;
	run(KERNEL_SP, (u64)k_ud2);
	is(n_user, 0);
	is(n_kernel, 2);
	is(kernel[1].frame.ss >> 32 & 0xff, 13);
	is(kernel[1].frame.ip, (u64)eretu);
	is(rdmsr(FRED_CONFIG) & 3, 0);
	ok("ERETU above level 0: #GP");
}

static void check_interrupts(void)
{
	in_user(u_interrupt, FIXED | IF | CF);
	is(n_user, 1);
	is(user.frame.ss, ss_slot(USER_SS, TYPE_INTERRUPT, 0x50, 0, LONG_MODE));
	is(user.frame.error, 0);
	is(user.frame.data, 0);
	is(user.frame.flags, FIXED | IF | CF);
	is(user.addr, stack(0));
	write32(APIC_EOI, 0);
	ok("an interrupt of ring 3");
	wrmsr(FRED_CONFIG, config_was | 1 << 9);
	in_kernel(k_interrupt);
	is(n_kernel, 1);
	is(kernel[0].frame.ss & ~BIT(16), ss_slot(KERNEL_SS, TYPE_INTERRUPT, 0x50, 0, LONG_MODE));
	is(kernel[0].addr, stack(1));
	is(kernel[0].level, 1);
	wrmsr(FRED_CONFIG, config_was);
	ok("an interrupt of ring 0: its level is in IA32_FRED_CONFIG");
}

static u32 seen_blocked;

/* While NMIs are blocked, another one comes, and a return that does not unblock them */
static void nmi_again(struct frame *frame)
{
	if (n_kernel > 1)
		return;
	write32(APIC_ICR, ICR_NMI);
	asm volatile("nop; nop; int3; nop; nop" ::: "memory");
	seen_blocked = n_kernel;
}

static void check_nmi(void)
{
	struct frame frame;

	wrmsr(FRED_STKLVLS, level(2, 2));
	in_kernel(k_nmi);
	is(n_kernel, 1);
	is(kernel[0].frame.ss & ~BIT(16), ss_slot(KERNEL_SS, NMI, 2, 0, NMI_BIT | LONG_MODE));
	is(kernel[0].addr, stack(2));
	is(kernel[0].frame.error, 0);
	ok("an NMI of ring 0");
	forget();
	seen_blocked = 0;
	hook = nmi_again;
	run(KERNEL_SP, (u64)k_nmi);
	/* The NMI, its INT3, then the second NMI */
	is(seen_blocked, 2);
	is(n_kernel, 3);
	is(kernel[1].frame.ss >> 32 & 0xff, 3);
	is(kernel[2].frame.ss >> 32 & 0xff, 2);
	is(kernel[2].frame.ip, kernel[0].frame.ip);
	ok("NMIs are blocked until ERETS has their bit");

	in_user(u_nmi, FIXED | CF);
	is(n_user, 1);
	is(user.frame.ss, ss_slot(USER_SS, NMI, 2, 0, NMI_BIT | LONG_MODE));
	is(user.frame.flags, FIXED | CF);
	is(user.addr, stack(0));
	ok("an NMI of ring 3");
	frame = user.frame;
	frame.ss &= ~NMI_BIT;
	frame.ip = (u64)u_nmi;
	forget();
	event_return(eretu, &frame);
	is(n_user, 1);
	is(user.frame.ss, ss_slot(USER_SS, SWEXC, 3, 1, LONG_MODE));
	frame.ss |= NMI_BIT;
	frame.ip = (u64)u_nops;
	forget();
	event_return(eretu, &frame);
	is(n_user, 1);
	is(user.frame.ss, ss_slot(USER_SS, NMI, 2, 0, NMI_BIT | LONG_MODE));
	is(user.frame.ip, (u64)u_nops);
	/* A last one, to unblock them */
	frame.ip = (u64)u_int3;
	forget();
	event_return(eretu, &frame);
	is(user.frame.ss, ss_slot(USER_SS, SWEXC, 3, 1, LONG_MODE));
	ok("NMIs are blocked until ERETU has their bit");
	wrmsr(FRED_STKLVLS, 0);
}

static void check_debug(void)
{
	in_user(u_nops, FIXED | TF | CF);
	is_user_event(HWEXC, 1, 0, u_nops_end, LONG_MODE);
	is(user.frame.data, BS);
	is(user.frame.flags & ~RF, FIXED | TF | CF);
	ok("single step: event data BS");
	write_register("dr0", u_nops_end);
	write_register("dr7", 0x2);
	in_user(u_nops, FIXED);
	is_user_event(HWEXC, 1, 0, u_nops_end, LONG_MODE);
	is(user.frame.data, 1);
	write_register("dr7", 0);
	ok("a breakpoint on an instruction: event data B0");
	write_register("dr1", 0x300200);
	write_register("dr7", 0x100008);
	in_user(u_watched, FIXED);
	is_user_event(HWEXC, 1, 0, u_watched_end, LONG_MODE);
	is(user.frame.data, 2);
	write_register("dr7", 0);
	/* B0 to B3 may be set for addresses that match, enabled or not */
	write_register("dr0", 0);
	ok("a breakpoint on data: event data B1");
	in_user(u_nops, FIXED | TF);
	is(user.frame.data, BS);
	ok("event data are of one event");
	write_register("dr7", 0x2000);
	in_kernel(k_dr);
	is_kernel_event(HWEXC, 1, 0, k_dr_at, 0);
	is(kernel[0].frame.data, BD);
	ok("an access to a guarded debug register: event data BD");
}

static void check_nested(void)
{
	wrmsr(FRED_RSP(1), UNMAPPED);
	wrmsr(FRED_STKLVLS, level(3, 1) | level(8, 3));
	in_kernel(k_int3);
	is_kernel_event(HWEXC, 14, 0, k_int3_end, NESTED);
	is(kernel[0].frame.data / sizeof(struct frame), UNMAPPED / sizeof(struct frame) - 1);
	is(kernel[0].frame.error, 2);
	is(kernel[0].level, 0);
	ok("#PF on an event's stack: nested");
	wrmsr(FRED_STKLVLS, level(14, 1) | level(8, 3));
	in_kernel(k_read);
	is_kernel_event(HWEXC, 8, 0, k_read_at, 0);
	is(kernel[0].frame.error, 0);
	is(kernel[0].addr, stack(3));
	ok("#PF on the stack of #PF: #DF, on its level");
	wrmsr(FRED_RSP(1), (u64)level_stack[1].top);
	wrmsr(FRED_RSP(0), UNMAPPED);
	wrmsr(FRED_STKLVLS, level(8, 3));
	in_user(u_ud2, FIXED);
	is(n_user, 1);
	is(user.frame.ss, ss_slot(USER_SS, HWEXC, 8, 0, LONG_MODE));
	is(user.frame.cs, USER_CS);
	is(user.frame.ip, (u64)u_ud2_at);
	is(user.addr, stack(3));
	is(user.level, 3);
	is(rdmsr(GS_BASE), KERNEL_GS);
	ok("no stack for ring 3: #DF, on its level, by ring 3's entry point");
	wrmsr(FRED_CONFIG, config_was);
	wrmsr(FRED_RSP(0), (u64)level_stack[0].top);
	wrmsr(FRED_STKLVLS, 0);
}

void main(void)
{
	u32 i;

	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	write32(APIC_SVR, 0x1ff);
	for (i = 0; i < 4; i++)
		wrmsr(FRED_RSP(i), (u64)level_stack[i].top);
	wrmsr(FRED_STKLVLS, 0);
	config_was = (u64)entry | 0x40;
	wrmsr(FRED_CONFIG, config_was);
	wrmsr(STAR, (u64)USER32_CS << 48 | (u64)KERNEL_CS << 32);
	wrmsr(GS_BASE, KERNEL_GS);
	wrmsr(KERNEL_GS_BASE, USER_GS);
	write_register("cr4", read_register("cr4") | CR4_FRED);
	print("TAP version 13\n");
	check_enumeration();
	check_system_calls();
	check_software_events();
	check_exceptions();
	check_eretu();
	check_gs();
	check_refused_returns();
	check_refused_instructions();
	check_levels();
	check_interrupts();
	check_nmi();
	check_debug();
	check_nested();
	print("1..");
	print_number(n_checks, 10);
	print("\n");
	outb(DEBUG_PORT, n_failed ? 0x11 : 0x10);
	for (;;)
		;
}
