# SPDX-License-Identifier: MIT
"""What a command is, how it reads its arguments, and how it says what is wrong with them."""
import gdb

from fl import guest

COMMANDS = {}
ENDED = "no guest is there: it has ended, or was not attached yet"


class Command(gdb.Command):
    """A command `fl NAME`. A subclass's docstring is its help: a sentence, then how it is typed."""
    name = None
    needs_paging = True   # it reads the kernel's memory
    complete_with = gdb.COMPLETE_NONE

    def __init_subclass__(cls):
        COMMANDS[cls.name] = cls

    def __init__(self):
        super().__init__(f"fl {self.name}", gdb.COMMAND_DATA, self.complete_with)

    def invoke(self, arguments, from_tty):
        self.dont_repeat()
        try:
            if self.needs_paging:
                check_guest()
            self.run(gdb.string_to_argv(arguments))
        except (gdb.error, gdb.GdbError) as e:  # gdb.error: a variable or memory is not there
            raise gdb.GdbError(f"fl {self.name}: {e}") from None

    def expects(self, what):
        raise gdb.GdbError(f"expected {what}: {self.usage()}")

    @classmethod
    def summary(cls):
        return cls.__doc__.splitlines()[0]

    @classmethod
    def usage(cls):
        return cls.__doc__.splitlines()[2]


def check_guest():
    """=> the guest is there, and far enough to be looked at; GdbError if it is not"""
    if gdb.selected_inferior().pid == 0:
        raise gdb.GdbError(ENDED)
    if not guest.is_paging() or not int(guest.variable("frame_table_count")):
        raise gdb.GdbError("the guest has not come that far yet: paging is off, or memory is not set up")


def parse_number(text, what, low=0, high=0xffffffff):
    """A number, or an expression that has one."""
    try:
        n = int(gdb.parse_and_eval(text)) & 0xffffffff
    except gdb.error as e:
        raise gdb.GdbError(f"{what}={text}: expected a number: {e}") from None
    if not low <= n <= high:
        raise gdb.GdbError(f"{what}={text}: expected a number from {low} to {high}")
    return n


def parse_count(arguments, command, otherwise):
    """The one optional argument of those who show the last N."""
    if len(arguments) > 1:
        command.expects("at most one number")
    if not arguments:
        return otherwise
    if not (arguments[0].isdigit() and int(arguments[0]) > 0):
        raise gdb.GdbError(f"expected a number of lines from 1 on, not {arguments[0]!r}")
    return int(arguments[0])


def parse_filter(arguments, known):
    """key=value words. known is {key: (parse, what)}. => {key: value}"""
    found = {}
    for word in arguments:
        key, equals, text = word.partition("=")
        if not equals or key not in known:
            expected = ", ".join(f"{k}={what}" for k, (_, what) in known.items())
            raise gdb.GdbError(f"{word}: expected {expected}")
        found[key] = known[key][0](text, key)
    return found
