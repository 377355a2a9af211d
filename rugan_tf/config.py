"""What every command shares: options read from the command line, errors told without a traceback."""

import contextlib
import dataclasses
import errno
import functools
import gc
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Union

from rugan_tf.errors import InputError, InputWarning, PartlyDoneError
from rugan_tf.extras import extra_of, missing_extra
from rugan_tf.terminal import READER_GONE, reader_has_gone, write_in_any_encoding

Options = Any  # an instance of the frozen dataclass that the command declares
LOCKED = "Files must be in folders that you may read and write; name others, or change their rights."
# Objects made before Python looks for garbage again. It would look 850 times while TensorFlow starts and a model is
# loaded, a twelfth of the time to the first sheet, and nearly all of those objects stay. A server takes as much memory
# as with Python's own threshold (measured: 855 and 852 MiB after 230 sheets, 839 and 840).
COLLECTED_AFTER = 100_000
FILLED = "filled_options"  # attribute of what tyro reads: the options of a command
# Name of the class that tyro reads: it tells it to users, "Error parsing options: ...".
READ_AS = "options"


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        options: the dataclass of its options; for a subcommand also an instance.
        handler: what does it.
        description: what it does.
        one_of: names of options of which one must be given, which no single one of them can say of itself.
    """

    options: Any
    handler: Callable[[Any], None]
    description: str
    one_of: tuple[str, ...] = ()


class OptionGroup:
    """Mark a dataclass of options that `--help` shows in a box of its own.

    A command's class derives from its groups, the last one named first, so that attributes and recorded options stay
    on one level. The first box is "options"; another is named after its class: MonteCarloOptions, "monte-carlo
    options". The docstring of a group is the line under the title.
    """


Commands = Command | Mapping[str, Command] | Callable[[Sequence[str] | None], Mapping[str, Command]]

# Where doors tell their commands instead of running one of them.
ASKED: ContextVar[list[Commands] | None] = ContextVar("ASKED", default=None)


def commands_of(main: Callable[[Sequence[str]], int]) -> Commands:
    """Return what the `main` of a door gives to `run_command`."""
    told: list[Commands] = []
    token = ASKED.set(told)
    try:
        main([])
    finally:
        ASKED.reset(token)
    return told[0]


def run_command(prog: str, commands: Commands, args: Sequence[str] | None = None) -> int:
    """Read the options of a command, or of one of several subcommands, and call its handler.

    Where the options depend on what is said, `commands` is a function of the arguments.

    Returns: the exit code. 0: done. 2: bad options or bad input, said on stderr as the rule and what was received.
        2 also for a command whose extra is not installed. 3: a part failed, the rest is kept. 130: interrupted. 141:
        what reads stdout has ended, as a shell says it.
    """
    asked = ASKED.get()
    if asked is not None:
        asked.append(commands)
        return 0
    write_in_any_encoding()
    gc.set_threshold(COLLECTED_AFTER)
    try:
        with said_in_one_line(prog):
            options, handler = parse_command(prog, commands, args)
            handler(options)
    except (InputError, OSError) as error:
        # Asked of stdout itself: a server that hangs up breaks a pipe, too.
        if isinstance(error, BrokenPipeError) and reader_has_gone():
            return READER_GONE
        rule = ""
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
            rule = f"{LOCKED} Received: "
        print(f"{prog}: {rule}{error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        extra = extra_of(error.name)
        if extra is None:
            raise
        print(f"{prog}: {missing_extra(extra, error.name)}", file=sys.stderr)
        return 2
    except PartlyDoneError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    except SystemExit as end:  # --help was printed, or bad options were told on stderr
        if not end.code and reader_has_gone():
            return READER_GONE
        raise
    return READER_GONE if reader_has_gone() else 0


@contextlib.contextmanager
def said_in_one_line(prog: str) -> Iterator[None]:
    """Show each InputWarning as one line on stderr, every time; other warnings stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        show = warnings.showwarning

        def say(message: Any, category: Any, *place: Any, **options: Any) -> None:
            if issubclass(category, InputWarning):
                print(f"{prog}: warning: {message}", file=sys.stderr)
            else:
                show(message, category, *place, **options)

        warnings.showwarning = say
        yield


def parse_command(
    prog: str, commands: Commands, args: Sequence[str] | None = None
) -> tuple[Options, Callable[[Any], None]]:
    """Return the options that `args` (default: sys.argv) say and their handler; wrong arguments exit with code 2.

    Subcommands whose options are of one class share one handler.
    """
    import tyro

    # Without prefixes: options of a group are told apart by their own names, --map-weight and not --maps.weight.
    parse: Callable[..., Any] = functools.partial(tyro.cli, prog=prog, args=args, config=(tyro.conf.OmitArgPrefixes,))
    kind, handlers = options_type(commands, args)
    try:
        if isinstance(commands, Command):
            return filled(parse(kind, description=commands.description)), commands.handler
        options = filled(parse(kind))
    except SystemExit as end:
        if end.code:
            say_alternatives(prog, commands, list(sys.argv[1:] if args is None else args))
        raise
    return options, handlers[type(options)]


def say_alternatives(prog: str, commands: Commands, args: Sequence[str]) -> None:
    """Tell the options of which one must be given where tyro told that others are missing: its class was not made."""
    if not isinstance(commands, Command):
        known = commands(args) if callable(commands) else commands
        if not args or args[0] not in known:
            return
        prog, commands = f"{prog} {args[0]}", known[args[0]]
    required = [
        field.name
        for field in dataclasses.fields(commands.options)
        if field.default is field.default_factory is dataclasses.MISSING
    ]
    flags, given = [flag_of(name) for name in commands.one_of], given_flags(args)
    if flags and not given & {*flags} and any(flag_of(name) not in given for name in required):
        print(f"{prog}: one of {', '.join(flags)} must be given, too. Received: none of them", file=sys.stderr)


def flag_of(name: str) -> str:
    """Return an option as it is typed.

    >>> flag_of("run_dir")
    '--run-dir'
    """
    return f"--{name.replace('_', '-')}"


def given_flags(args: Sequence[str] | None) -> set[str]:
    """Return the options that were typed, whatever their values: one may have been given its default."""
    words = sys.argv[1:] if args is None else args
    return {word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")}


def options_type(
    commands: Commands, args: Sequence[str] | None
) -> tuple[Any, dict[type[Options], Callable[[Any], None]]]:
    """Return what tyro reads: the options of the one command, or of several subcommands; and handlers by the type."""
    import tyro

    if isinstance(commands, Command):
        return form_of(commands.options), {commands.options: commands.handler}
    if callable(commands):
        commands = commands(args)
    kinds, handlers = [], {}
    for name, command in commands.items():
        kind = command.options if isinstance(command.options, type) else type(command.options)
        form = form_of(kind)
        default = {} if kind is command.options else {"default": form(**values_of(command.options))}
        kinds.append(Annotated[form, tyro.conf.subcommand(name, description=command.description, **default)])
        handlers[kind] = command.handler
    return Union[tuple(kinds)], handlers  # noqa: UP007


def form_of(kind: type[Options]) -> type[Any]:
    """Return the class that tyro reads for a class of options: a form of it that has no name of ours.

    The options are made as tyro makes the form, so that it tells what they refuse.
    """
    if any(OptionGroup in base.__bases__ for base in kind.__mro__):
        return in_groups(kind)

    def make(form: Any, **values: Any) -> None:
        options = kind(**values)
        # Past the lock of a frozen class. Attributes, since a form may also be what a preset begins with.
        vars(form).update({**vars(options), FILLED: options})

    return type(READ_AS, (kind,), {"__init__": make, "__doc__": kind.__doc__, "__module__": kind.__module__})


def values_of(options: Options) -> dict[str, Any]:
    """Return the values of options by name."""
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}


def in_groups(kind: type[Options]) -> type[Any]:
    """Return the form of a class of options in groups: each group is a field."""
    import tyro

    groups = [base for base in reversed(kind.__mro__) if OptionGroup in base.__bases__]
    # tyro shows a field that is a dataclass in a box with the field's name; without one in the first box.
    titles = ["", *(group_title(group) for group in groups[1:])]
    fields = [
        (group.__name__, Annotated[group, tyro.conf.arg(name=title)])
        for title, group in zip(titles, groups, strict=True)
    ]

    def fill(form: Any) -> None:
        parts = [vars(part) for part in vars(form).values()]
        object.__setattr__(form, FILLED, kind(**{name: value for part in parts for name, value in part.items()}))

    made = dataclasses.make_dataclass(READ_AS, fields, frozen=True, namespace={"__post_init__": fill})
    made.__doc__, made.__module__ = kind.__doc__, kind.__module__
    return made


def group_title(group: type) -> str:
    """Return the name of a group: MonteCarloOptions, monte-carlo."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", group.__name__.removesuffix("Options")).lower()


def filled(read: Any) -> Options:
    """Return the options in what tyro read."""
    return getattr(read, FILLED, read)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "sheet"), counted(2, "sheet")
    ('1 sheet', '2 sheets')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def require_positive(options: Options, *names: str) -> None:
    """Raise InputError unless the options of these names are at least 1."""
    for name in names:
        if getattr(options, name) < 1:
            raise InputError(f"{name} must be at least 1. Received: {name}={getattr(options, name)}")


def require_training_options(options: Options) -> None:
    """Raise InputError unless learning_rate, seed, resume and overwrite make a training."""
    if not 0 < options.learning_rate < 1:
        raise InputError(f"learning_rate must lie in (0, 1). Received: learning_rate={options.learning_rate}")
    if options.seed < 0:
        raise InputError(f"seed must not be negative. Received: seed={options.seed}")
    if options.resume and options.overwrite:
        raise InputError("A run is resumed or overwritten, not both. Received: --resume --overwrite")


def to_json(options: Options) -> Any:
    """Return options as JSON content: dataclasses as objects, paths as strings, tuples as lists."""
    if dataclasses.is_dataclass(options) and not isinstance(options, type):
        return {field.name: to_json(getattr(options, field.name)) for field in dataclasses.fields(options)}
    if isinstance(options, tuple | list):
        return [to_json(item) for item in options]
    if isinstance(options, dict):
        return {key: to_json(value) for key, value in options.items()}
    return str(options) if isinstance(options, Path) else options
