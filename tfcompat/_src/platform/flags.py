"""tf.app.run and tf.app.flags: typed command-line flags, parsed when the program starts or a flag is first read."""

from __future__ import annotations

import sys

from ..declare import export


class Error(Exception):
    """What goes wrong with flags."""


class DuplicateFlagError(Error):
    """A flag was defined twice."""


class IllegalFlagValueError(Error):
    """A value does not fit its flag."""


class UnrecognizedFlagError(Error):
    """The command line has a flag nobody defined."""


class UnparsedFlagAccessError(Error):
    """A flag was read before the command line was parsed."""


class ValidationError(Error):
    """A validator did not accept a flag's value."""


def _boolean(text):
    if isinstance(text, bool):
        return text
    if isinstance(text, int) and text in (0, 1):
        return bool(text)
    word = str(text).lower()
    if word in ("true", "t", "1", "yes", "y"):
        return True
    if word in ("false", "f", "0", "no", "n"):
        return False
    raise ValueError("Non-boolean argument to boolean flag", text)


def _integer(text):
    if isinstance(text, float):
        raise TypeError(f"Expected an int value, got {text!r}")
    if isinstance(text, str) and text[:2].lower() in ("0x", "0o"):
        return int(text, 0)
    return int(text)


class Flag:
    """One flag: its name, default, current value and how text becomes a value."""

    def __init__(self, name, default, help, parse, boolean=False, multiple=False, short_name=None, module=""):
        self.name, self.help, self.boolean, self.multiple, self.short_name = name, help, boolean, multiple, short_name
        self.parse, self.module, self.present, self.using_default_value = parse, module, 0, True
        self.validators: list = []
        self.default = self.value = None if default is None else self._of_default(default)

    def _of_default(self, default):
        if self.multiple:
            return [self.parse(v) for v in (default if isinstance(default, (list, tuple)) else [default])]
        return self._parsed(default)

    def _parsed(self, text):
        try:
            return self.parse(text)
        except (TypeError, ValueError) as e:
            raise IllegalFlagValueError(f"flag --{self.name}={text}: {e}") from None

    def give(self, text):
        """Takes a value from the command line."""
        value = self._parsed(text)
        self.value = [*self.value, value] if self.multiple and self.present else [value] if self.multiple else value
        self.present += 1
        self.using_default_value = False


class FlagValues:
    """All flags of a program, their values as attributes.  Raises AttributeError for a flag that is not defined."""

    def __init__(self):
        self.__dict__["_flags"], self.__dict__["_parsed"], self.__dict__["_rest"] = {}, False, []

    def _define(self, flag, override=False):
        flags = self.__dict__["_flags"]
        old = flags.get(flag.name)
        if old is not None and not override and old.module != flag.module:
            raise DuplicateFlagError(
                f"The flag '{flag.name}' is defined twice. First from {old.module}, Second from {flag.module}."
            )
        flags[flag.name] = flag
        if flag.short_name:
            flags[flag.short_name] = flag

    def __call__(self, argv, known_only=False):
        """Parses `argv`; returns what is no flag, the program's name first.  Raises UnrecognizedFlagError."""
        argv = list(argv)
        rest, flags, i = argv[:1], self.__dict__["_flags"], 1
        while i < len(argv):
            argument = argv[i]
            i += 1
            if argument == "--":
                rest += argv[i:]
                break
            if not argument.startswith("-") or argument in ("-",) or argument[1:2].isdigit():
                rest.append(argument)
                continue
            name, equals, value = argument.lstrip("-").partition("=")
            name = name.replace("-", "_") if name.replace("-", "_") in flags else name
            flag = flags.get(name)
            if flag is None and name.startswith("no") and name[2:] in flags and flags[name[2:]].boolean and not equals:
                flags[name[2:]].give(False)
                continue
            if flag is None:
                if name in ("help", "h", "helpfull", "helpshort", "help_full"):
                    print(self.get_help())
                    sys.exit(1)
                if known_only:
                    rest.append(argument)
                    continue
                raise UnrecognizedFlagError(f"Unknown command line flag '{name}'")
            if flag.boolean:
                flag.give(value if equals else True)
            elif equals:
                flag.give(value)
            elif i < len(argv):
                flag.give(argv[i])
                i += 1
            else:
                raise Error(f"Missing value for flag {argument}")
        self.__dict__["_parsed"] = True
        self.validate_all_flags()
        return rest

    def validate_all_flags(self):
        """Raises IllegalFlagValueError where a validator refuses."""
        for flag in set(self.__dict__["_flags"].values()):
            for check, message in flag.validators:
                if not check(flag.value):
                    raise IllegalFlagValueError(f"flag --{flag.name}={flag.value}: {message}")

    def mark_as_parsed(self):
        self.__dict__["_parsed"] = True

    def is_parsed(self):
        return self.__dict__["_parsed"]

    def _ensure_parsed(self):
        # TF1's FLAGS parsed sys.argv when first read; what other programs' flags are in it is not an error then.
        if not self.__dict__["_parsed"]:
            self(sys.argv, known_only=True)

    def __getattr__(self, name):
        flag = self.__dict__["_flags"].get(name)
        if flag is None:
            raise AttributeError(name)
        self._ensure_parsed()
        return flag.value

    def __setattr__(self, name, value):
        flag = self.__dict__["_flags"].get(name)
        if flag is None:
            raise AttributeError(f"Unknown command line flag {name}")
        flag.value, flag.using_default_value = value, False

    def __delattr__(self, name):
        if self.__dict__["_flags"].pop(name, None) is None:
            raise AttributeError(name)

    def __getitem__(self, name):
        return self.__dict__["_flags"][name]

    def __contains__(self, name):
        return name in self.__dict__["_flags"]

    def __iter__(self):
        return iter(self.__dict__["_flags"])

    def __len__(self):
        return len(self.__dict__["_flags"])

    def __dir__(self):
        return sorted(self.__dict__["_flags"])

    @property
    def __flags(self):  # some scripts reach for FLAGS.__flags
        return self.__dict__["_flags"]

    def _parse_flags(self, args=None):
        self([sys.argv[0], *args] if args is not None else sys.argv, known_only=True)
        return []

    def flag_values_dict(self):
        """{name: value}."""
        return {k: f.value for k, f in self.__dict__["_flags"].items()}

    def get_flag_value(self, name, default):
        """The value of a flag, `default` where it has none."""
        value = getattr(self, name, None)
        return default if value is None else value

    def flags_into_string(self):
        """Each flag and its value as it would stand on a command line."""
        lines = []
        for name, f in self.__dict__["_flags"].items():
            if f.value is not None and name == f.name:
                lines.append((f"--{name}" if f.value else f"--no{name}") if f.boolean else f"--{name}={f.value}")
        return "\n".join(lines) + "\n"

    def get_help(self):
        """What --help prints."""
        lines = [sys.modules["__main__"].__doc__ or f"usage: {sys.argv[0]} [flags]", "flags:"]
        for name, f in sorted(self.__dict__["_flags"].items()):
            if name == f.name:
                lines.append(f"  --{'[no]' if f.boolean else ''}{name}: {f.help}\n    (default: {f.default!r})")
        return "\n".join(lines)


FLAGS = FlagValues()


class FlagHolder:
    """What a DEFINE function returns."""

    def __init__(self, values, flag):
        self._values, self._flag = values, flag

    @property
    def value(self):
        return getattr(self._values, self._flag.name)

    @property
    def default(self):
        return self._flag.default

    @property
    def name(self):
        return self._flag.name

    @property
    def present(self):
        return bool(self._flag.present)


def _caller():
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame.f_globals.get("__name__", "") if frame is not None else ""


def _define(name, default, help, parse, flag_values, required=False, short_name=None, allow_override=False, **flags):
    flag = Flag(name, default, help, parse, short_name=short_name, module=_caller(), **flags)
    flag_values._define(flag, allow_override)
    if required:
        mark_flag_as_required(name, flag_values)
    return FlagHolder(flag_values, flag)


def _bounded(kind, lower, upper):
    def parse(text):
        value = kind(text)
        if lower is not None and value < lower or upper is not None and value > upper:
            raise ValueError(f"{value} is not within [{lower}, {upper}]")
        return value

    return parse


def _old(name, default, help, args):
    """TF1.0's spelling of the arguments: flag_name, default_value, docstring."""
    return args.pop("flag_name", name), args.pop("default_value", default), args.pop("docstring", help)


def DEFINE_string(name=None, default=None, help="", flag_values=FLAGS, required=False, **args):
    name, default, help = _old(name, default, help, args)
    return _define(name, default, help, str, flag_values, required, **_known(args))


def DEFINE_integer(
    name=None, default=None, help="", lower_bound=None, upper_bound=None, flag_values=FLAGS, required=False, **args
):
    name, default, help = _old(name, default, help, args)
    return _define(
        name, default, help, _bounded(_integer, lower_bound, upper_bound), flag_values, required, **_known(args)
    )


def DEFINE_float(
    name=None, default=None, help="", lower_bound=None, upper_bound=None, flag_values=FLAGS, required=False, **args
):
    name, default, help = _old(name, default, help, args)
    return _define(
        name, default, help, _bounded(float, lower_bound, upper_bound), flag_values, required, **_known(args)
    )


def DEFINE_boolean(name=None, default=None, help="", flag_values=FLAGS, module_name=None, required=False, **args):
    name, default, help = _old(name, default, help, args)
    return _define(name, default, help, _boolean, flag_values, required, boolean=True, **_known(args))


def DEFINE_enum(name, default, enum_values, help, flag_values=FLAGS, module_name=None, required=False, **args):
    def parse(text):
        if text not in enum_values:
            raise ValueError(f"value should be one of <{'|'.join(enum_values)}>")
        return text

    return _define(name, default, help, parse, flag_values, required, **_known(args))


def DEFINE_enum_class(
    name, default, enum_class, help, flag_values=FLAGS, module_name=None, case_sensitive=False, required=False, **args
):
    def parse(text):
        if isinstance(text, enum_class):
            return text
        for member in enum_class:
            if member.name == text or not case_sensitive and member.name.lower() == text.lower():
                return member
        raise ValueError(f"value should be one of <{'|'.join(m.name for m in enum_class)}>")

    return _define(name, default, help, parse, flag_values, required, **_known(args))


def _separated(separator):
    def parse(text):
        if isinstance(text, (list, tuple)):
            return list(text)
        return [part.strip() for part in text.split(separator)] if text else []

    return parse


def DEFINE_list(name, default, help, flag_values=FLAGS, required=False, **args):
    return _define(name, default, help, _separated(","), flag_values, required, **_known(args))


def DEFINE_spaceseplist(name, default, help, comma_compat=False, flag_values=FLAGS, required=False, **args):
    return _define(
        name,
        default,
        help,
        lambda text: list(text) if isinstance(text, (list, tuple)) else text.split(),
        flag_values,
        required,
        **_known(args),
    )


def DEFINE_multi_string(name, default, help, flag_values=FLAGS, required=False, **args):
    return _define(name, default, help, str, flag_values, required, multiple=True, **_known(args))


def DEFINE_multi_integer(
    name, default, help, lower_bound=None, upper_bound=None, flag_values=FLAGS, required=False, **args
):
    return _define(
        name,
        default,
        help,
        _bounded(_integer, lower_bound, upper_bound),
        flag_values,
        required,
        multiple=True,
        **_known(args),
    )


def DEFINE_multi_float(
    name, default, help, lower_bound=None, upper_bound=None, flag_values=FLAGS, required=False, **args
):
    return _define(
        name,
        default,
        help,
        _bounded(float, lower_bound, upper_bound),
        flag_values,
        required,
        multiple=True,
        **_known(args),
    )


def DEFINE_alias(name, original_name, flag_values=FLAGS, module_name=None):
    """Another name for a flag."""
    flag_values._flags[name] = flag_values._flags[original_name]


def _known(args):
    unknown = set(args) - {
        "short_name",
        "allow_override",
        "module_name",
        "allow_override_cpp",
        "allow_hide_cpp",
        "allow_overwrite",
    }
    if unknown:
        raise TypeError(f"unexpected keyword argument {sorted(unknown)[0]!r} of a flag")
    return {k: v for k, v in args.items() if k in ("short_name", "allow_override")}


def register_validator(flag_name, checker, message="Flag validation failed", flag_values=FLAGS):
    """`checker(value)` must hold once the command line is parsed."""
    flag_values._flags[flag_name].validators.append((checker, message))


def validator(flag_name, message="Flag validation failed", flag_values=FLAGS):
    """A decorator: the function checks the flag."""

    def decorate(function):
        register_validator(flag_name, function, message, flag_values)
        return function

    return decorate


def mark_flag_as_required(flag_name, flag_values=FLAGS):
    """The flag must be given a value."""
    register_validator(
        flag_name, lambda v: v is not None, f"Flag --{flag_name} must have a value other than None.", flag_values
    )


def mark_flags_as_required(flag_names, flag_values=FLAGS):
    for name in flag_names:
        mark_flag_as_required(name, flag_values)


DEFINE_bool = DEFINE_boolean
_PUBLIC = [n for n in globals() if n.startswith("DEFINE_")] + [
    "FLAGS",
    "Error",
    "DuplicateFlagError",
    "IllegalFlagValueError",
    "UnrecognizedFlagError",
    "UnparsedFlagAccessError",
    "ValidationError",
    "Flag",
    "FlagHolder",
    "FlagValues",
    "register_validator",
    "validator",
    "mark_flag_as_required",
    "mark_flags_as_required",
]
for _name in _PUBLIC:
    export("", v1=f"flags.{_name} app.flags.{_name}")(globals()[_name])


@export("", v1="app.run")
def run(main=None, argv=None):
    """Parses the flags, calls `main(argv)` and exits with what it returns."""
    try:
        rest = FLAGS(sys.argv if argv is None else argv, known_only=True)
    except Error as error:
        print(f"FATAL Flags parsing error: {error}\nPass --help to see help on flags.", file=sys.stderr)
        sys.exit(1)
    main = main or sys.modules["__main__"].main
    sys.exit(main(rest))
