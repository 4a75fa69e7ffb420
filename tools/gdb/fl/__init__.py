# SPDX-License-Identifier: MIT
"""The commands that gdb gets for this kernel; ../faultline.py loads them. Nothing here changes the guest: not a
byte of memory and not a register is written, so all of it works on a recording, too. Modules include only
those above them in this list:

    guest      the kernel's variables, types and enumerators; memory, virtual and physical
    command    what a command is, how it reads its arguments and says what is wrong with them
    process    processes and what they have mapped
    paging     page tables; frames and slots in words
    policy     pools, and a policy's queues in order
    symbols    the symbols of the program on the CPU
    stop       what happens whenever the guest stops
    fault      the page fault that is being handled; stopping at one
    evict      the eviction that is under way; stopping at one
    stack      backtraces, also of processes that are asleep
    show       the commands that only show something"""
