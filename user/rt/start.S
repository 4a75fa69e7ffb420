/* SPDX-License-Identifier: MIT
 * Where a program begins, and its one gate into the kernel. Knows registers and the stack; nothing else. */

    .text

/* The kernel leaves argc, argv[], NULL, envp[], NULL, auxv[] at the stack pointer. */
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp /* ends a debugger's chain of frames */
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
    .size _start, . - _start

/* long sys_call(long number, ...): up to six arguments. Always loads six; what the caller did not pass is
 * whatever lies above on its stack, which the kernel does not look at. */
    .globl sys_call
    .type sys_call, @function
sys_call:
    pushl %ebp
    pushl %edi
    pushl %esi
    pushl %ebx
    movl 20(%esp), %eax
    movl 24(%esp), %ebx
    movl 28(%esp), %ecx
    movl 32(%esp), %edx
    movl 36(%esp), %esi
    movl 40(%esp), %edi
    movl 44(%esp), %ebp
    int $0x80
    popl %ebx
    popl %esi
    popl %edi
    popl %ebp
    ret
    .size sys_call, . - sys_call

    .section .note.GNU-stack, "", @progbits
