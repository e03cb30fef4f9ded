"""tf.contrib.training.HParams."""

from __future__ import annotations

import json

from ..declare import export


@export("", v1="contrib.training.HParams")
class HParams:
    """Named values as attributes; `parse("rate=0.1,layers=[3,4]")` sets them from text, in their own types."""

    def __init__(self, hparam_def=None, model_structure=None, **kwargs):
        self._names: list = []
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name, value):
        """A new value.  Raises ValueError for a name in use, or for an empty list."""
        if hasattr(self, name):
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        if isinstance(value, (list, tuple)) and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._names.append(name)
        setattr(self, name, list(value) if isinstance(value, tuple) else value)

    def set_hparam(self, name, value):
        """Another value for a name that exists.  Raises KeyError or ValueError."""
        old = self._known(name)
        if isinstance(old, list) != isinstance(value, (list, tuple)):
            raise ValueError(f"Must {'' if isinstance(old, list) else 'not '}pass a list for this parameter: {name}.")
        setattr(
            self, name, [_cast(name, v, old[0]) for v in value] if isinstance(old, list) else _cast(name, value, old)
        )

    def _known(self, name):
        if name not in self._names:
            raise KeyError(name)
        return getattr(self, name)

    def del_hparam(self, name):
        """Forgets a value."""
        if name in self._names:
            self._names.remove(name)
            delattr(self, name)

    def parse(self, values):
        """Sets values from text: name=value, lists in brackets.  Raises ValueError for an unknown name or a bad value."""
        depth, parts, current = 0, [], ""
        for letter in values:
            depth += (letter == "[") - (letter == "]")
            if letter == "," and not depth:
                parts.append(current)
                current = ""
            else:
                current += letter
        for part in [*parts, current]:
            if not part.strip():
                continue
            name, equals, text = part.partition("=")
            name, text = name.strip(), text.strip()
            if not equals:
                raise ValueError(f"Malformed hyperparameter value: {part}")
            if name not in self._names:
                raise ValueError(f"Unknown hyperparameter type for {name}")
            old = getattr(self, name)
            items = [t.strip() for t in text[1:-1].split(",")] if text.startswith("[") else text
            self.set_hparam(name, items if isinstance(old, list) else text)
        return self

    def override_from_dict(self, values_dict):
        """Sets values from a dict."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def values(self):
        """The values by name, as a dict."""
        return {n: getattr(self, n) for n in self._names}

    def get(self, key, default=None):
        """The value of a name, or a default."""
        return getattr(self, key) if key in self._names else default

    def to_json(self, indent=None, separators=None, sort_keys=False):
        """The values as JSON."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def parse_json(self, values_json):
        """Sets values from JSON."""
        return self.override_from_dict(json.loads(values_json))

    def __contains__(self, key):
        return key in self._names

    def __str__(self):
        return str(sorted(self.values().items()))

    def __repr__(self):
        return f"HParams({', '.join(f'{n}={v!r}' for n, v in sorted(self.values().items()))})"


def _cast(name, value, old):
    """`value` in the type of `old`; ValueError where it does not fit."""
    try:
        if isinstance(old, bool):
            if isinstance(value, str):
                return {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}[value]
            if value in (0, 1):
                return bool(value)
            raise ValueError(value)
        if isinstance(old, int) and not isinstance(value, str) and value != int(value):
            raise ValueError(value)
        return value if old is None else type(old)(value)
    except (KeyError, ValueError, TypeError):
        raise ValueError(f"Could not parse hyperparameter {name}: {value!r} is no {type(old).__name__}") from None
