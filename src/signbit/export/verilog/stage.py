"""An instance of a module in the network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from signbit.export.verilog.cycles import Timing
from signbit.export.verilog.memory import Memory
from signbit.format import Node, ValueType
from signbit.format.parameters import node_name


@dataclass(frozen=True)
class Stage:
    """A module between streams.

    node: number of the node that it computes.
    role: the end of the instance's name, after the number of the node.
    source: the name of the stage, or of the input stream, that it reads.
    second: the same for its ports that begin with t; None where it has none.
    inputs: its input ports without valid and ready, and what drives each: a port of the source, or
        text that is not the name of a port, such as `1'b1`.
    outputs: its output ports without valid and ready, and their widths.
    timing: the cycles in which its beats leave.
    memory: the content of the file that its parameter FILE names.
    """

    node: int
    role: str
    module: str
    source: str
    parameters: Mapping[str, int | str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, int]
    timing: Timing
    memory: Memory | None = None
    clocked: bool = True
    memory_layout: str = ""
    second: str | None = None

    @property
    def name(self) -> str:
        """The name of the instance. The names of its signals begin with it."""
        return f"{node_name(self.node)}_{self.role}"


@dataclass(frozen=True)
class Geometry:
    """A window over a padded map."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int] = field(default=(0, 0, 0, 0))

    @classmethod
    def of(cls, node: Node, source: ValueType) -> "Geometry":
        """The window of a convolution or pooling."""
        attributes = node.attributes
        return cls(
            (source.height, source.width),
            *(tuple(attributes[key]) for key in ("kernel", "stride", "dilation", "padding")),
        )

    @property
    def taps(self) -> int:
        """The number of taps of a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with the padding."""
        top, left, bottom, right = self.padding
        return self.size[0] + top + bottom, self.size[1] + left + right

    @property
    def windows(self) -> int:
        """The number of windows in a map."""
        return sum(gives for _, gives in self.steps())

    @property
    def is_whole_map(self) -> bool:
        """Whether one window without padding is the map."""
        return self.kernel == self.size and not any(self.padding)

    def steps(self) -> Iterator[tuple[bool, bool]]:
        """For each padded position: whether it is in the map, and whether it completes a window."""
        reach = [d * (k - 1) for k, d in zip(self.kernel, self.dilation, strict=True)]
        top, left, _, _ = self.padding
        rows, columns = self.padded
        for y in range(rows):
            row_inside = 0 <= y - top < self.size[0]
            row_gives = y >= reach[0] and (y - reach[0]) % self.stride[0] == 0
            for x in range(columns):
                inside = row_inside and 0 <= x - left < self.size[1]
                gives = row_gives and x >= reach[1] and (x - reach[1]) % self.stride[1] == 0
                yield inside, gives

    def parameters(self) -> dict[str, int | str]:
        """The parameters of signbit_window without DATA."""
        pairs = {
            ("HEIGHT", "WIDTH"): self.size,
            ("KERNEL_H", "KERNEL_W"): self.kernel,
            ("STRIDE_H", "STRIDE_W"): self.stride,
            ("DILATION_H", "DILATION_W"): self.dilation,
            ("PAD_TOP", "PAD_LEFT", "PAD_BOTTOM", "PAD_RIGHT"): self.padding,
        }
        return {
            name: value
            for names, values in pairs.items()
            for name, value in zip(names, values, strict=True)
        }
