// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program steps itself through a few instructions, some of which are system
 * calls. Prints a line for each instruction, with fields separated by tabs: bits
 * of the program, where the instruction is (program or vDSO), its offset there,
 * its text, and how many SIGTRAPs were reported right after it, 1 or 0.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/auxv.h>

#include "step.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* With its text, which is in a list of texts in the same order */
#define INSN(insn)							\
	STEP_AT insn "\n"						\
	".pushsection .rodata.step_text,\"a\",@progbits\n"		\
	".asciz \"" insn "\"\n"						\
	".popsection\n"

#ifdef __x86_64__
# define BITS	64
# define CALL	"-"
STEP_CODE(demo,
	  ".pushsection .rodata.step_text,\"a\",@progbits\n"
	  "demo_text:\n"
	  ".popsection\n"
	  INSN("mov $39,%eax")
	  INSN("syscall")
	  INSN("mov %eax,%ebx")
	  INSN("mov $20,%eax")
	  INSN("int $0x80")
	  INSN("cmp %eax,%ebx")
	  INSN("nop"));
#else
# define BITS	32
# define CALL	"call *%ebx"
STEP_CODE(demo,
	  ".pushsection .rodata.step_text,\"a\",@progbits\n"
	  "demo_text:\n"
	  ".popsection\n"
	  INSN("mov $20,%eax")
	  INSN("int $0x80")
	  INSN("mov %eax,%edi")
	  INSN("mov $20,%eax")
	  INSN(CALL)
	  INSN("cmp %eax,%edi")
	  INSN("nop"));
#endif

extern const char demo_text[];

struct insn {
	const char *where, *text;
	unsigned long ip, offset;
};

static struct insn insns[STEP_MAX];
static unsigned int insn_count;

static void add_insn(const char *where, unsigned long base, unsigned long ip, const char *text)
{
	insns[insn_count++] = (struct insn) { where, text, ip, ip - base };
}

/* What is executed of the vDSO's entry, up to the RET. False if there is anything else. */
static bool add_vdso(void)
{
	static const struct {
		size_t len;
		const char *code, *text;
	} known[] = {
		{ 1, "\x51", "push %ecx" }, { 1, "\x52", "push %edx" },
		{ 1, "\x55", "push %ebp" }, { 1, "\x5d", "pop %ebp" },
		{ 1, "\x5a", "pop %edx" }, { 1, "\x59", "pop %ecx" },
		{ 2, "\x89\xe5", "mov %esp,%ebp" }, { 2, "\x89\xcd", "mov %ecx,%ebp" },
		{ 2, "\x0f\x34", "sysenter" }, { 2, "\x0f\x05", "syscall" },
		{ 2, "\xcd\x80", "int $0x80" }, { 3, "\x0f\x1f\x00", "nopl (%eax)" },
		{ 1, "\xc3", "ret" },
	}, *insn;
	const char *entry = (const char *)getauxval(AT_SYSINFO), *p = entry;
	bool fast = false;

	if (!entry)
		return false;
	do {
		for (insn = known; insn < known + ARRAY_SIZE(known); insn++) {
			if (!memcmp(p, insn->code, insn->len))
				break;
		}
		if (insn == known + ARRAY_SIZE(known))
			return false;
		/* After a fast entry there is an INT $0x80 that is not executed */
		if (!fast || strcmp(insn->text, "int $0x80"))
			add_insn("vDSO", (unsigned long)entry, (unsigned long)p, insn->text);
		fast |= insn->len == 2 && p[0] == '\x0f';
		p += insn->len;
	} while (strcmp(insn->text, "ret"));
	return true;
}

int main(void)
{
	const char *text = demo_text;
	unsigned int i, traps = 1;
	long result;

	for (i = 0; demo_want[i + 1]; i++, text += strlen(text) + 1) {
		add_insn("program", demo_want[0], demo_want[i], text);
		if (!strcmp(text, CALL) && !add_vdso()) {
			fprintf(stderr, "The entry of the vDSO is not a known one\n");
			return 1;
		}
	}
	add_insn("end", demo_want[0], demo_want[i], "");

	step_install(0);
	result = step_run(demo, getauxval(AT_SYSINFO), 0, 0);

	/* The first trap is in front of the first instruction */
	for (i = 0; i + 1 < insn_count; i++) {
		int trap = traps < step_log->count &&
			   step_log->trap[traps].ip == insns[i + 1].ip;

		printf("%d\t%s\t%lu\t%s\t%d\n", BITS, insns[i].where, insns[i].offset,
		       insns[i].text, trap);
		traps += trap;
	}
	if (result != getpid() || step_log->trap[0].ip != insns[0].ip || traps != step_log->count) {
		fprintf(stderr, "A trap or a result that was not expected\n");
		return 1;
	}
	return 0;
}
