/* SPDX-License-Identifier: MIT
 * Where a program begins, and its one gate into the kernel. Knows registers and the stack; nothing else. */

    .cfi_sections .debug_frame
    .text

/* The kernel leaves argc, argv[], NULL, envp[], NULL, auxv[] at the stack pointer. */
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined eip /* ends a debugger's chain of frames, */
    xorl %ebp, %ebp    /* and so does this */
    movl %esp, %eax
    andl $-16, %esp
    movl (%eax), %ecx
    leal 4(%eax), %edx
    leal 8(%eax, %ecx, 4), %ebx
    subl $4, %esp /* so that esp is 16-byte aligned at the call, as the i386 ABI asks */
    pushl %ebx
    pushl %edx
    pushl %ecx
    call main
    movl %eax, (%esp)
    call exit
    ud2
    .cfi_endproc
    .size _start, . - _start

    .macro PUSH_REGISTER name
    pushl %\name
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset \name, 0
    .endm

    .macro POP_REGISTER name
    popl %\name
    .cfi_adjust_cfa_offset -4
    .cfi_restore \name
    .endm

/* long sys_call(long number, ...): up to six arguments. Always loads six; what the caller did not pass is
 * whatever lies above on its stack, which the kernel does not look at. */
    .globl sys_call
    .type sys_call, @function
sys_call:
    .cfi_startproc
    PUSH_REGISTER ebp
    PUSH_REGISTER edi
    PUSH_REGISTER esi
    PUSH_REGISTER ebx
    movl 20(%esp), %eax
    movl 24(%esp), %ebx
    movl 28(%esp), %ecx
    movl 32(%esp), %edx
    movl 36(%esp), %esi
    movl 40(%esp), %edi
    movl 44(%esp), %ebp
    int $0x80
    POP_REGISTER ebx
    POP_REGISTER esi
    POP_REGISTER edi
    POP_REGISTER ebp
    ret
    .cfi_endproc
    .size sys_call, . - sys_call

    .section .note.GNU-stack, "", @progbits
