/* SPDX-License-Identifier: MIT
 * Every way into and out of the kernel. Interrupt gates: interrupts are off from the first instruction.
 * The page fault and the system call have paths of their own, without the detour over the vector. C functions
 * take their first arguments in EAX, EDX, ECX (-mregparm=3). */

#define SEL_KERNEL_DATA 0x10

/* For debuggers: where the registers of whoever was interrupted lie, as long as they are not back in the CPU.
 * The canonical frame address (CFA) is where user_esp of struct trapframe is. Only a trap from ring 3 pushes
 * the old ESP there; after one from ring 0 the CFA itself is the old ESP. Which it was, the saved CS tells. A
 * signal frame, because EIP names an instruction that is yet to run, and the stack may be another one.
 * (DWARF 5, 6.4; by its numbers, the registers in order are eax ecx edx ebx esp ebp esi edi, eip, eflags.) */
	.cfi_sections .debug_frame

	.set DWARF_EIP, 8
	.set DWARF_EFLAGS, 9
	.set DWARF_ES, 40
	.set DWARF_CS, 41
	.set DWARF_DS, 43

#define DW_CFA_val_expression 0x16
#define DW_OP_deref 0x06
#define DW_OP_dup   0x12
#define DW_OP_minus 0x1c
#define DW_OP_and   0x1a
#define DW_OP_bra   0x28
#define DW_OP_skip  0x2f
#define DW_OP_lit3  0x33
#define DW_OP_lit8  0x38
#define DWARF_ESP   4
/* (cs & 3) != 0 ? *CFA : CFA, on a stack that holds the CFA at first */
#define OLD_ESP DW_CFA_val_expression, DWARF_ESP, 13, DW_OP_dup, DW_OP_lit8, DW_OP_minus, DW_OP_deref, \
	DW_OP_lit3, DW_OP_and, DW_OP_bra, 3, 0, DW_OP_skip, 1, 0, DW_OP_deref

/* At the first instruction of a vector; `extra` bytes, 4 if there is an error code, lie below EIP. */
	.macro CFI_FROM_CPU extra
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa esp, 12 + \extra
	.cfi_offset DWARF_EIP, -12
	.cfi_offset DWARF_CS, -8
	.cfi_offset DWARF_EFLAGS, -4
	.cfi_escape OLD_ESP
	.endm

/* With a whole struct trapframe at ESP. */
	.macro CFI_SAVED
	.cfi_def_cfa esp, 60
	.cfi_offset eax, -24
	.cfi_offset ecx, -28
	.cfi_offset edx, -32
	.cfi_offset ebx, -36
	.cfi_offset ebp, -44
	.cfi_offset esi, -48
	.cfi_offset edi, -52
	.cfi_offset DWARF_DS, -56
	.cfi_offset DWARF_ES, -60
	.endm

	.macro SAVE
	pusha
	.cfi_adjust_cfa_offset 32
	push %ds
	.cfi_adjust_cfa_offset 4
	push %es
	CFI_SAVED
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	cld
	.endm

	.macro RESTORE
	pop %es
	.cfi_adjust_cfa_offset -4
	.cfi_restore DWARF_ES
	pop %ds
	.cfi_adjust_cfa_offset -4
	.cfi_restore DWARF_DS
	popa
	.cfi_adjust_cfa_offset -32
	.cfi_restore eax
	.cfi_restore ecx
	.cfi_restore edx
	.cfi_restore ebx
	.cfi_restore ebp
	.cfi_restore esi
	.cfi_restore edi
	add $8, %esp /* vector, error */
	.cfi_adjust_cfa_offset -8
	iret
	.endm

	.macro PUSH_VALUE value
	push $\value
	.cfi_adjust_cfa_offset 4
	.endm

	.macro PUSH_REGISTER name
	push %\name
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset \name, 0
	.endm

	.macro POP_REGISTER name
	pop %\name
	.cfi_adjust_cfa_offset -4
	.cfi_restore \name
	.endm

	.macro DIRECT name, vector, target
	.globl \name
\name:
	.if \vector == 14
	CFI_FROM_CPU 4
	.else /* the CPU pushes an error code for page faults only */
	CFI_FROM_CPU 0
	PUSH_VALUE 0
	.endif
	PUSH_VALUE \vector
	SAVE
	mov %esp, %eax
	call \target
	RESTORE
	.cfi_endproc
	.endm

	.text
	DIRECT entry_page_fault, 14, trap_page_fault
	DIRECT entry_syscall, 0x80, trap_syscall

	.globl entry_floor
entry_floor:
	CFI_FROM_CPU 0
	PUSH_VALUE 0
	PUSH_VALUE 0x81
	SAVE
	RESTORE
	.cfi_endproc

/* All other vectors: one stub each, then common. The CPU pushes an error code for some exceptions. */
	.macro STUB vector
	.balign 4
stub_\vector:
	.if !(\vector == 10 || \vector == 11 || \vector == 12 || \vector == 13 || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
	CFI_FROM_CPU 0
	PUSH_VALUE 0
	.else
	CFI_FROM_CPU 4
	.endif
	PUSH_VALUE \vector
	jmp entry_common
	.cfi_endproc
	.section .rodata
	.long stub_\vector
	.text
	.endm

	.section .rodata
	.balign 4
	.globl entry_stubs
entry_stubs: /* by vector, 0 to 47; 8 and 14 are there but unused */
	.text
	.altmacro
	.set i, 0
	.rept 48
	STUB %i
	.set i, i + 1
	.endr
	.noaltmacro

entry_common:
	CFI_FROM_CPU 8 /* vector, error */
	SAVE
	mov %esp, %eax
	call trap_dispatch
trap_exit:
	RESTORE
	.cfi_endproc

/* void trap_return_to_user(struct trapframe *tf) */
	.globl trap_return_to_user
trap_return_to_user:
	CFI_FROM_CPU 0
	.cfi_def_cfa eax, 60
	mov %eax, %esp
	CFI_SAVED
	jmp trap_exit
	.cfi_endproc

/* void context_switch(uint32_t *save, uint32_t load) */
	.globl context_switch
context_switch:
	.cfi_startproc
	PUSH_REGISTER ebp
	PUSH_REGISTER ebx
	PUSH_REGISTER esi
	PUSH_REGISTER edi
	mov %esp, (%eax)
	mov %edx, %esp /* from here on it is another's stack, of the same form */
	POP_REGISTER edi
	POP_REGISTER esi
	POP_REGISTER ebx
	POP_REGISTER ebp
	ret
	.cfi_endproc

/* Where a prepared stack starts: ebx is the function, esi its argument. */
	.globl context_start
context_start:
	.cfi_startproc
	.cfi_undefined DWARF_EIP
	mov %esi, %eax
	call *%ebx
	ud2 /* a thread does not return */
	.cfi_endproc

/* The double-fault task starts here, on its own stack, at the far end of a task gate. */
	.globl entry_double_fault
entry_double_fault:
	.cfi_startproc
	.cfi_undefined DWARF_EIP
	call double_fault
	ud2
	.cfi_endproc
