"""What a pickle of tensors says it holds, read without unpickling anything.

torch saves a state_dict as a pickle whose tensors refer to storages beside it. Its weights-only loading runs nothing
but a few known functions, yet some of those take any size that a file names (`bytearray(2**33)`, or a tensor over a
storage that grows to fit it). So this reads the pickle's instructions one by one on a small stack of plain values,
knows only what a state_dict is made of, and calls nothing.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

MOST_STEPS = 2_000_000  # instructions; a state_dict needs about 40 for a tensor
MOST_SIDES = 16  # dimensions of a tensor
DTYPES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
SIZES = {
    "float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1,
    "bool": 1,
}  # fmt: skip
KINDS = {
    "_rebuild_qtensor": "quantized tensors",
    "_rebuild_sparse_tensor": "sparse tensors",
    "_rebuild_sparse_csr_tensor": "sparse tensors",
    "_rebuild_meta_tensor_no_storage": "tensors without values",
    "_rebuild_nested_tensor": "nested tensors",
    "_rebuild_wrapper_subclass": "tensors of a class of their own",
    "_rebuild_tensor_v3": "tensors of an unusual type",
    "ComplexFloatStorage": "complex numbers",
    "ComplexDoubleStorage": "complex numbers",
}


class PickledError(ValueError):
    """A pickle that is no state_dict; the text says what it holds, as the second half of a sentence."""

    private = True  # it may name a person's file: logs leave it out


@dataclass(frozen=True)
class Storage:
    """Numbers in a row, beside the pickle. count: of elements."""

    dtype: str
    key: str
    count: int

    @property
    def bytes(self) -> int:
        return self.count * SIZES[self.dtype]


@dataclass(frozen=True)
class Stored:
    """A tensor: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def reach(self) -> int:
        """How many elements of the storage the view needs."""
        if 0 in self.shape:
            return 0
        return self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True)) + 1


@dataclass(frozen=True)
class Name:
    """A function or class that a pickle refers to, by name only."""

    module: str
    name: str


MARK = object()
DICT = Name("collections", "OrderedDict")
TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
PARAMETER = Name("torch._utils", "_rebuild_parameter")
STORAGES = {Name("torch", name): dtype for name, dtype in DTYPES.items()}


def read(stream: IO[bytes]) -> Any:
    """The value of the pickle at the stream's place, tensors as `Stored`; the stream is left behind its end.

    Raises PickledError for anything that no state_dict needs, and for a damaged pickle.
    """
    machine = Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number >= MOST_STEPS:
                raise PickledError("it has more instructions than any network's weights")
            if opcode.name == "STOP":
                return machine.pop()
            machine.do(opcode.name, argument)
    except PickledError:
        raise
    except (ValueError, IndexError, TypeError, KeyError, EOFError, OverflowError, AttributeError) as error:
        raise PickledError("its pickle is damaged") from error
    raise PickledError("its pickle is cut short")


class Machine:
    """The pickle's stack, with plain values alone on it."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self.stack.pop()

    def items(self) -> list[Any]:
        """What lies above the last mark."""
        place = max(i for i, value in enumerate(self.stack) if value is MARK)
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def do(self, name: str, argument: Any) -> None:
        """One instruction."""
        if name in PLAIN:
            self.stack.append(argument)
        elif name in FIXED:
            self.stack.append(FIXED[name]())
        elif name in ACTIONS:
            ACTIONS[name](self, argument)
        elif name not in IGNORED:
            raise PickledError(f"its pickle uses the instruction {name}, which no weights need")

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def last(self, count: int) -> None:
        """The last values become a tuple."""
        found = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(found)))

    def set_items(self, pairs: list[Any]) -> None:
        whole = self.stack[-1]
        if not isinstance(whole, dict):
            raise PickledError("its pickle is damaged")
        for key, value in zip(pairs[0::2], pairs[1::2], strict=True):
            if not isinstance(key, str | int):
                raise PickledError("it holds a dictionary whose keys are no names")
            whole[key] = value

    def call(self) -> None:
        arguments, name = self.pop(), self.pop()
        self.stack.append(made(name, arguments))

    def refer(self, text: str) -> None:
        module, _, name = text.partition(" ")
        self.stack.append(known(Name(module, name)))

    def storage(self) -> None:
        """A persistent id: `('storage', type, key, location, count)`, and in old files one more."""
        kind, of, key, _, count, *_ = self.pop()
        if kind != "storage" or of not in STORAGES or not isinstance(key, str) or not _counts([count]):
            raise PickledError("its pickle is damaged")
        self.stack.append(Storage(STORAGES[of], key, count))

    def build(self) -> None:
        """The state of an object: a state_dict's `_metadata`, which nobody needs."""
        self.pop()
        if not isinstance(self.stack[-1], dict):
            raise PickledError("its pickle is damaged")


def known(name: Name) -> Name:
    """The name itself where a state_dict needs it."""
    if name in (DICT, TENSOR, PARAMETER) or name in STORAGES:
        return name
    if name.name in KINDS:
        raise PickledError(f"it holds {KINDS[name.name]}; only dense tensors of plain numbers can be used")
    whole = f"{name.module}.{name.name}"[:80]
    raise PickledError(
        f"it refers to {whole!r}, which weights-only loading has no need of; save model.state_dict() alone"
    )


def made(name: Any, arguments: Any) -> Any:
    """What a call gives, of the three that a state_dict makes."""
    if name == DICT and arguments in ((), ([],)):
        return {}
    if name == DICT and len(arguments) == 1 and all(isinstance(pair, list | tuple) for pair in arguments[0]):
        return {str(key): value for key, value in arguments[0]}
    if name == PARAMETER and isinstance(arguments[0], Stored):
        return arguments[0]
    if name == TENSOR:
        storage, offset, shape, stride, *_ = arguments
        sides = isinstance(shape, tuple) and isinstance(stride, tuple) and len(shape) == len(stride) <= MOST_SIDES
        if isinstance(storage, Storage) and sides and _counts([offset, *shape, *stride]):
            return Stored(storage, offset, shape, stride)
    raise PickledError("its pickle is damaged")


def _counts(values: list[Any]) -> bool:
    """Whether all are whole numbers from 0 up, and below 2⁶²."""
    return all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 for value in values)


PLAIN = {
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1",
    "LONG4", "BINFLOAT", "SHORT_BINSTRING", "BINSTRING",
}  # fmt: skip
FIXED: dict[str, Callable[[], Any]] = {
    "MARK": lambda: MARK,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
IGNORED = {"PROTO", "FRAME"}
ACTIONS: dict[str, Callable[[Machine, Any], Any]] = {
    "BINPUT": lambda machine, place: machine.put(place),
    "LONG_BINPUT": lambda machine, place: machine.put(place),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    "BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
    "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.items())),
    "TUPLE1": lambda machine, _: machine.last(1),
    "TUPLE2": lambda machine, _: machine.last(2),
    "TUPLE3": lambda machine, _: machine.last(3),
    "APPEND": lambda machine, _: machine.stack[-2].append(machine.pop()),
    "APPENDS": lambda machine, _: (lambda found: machine.stack[-1].extend(found))(machine.items()),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.items()),
    "GLOBAL": lambda machine, text: machine.refer(text),
    "REDUCE": lambda machine, _: machine.call(),
    "BINPERSID": lambda machine, _: machine.storage(),
    "BUILD": lambda machine, _: machine.build(),
}
